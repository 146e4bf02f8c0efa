"""Pages from other origins: those that are listed may ask, with their credentials."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS_A_PREFLIGHT_IS_CACHED = 3600


class ListedOrigins(CORSMiddleware):
    """CORS for an explicit list (https://fetch.spec.whatwg.org/#http-cors-protocol).

    Starlette's middleware allows credentials in answers to any origin. Here, whoever is not listed
    is answered as if there were no CORS at all, a preflight included.
    """

    def __init__(self, app: ASGIApp, origins: frozenset[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-Access-Token", "X-Request-Id"],
            allow_credentials=True,
            expose_headers=["X-Request-Id", "Retry-After"],
            max_age=SECONDS_A_PREFLIGHT_IS_CACHED,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight of a listed origin, and let it read the answers to its requests."""
        if scope["type"] == "http" and self.is_allowed_origin(_origin(scope)):
            await super().__call__(scope, receive, send)
            return

        async def send_with_vary(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).add_vary_header("Origin")
            await send(message)

        await self.app(scope, receive, send_with_vary)


def _origin(scope: Scope) -> str:
    return Headers(scope=scope).get("origin", "")
