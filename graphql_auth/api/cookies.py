"""Tokens in cookies, where no script of a page can read them."""

import functools
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
        self._origin = request.headers.get("origin", "")
        # A proxy may ask us by HTTP and by the name localhost; the page knows better.
        over_https = request.url.scheme == "https" or self._origin.startswith("https://")
        local = request.url.hostname in LOCAL_HOSTS
        self._name = name if local and not over_https else SECURE_PREFIX + name
        # Elsewhere a cookie without the prefix may be the work of a neighbouring host.
        readable = (SECURE_PREFIX + name, name) if local else (SECURE_PREFIX + name,)
        self._found = next((one for one in readable if one in request.cookies), None)
        self.header: str | None = None

    @property
    def is_present(self) -> bool:
        """Whether the browser has sent one."""
        return self._found is not None

    def wanted(self, wanted: bool) -> Self | None:  # noqa: FBT001 - what a page said
        """Return this cookie if it is wanted; raises Forbidden when the page is not to use it."""
        if not wanted:
            return None
        self._check()
        return self

    def peek(self) -> str | None:
        """Return the token, for what does not depend on which page asks."""
        return self._request.cookies[self._found] if self._found else None

    def read(self) -> str | None:
        """Return the token; raises Forbidden when the page that asks is not to use it."""
        if self.is_present:
            self._check()
        return self.peek()

    def put(self, token: str, expires_at: datetime) -> None:
        """Have the browser keep a token."""
        self._set(self._name, token, int((expires_at - datetime.now(UTC)).total_seconds()))

    def clear(self) -> None:
        """Have the browser forget the token, if it has one."""
        if self._found:
            self._set(self._found, "", 0)

    def _check(self) -> None:
        host = self._request.headers.get("host")
        # Behind a proxy we may not know that the page came by HTTPS.
        ours = {f"https://{host}", f"{self._request.url.scheme}://{host}"}
        if self._origin not in ours and self._origin not in self._listed:
            raise Forbidden

    def _set(self, name: str, value: str, seconds: int) -> None:
        cookie: SimpleCookie = SimpleCookie({name: value})
        morsel = cookie[name]
        morsel["path"] = "/"
        morsel["max-age"] = seconds
        morsel["httponly"] = True
        morsel["secure"] = name.startswith(SECURE_PREFIX)
        morsel["samesite"] = "Strict"
        self.header = morsel.OutputString()


class Cookies:
    """The cookies of one request, read when they are asked for, which is seldom."""

    def __init__(self, request: Request, listed: Collection[str]) -> None:
        self._request = request
        self._listed = listed

    @functools.cached_property
    def refresh(self) -> TokenCookie:
        """Holds the refresh token."""
        return TokenCookie(self._request, "refresh-token", self._listed)

    @functools.cached_property
    def device(self) -> TokenCookie:
        """Holds the proof that this browser signed in before."""
        return TokenCookie(self._request, "device-token", self._listed)

    @property
    def headers(self) -> list[str]:
        """The values of ``Set-Cookie`` in the answer."""
        used = [one for one in vars(self).values() if isinstance(one, TokenCookie)]
        return [one.header for one in used if one.header]

    def wanted(self, wanted: bool) -> Self | None:  # noqa: FBT001 - what a page said
        """Return these if they are wanted; raises Forbidden when the page is not to use them."""
        return self if self.refresh.wanted(wanted) else None
