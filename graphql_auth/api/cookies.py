"""Tokens in cookies, where no script of a page can read them."""

from collections.abc import Collection
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from typing import Self

from starlette.requests import Request

from graphql_auth.errors import Forbidden

# https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis-20#section-4.1.3.2: a browser
# takes it over HTTPS only, and from this host only.
SECURE_PREFIX = "__Host-"
# For development: http://localhost has no HTTPS, and not every browser makes an exception.
LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}


class TokenCookie:
    """A cookie of one request, and what is to become of it by the answer.

    A browser sends a cookie along whoever makes it ask. So whatever uses or sets one needs an
    ``Origin``, which no page can forge, that is ours or listed; and JSON, which no page of another
    origin can send unless it is listed.
    """

    def __init__(self, request: Request, name: str, listed: Collection[str]) -> None:
        self._request = request
        self._listed = listed
        local = request.url.scheme == "http" and request.url.hostname in LOCAL_HOSTS
        self._name = name if local else SECURE_PREFIX + name
        self._secure = not local
        self.is_present = self._name in request.cookies
        self.header: str | None = None

    def wanted(self, wanted: bool) -> Self | None:  # noqa: FBT001 - what a page said
        """Return this cookie if it is wanted; raises Forbidden when the page is not to use it."""
        if not wanted:
            return None
        self._check()
        return self

    def peek(self) -> str | None:
        """Return the token, for what does not depend on which page asks."""
        return self._request.cookies.get(self._name)

    def read(self) -> str | None:
        """Return the token; raises Forbidden when the page that asks is not to use it."""
        if self.is_present:
            self._check()
        return self.peek()

    def put(self, token: str, expires_at: datetime) -> None:
        """Have the browser keep a token."""
        self._set(token, int((expires_at - datetime.now(UTC)).total_seconds()))

    def clear(self) -> None:
        """Have the browser forget the token, if it has one."""
        if self.is_present:
            self._set("", 0)

    def _check(self) -> None:
        origin = self._request.headers.get("origin", "")
        host = self._request.headers.get("host")
        # Behind a proxy we may not know whether the page came by HTTPS; the host tells enough.
        ours = {f"http://{host}", f"https://{host}"}
        if origin not in ours and origin not in self._listed:
            raise Forbidden

    def _set(self, value: str, seconds: int) -> None:
        cookie: SimpleCookie = SimpleCookie({self._name: value})
        morsel = cookie[self._name]
        morsel["path"] = "/"
        morsel["max-age"] = seconds
        morsel["httponly"] = True
        morsel["secure"] = self._secure
        morsel["samesite"] = "Strict"
        self.header = morsel.OutputString()


class Cookies:
    """The cookies of one request."""

    def __init__(self, request: Request, listed: Collection[str]) -> None:
        self.refresh = TokenCookie(request, "refresh-token", listed)
        self.device = TokenCookie(request, "device-token", listed)

    @property
    def headers(self) -> list[str]:
        """The values of ``Set-Cookie`` in the answer."""
        return [one.header for one in (self.refresh, self.device) if one.header]

    def wanted(self, wanted: bool) -> Self | None:  # noqa: FBT001 - what a page said
        """Return these if they are wanted; raises Forbidden when the page is not to use them."""
        return self if self.refresh.wanted(wanted) else None
