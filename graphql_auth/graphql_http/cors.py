"""CORS for the listed origins."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response


class AllowedOriginsMiddleware(CORSMiddleware):
    """Answers every preflight with status 200.

    Without it a browser reports the status, not the header or the method that is not allowed.
    """

    def preflight_response(self, request_headers: Headers) -> Response:
        """Return the response; the browser refuses by its headers."""
        response = super().preflight_response(request_headers)
        response.status_code = HTTPStatus.OK
        return response
