"""The headers of every response: a request id, and security headers for browsers."""

import re
import secrets

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graphql_auth.logs import REQUEST_ID, TRACE_ID

HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
# JSON is not a page that may load anything; the playground sets its own policy.
CONTENT_SECURITY_POLICY = (
    b"content-security-policy",
    b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
)
_SAFE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT = re.compile(rb"00-((?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class SecurityHeadersMiddleware:
    """Adds security headers and a request id to each response; log lines have the same id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, trace_id = _read_ids(scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message["headers"], (b"x-request-id", request_id.encode()), *HEADERS]
                if all(name != CONTENT_SECURITY_POLICY[0] for name, _ in headers):
                    headers.append(CONTENT_SECURITY_POLICY)
                message["headers"] = headers
            await send(message)

        request_token, trace_token = REQUEST_ID.set(request_id), TRACE_ID.set(trace_id)
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            REQUEST_ID.reset(request_token)
            TRACE_ID.reset(trace_token)


def _read_ids(scope: Scope) -> tuple[str, str | None]:
    """Return the request id that a proxy or a client sent, or a new one, and that of the trace.

    A request id is taken if it is safe in logs and headers. Trace Context section 3.2 has the form
    of ``traceparent``; two of them are invalid.
    """
    request_id = trace = None
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SAFE_ID.fullmatch(value):
            request_id = request_id or str(value, "ascii")
        elif name == b"traceparent":
            trace = value if trace is None else b""
    found = _TRACEPARENT.fullmatch(trace or b"")
    return request_id or secrets.token_hex(8), str(found[1], "ascii") if found else None
