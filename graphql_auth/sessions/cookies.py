"""Tokens in cookies, where no script of a page can read them."""

import functools
from collections.abc import Collection
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Self

from starlette.requests import Request

from graphql_auth.errors import Forbidden

# https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis-20#section-4.1.3.2: a browser
# takes it over HTTPS only, and from this host only.
SECURE_PREFIX = "__Host-"
# For development: http://localhost has no HTTPS, and not every browser makes an exception.
LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}


def find_cookie(request: Request, name: str) -> str | None:
    """Return the value of a cookie, byte for byte; None without one, and for two different ones.

    A browser lets no neighbouring host set ``__Host-…``. It does let one set the same name after a
    byte A0, which str.strip() would remove. RFC 6265bis section 5.6 strips spaces and tabs only.
    """
    values = {
        value.strip(b" \t")
        for header, line in request.scope["headers"]
        if header == b"cookie"
        for found, equals, value in [pair.partition(b"=") for pair in line.split(b";")]
        if equals and found.strip(b" \t") == name.encode()
    }
    return values.pop().decode("latin-1") if len(values) == 1 else None


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
        # A proxy may ask us by HTTP and by the name localhost; a page of ours knows better.
        is_https_page = self._origin.startswith("https://") and self._is_ours()
        over_https = request.url.scheme == "https" or is_https_page
        local = request.url.hostname in LOCAL_HOSTS
        is_plain = local and not over_https
        self._name = name if is_plain else SECURE_PREFIX + name
        # Elsewhere a cookie without the prefix may be the work of a neighbouring host.
        readable = [name, SECURE_PREFIX + name] if is_plain else [self._name]
        found = {one: find_cookie(request, one) for one in readable}
        self._found = next((one for one in readable if found[one]), self._name)
        self._token = found[self._found]
        self.headers: dict[str, str] = {}

    def wanted(self, wanted: bool) -> Self | None:  # noqa: FBT001 - what a page said
        """Return this cookie if it is wanted; raises Forbidden when the page is not to use it."""
        if not wanted:
            return None
        self._check()
        return self

    def peek(self) -> str | None:
        """Return the token, for what does not depend on which page asks."""
        return self._token

    def read(self) -> str | None:
        """Return the token; raises Forbidden when the page that asks is not to use it."""
        if self._token:
            self._check()
        return self._token

    def put(self, token: str, lifetime: timedelta) -> None:
        """Have the browser keep a token, which replaces the one that it has."""
        self.clear()
        self._found, self._token = self._name, token
        self._set(token, int(lifetime.total_seconds()))

    def clear(self) -> None:
        """Have the browser forget the token, if it has one and the page that asks may use it."""
        if self._token and self._is_ours():
            self._token = None
            self._set("", 0)

    def _is_ours(self) -> bool:
        host = self._request.headers.get("host")
        # Behind a proxy we may not know that the page came by HTTPS.
        ours = {f"https://{host}", f"{self._request.url.scheme}://{host}"}
        return self._origin in ours or self._origin in self._listed

    def _check(self) -> None:
        if not self._is_ours():
            raise Forbidden

    def _set(self, value: str, seconds: int) -> None:
        name = self._found
        cookie: SimpleCookie = SimpleCookie({name: value})
        morsel = cookie[name]
        morsel["path"] = "/"
        morsel["max-age"] = seconds
        morsel["httponly"] = True
        morsel["secure"] = name.startswith(SECURE_PREFIX)
        morsel["samesite"] = "Strict"
        self.headers[name] = morsel.OutputString()


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
        return [header for one in used for header in one.headers.values()]

    def wanted(self, wanted: bool) -> Self | None:  # noqa: FBT001 - what a page said
        """Return these if they are wanted; raises Forbidden when the page is not to use them."""
        return self if self.refresh.wanted(wanted) else None
