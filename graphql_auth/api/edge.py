"""What every answer has, whatever it answers: an id, and headers that keep browsers careful."""

import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graphql_auth.logs import REQUEST_ID

# The answers hold no page that may load anything; the playground has a policy of its own.
CONTENT_SECURITY_POLICY = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Edge:
    """The ASGI application around all others."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give the request an id, for the answer and for every line that is logged of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(MutableHeaders(scope=message), request_id)
            await send(message)

        logged_as = REQUEST_ID.set(request_id)
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            REQUEST_ID.reset(logged_as)


def _request_id(headers: Headers) -> str:
    """Take the id that a proxy or a client gave, if it is harmless in a log and a header."""
    given = headers.get("x-request-id", "")
    return given if _ACCEPTABLE_ID.fullmatch(given) else secrets.token_hex(8)


def _add_headers(headers: MutableHeaders, request_id: str) -> None:
    headers["X-Request-Id"] = request_id
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
