"""CORS for the allowed origins, and a line in the log for others."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from graphql_auth.sessions.csrf import PageOrigin
from graphql_auth.tokens.published_keys import JWKS_PATH, METADATA_PATH


class AllowedOriginsMiddleware(CORSMiddleware):
    """Answers every preflight with status 200.

    Without it a browser reports the status, not the header or the method that is not allowed.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Any page may read the public keys.
        is_public = scope["type"] == "http" and scope["path"].endswith((JWKS_PATH, METADATA_PATH))
        if scope["type"] == "http" and not is_public and b"origin" in dict(scope["headers"]):
            PageOrigin(Request(scope), self.allow_origins).log_if_refused()
        await (super().__call__ if self.allow_origins else self.app)(scope, receive, send)

    def preflight_response(self, request_headers: Headers) -> Response:
        """Return the response; the browser refuses by its headers."""
        response = super().preflight_response(request_headers)
        response.status_code = HTTPStatus.OK
        return response
