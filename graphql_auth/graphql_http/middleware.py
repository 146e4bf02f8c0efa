"""The headers of every response: a request id, and security headers for browsers."""

import re
import secrets
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graphql_auth.logs import REQUEST_ID

HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
# JSON is not a page that may load anything; the playground sets its own policy.
CONTENT_SECURITY_POLICY = (
    b"content-security-policy",
    b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
)
_SAFE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class SecurityHeadersMiddleware:
    """Adds security headers and a request id to each response; log lines have the same id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message["headers"], (b"x-request-id", request_id.encode()), *HEADERS]
                # A 304 keeps the policy of the response that the client has.
                if message["status"] != HTTPStatus.NOT_MODIFIED and all(
                    name != CONTENT_SECURITY_POLICY[0] for name, _ in headers
                ):
                    headers.append(CONTENT_SECURITY_POLICY)
                message["headers"] = headers
            await send(message)

        token = REQUEST_ID.set(request_id)
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            REQUEST_ID.reset(token)


def _request_id(scope: Scope) -> str:
    """Return the id that a proxy or a client sent, if it is safe in logs and headers."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SAFE_ID.fullmatch(value):
            return str(value, "ascii")
    return secrets.token_hex(8)
