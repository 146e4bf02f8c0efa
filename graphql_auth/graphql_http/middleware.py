"""What every answer has, whatever it answers: an id, and headers that keep browsers careful."""

import re
import secrets
from collections.abc import Iterable, Iterator

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graphql_auth.logs import REQUEST_ID

# The answers hold no page that may load anything; the playground has a policy of its own.
CONTENT_SECURITY_POLICY = b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
POLICY = b"content-security-policy"
_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

Header = tuple[bytes, bytes]


class Edge:
    """The ASGI application around all others."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give the request an id, for the answer and for every line that is logged of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope["headers"])

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    *_headers(message["headers"], request_id),
                ]
            await send(message)

        logged_as = REQUEST_ID.set(request_id)
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            REQUEST_ID.reset(logged_as)


class ShortWay:
    """Leads to the one path that nearly all ask for, past the router of the application."""

    def __init__(self, app: ASGIApp, path: str, endpoint: ASGIApp) -> None:
        self._app = app
        self._path = path
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the request answered."""
        if scope["type"] == "http" and scope["path"] == self._path:
            await self._endpoint(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _request_id(headers: Iterable[Header]) -> str:
    """Take the id that a proxy or a client gave, if it is harmless in a log and a header."""
    for name, value in headers:
        if name == b"x-request-id" and _ACCEPTABLE_ID.fullmatch(value):
            return value.decode()
    return secrets.token_hex(8)


def _headers(others: Iterable[Header], request_id: str) -> Iterator[Header]:
    """Yield what goes to the headers of an answer, which may have a policy of its own."""
    yield b"x-request-id", request_id.encode()
    yield b"x-content-type-options", b"nosniff"
    yield b"referrer-policy", b"no-referrer"
    if all(name != POLICY for name, _ in others):
        yield POLICY, CONTENT_SECURITY_POLICY
