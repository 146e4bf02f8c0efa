"""Tokens in HttpOnly cookies, and their CSRF protection."""

import functools
from collections.abc import Collection
from datetime import timedelta
from typing import Self

from starlette.requests import Request
from starlette.responses import Response

from graphql_auth.errors import Forbidden
from graphql_auth.graphql_http.endpoint import Headers

# https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis-20#section-4.1.3.2: a browser
# accepts it over HTTPS only, and from this host only.
SECURE_PREFIX = "__Host-"
# For development: http://localhost has no HTTPS, and not every browser makes an exception.
LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}


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
    """One cookie, in the request and in the response.

    CSRF protection: everything except ``peek`` requires an Origin header that is ours or in
    ALLOWED_ORIGINS. Besides, graphql_http/params.py requires JSON, which needs a preflight.
    """

    def __init__(
        self, request: Request, headers: Headers, name: str, allowed_origins: Collection[str]
    ) -> None:
        self._request = request
        self._headers = headers
        self._allowed_origins = allowed_origins
        self._origin = request.headers.get("origin", "")
        # A proxy may connect by HTTP to localhost. The origin of our own page is more reliable.
        is_https_page = self._origin.startswith("https://") and self._has_allowed_origin()
        is_https = request.url.scheme == "https" or is_https_page
        is_local = request.url.hostname in LOCAL_HOSTS and not is_https
        self._name = name if is_local else SECURE_PREFIX + name
        # Except on localhost, a neighbouring host could have set a cookie without the prefix.
        names = [name, SECURE_PREFIX + name] if is_local else [self._name]
        values = {each: find_cookie(request, each) for each in names}
        self._found_name = next((each for each in names if values[each]), self._name)
        self._token = values[self._found_name]

    def check_origin(self) -> None:
        """Raise Forbidden unless the page may use the cookie."""
        if not self._has_allowed_origin():
            raise Forbidden

    def peek(self) -> str | None:
        """Return the token without checking the origin."""
        return self._token

    def read(self) -> str | None:
        """Return the token; raises Forbidden when the page may not use the cookie."""
        if self._token:
            self.check_origin()
        return self._token

    def set(self, token: str, lifetime: timedelta) -> None:
        """Replace the token in the browser."""
        if self._found_name != self._name:
            self.clear()
        self._found_name, self._token = self._name, token
        self._write(token, int(lifetime.total_seconds()))

    def clear(self) -> None:
        """Delete the token in the browser, if there is one and the page may use it."""
        if self._token and self._has_allowed_origin():
            self._token = None
            self._write("", 0)

    def _has_allowed_origin(self) -> bool:
        host = self._request.headers.get("host")
        # A proxy may hide that the page was loaded by HTTPS.
        own = {f"https://{host}", f"{self._request.url.scheme}://{host}"}
        return self._origin in own or self._origin in self._allowed_origins

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
    def refresh(self) -> TokenCookie:
        return self._cookie("refresh-token")

    @functools.cached_property
    def device(self) -> TokenCookie:
        return self._cookie("device-token")

    def if_requested(self, is_requested: bool) -> Self | None:  # noqa: FBT001 - an input field
        """Return these if they are requested; raises Forbidden if the page may not use them."""
        if not is_requested:
            return None
        self.refresh.check_origin()
        return self

    def _cookie(self, name: str) -> TokenCookie:
        return TokenCookie(self._request, self._headers, name, self._allowed_origins)
