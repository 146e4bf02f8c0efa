"""The refresh token in a cookie, where no script of a page can read it."""

from collections.abc import Collection
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from typing import Self

from starlette.requests import Request

from graphql_auth.errors import Forbidden

# https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis-20#section-4.1.3.2: a browser
# takes it over HTTPS only, and from this host only.
SECURE_NAME = "__Host-refresh-token"
# For development: http://localhost has no HTTPS, and not every browser makes an exception.
LOCAL_NAME = "refresh-token"
LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}


class RefreshCookie:
    """The cookie of one request, and what is to become of it by the answer.

    A browser sends a cookie along whoever makes it ask. So whatever uses or sets this one needs an
    ``Origin``, which no page can forge, that is ours or listed; and JSON, which no page of another
    origin can send unless it is listed.
    """

    def __init__(self, request: Request, listed: Collection[str]) -> None:
        self._request = request
        self._listed = listed
        local = request.url.scheme == "http" and request.url.hostname in LOCAL_HOSTS
        self._name = LOCAL_NAME if local else SECURE_NAME
        self._secure = not local
        self.is_present = self._name in request.cookies
        self.header: str | None = None

    def wanted(self, wanted: bool) -> Self | None:  # noqa: FBT001 - what a page said
        """Return this cookie if it is wanted; raises Forbidden when the page is not to use it."""
        if not wanted:
            return None
        self._check()
        return self

    def read(self) -> str | None:
        """Return the refresh token; raises Forbidden when the page that asks is not to use it."""
        if not self.is_present:
            return None
        self._check()
        return self._request.cookies[self._name]

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
