"""Tokens in HttpOnly cookies."""

import functools
from collections.abc import Collection
from datetime import timedelta
from typing import Self

from starlette.requests import Request
from starlette.responses import Response

from graphql_auth.graphql_http.endpoint import Headers
from graphql_auth.origins import is_local
from graphql_auth.sessions.csrf import PageOrigin

# https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis-20#section-4.1.3.2: a browser
# accepts it over HTTPS only, and from this host only.
SECURE_PREFIX = "__Host-"


def find_cookie(request: Request, name: str) -> str | None:
    """Return the value of a cookie, byte for byte; None without one or with two different ones.

    Starlette's ``request.cookies`` is unsafe here: it strips the byte A0 from a name. A browser
    does not let a neighbouring host set ``__Host-…``, but it does let it set A0 and that name.
    RFC 6265bis section 5.6 strips spaces and tabs only.
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
    """One cookie, in the request and in the response."""

    def __init__(self, request: Request, headers: Headers, name: str, page: PageOrigin) -> None:
        self._headers = headers
        self._page = page
        self._name = name if is_local(page.server) else SECURE_PREFIX + name
        # Except on localhost, a neighbouring host could have set a cookie without the prefix.
        names = [name, SECURE_PREFIX + name] if is_local(page.server) else [self._name]
        values = {each: find_cookie(request, each) for each in names}
        self._found_name = next((each for each in names if values[each]), self._name)
        self._token = values[self._found_name]

    def peek(self) -> str | None:
        """Return the token without checking the origin."""
        return self._token

    def read(self, *, is_required: bool = False) -> str | None:
        """Return the token; raises Forbidden when the page may not use the cookie.

        A browser sends no cookie to another site. So if the token is required, this raises without
        one too; then a client that is no browser, which sends no Origin, gets None.
        """
        if self._token or (is_required and self._page.header is not None):
            self._page.check()
        return self._token

    def set(self, token: str, lifetime: timedelta) -> None:
        if self._found_name != self._name:
            self.clear()
        self._found_name, self._token = self._name, token
        self._write(token, int(lifetime.total_seconds()))

    def clear(self) -> None:
        """Delete the token in the browser, if there is one and the page may use it."""
        if self._token and self._page.is_allowed:
            self._token = None
            self._write("", 0)

    def _write(self, value: str, max_age: int) -> None:
        name = self._found_name
        # A response sets each cookie once (RFC 6265 section 4.1.1).
        self._headers[:] = [
            (header, line)
            for header, line in self._headers
            if header != b"set-cookie" or not line.startswith(f"{name}=".encode())
        ]
        response = Response()
        response.set_cookie(
            name,
            value,
            max_age=max_age,
            secure=name.startswith(SECURE_PREFIX),
            httponly=True,
            samesite="strict",
        )
        self._headers.append(response.raw_headers[-1])


class Cookies:
    """The cookies of one request, which are parsed when they are needed."""

    def __init__(
        self, request: Request, headers: Headers, allowed_origins: Collection[str]
    ) -> None:
        self._request = request
        self._headers = headers
        self._allowed_origins = allowed_origins

    @functools.cached_property
    def _page(self) -> PageOrigin:
        return PageOrigin(self._request, self._allowed_origins)

    @functools.cached_property
    def refresh(self) -> TokenCookie:
        return TokenCookie(self._request, self._headers, "refresh-token", self._page)

    @functools.cached_property
    def device(self) -> TokenCookie:
        return TokenCookie(self._request, self._headers, "device-token", self._page)

    def if_requested(self, is_requested: bool | None) -> Self | None:  # noqa: FBT001 - an input field
        """Return these if they are requested; raises Forbidden if the page may not use them."""
        if not is_requested:
            return None
        self._page.check()
        return self
