"""The public keys at `/.well-known/jwks.json`, for services that verify access tokens."""

import hashlib
import json
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graphql_auth.tokens.token_keys import KeyRing

JWKS_PATH = "/.well-known/jwks.json"
METADATA_PATH = "/.well-known/oauth-authorization-server"
# An hour passes before a key signs, so that caches have expired long before.
MAX_AGE = 300


class PublishedKeys:
    """Serves the public halves of the signing keys (RFC 7517 section 5), without the database.

    ``issuer`` is the claim ``iss``. If it is an https URL without a path, there is metadata too
    (RFC 8414).
    """

    def __init__(self, ring: KeyRing, issuer: str) -> None:
        self._ring = ring
        self._issuer = issuer

    @property
    def routes(self) -> list[Route]:
        url, routes = urlsplit(self._issuer), [Route(JWKS_PATH, self.keys)]
        # RFC 8414 section 3.1: with a path, the metadata is elsewhere.
        if url.scheme == "https" and url.path in {"", "/"}:
            routes.append(Route(METADATA_PATH, self.metadata))
        return routes

    async def keys(self, request: Request) -> Response:
        published = [key.jwk for key in self._ring.current.all if key.jwk]
        if not published:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        # Not the one that signs first, so that the ETag changes with the keys only.
        published.sort(key=lambda jwk: jwk["kid"])
        return _respond(request, {"keys": published}, "application/jwk-set+json")

    async def metadata(self, request: Request) -> Response:
        """Respond with what is true of this server: it has no endpoint of OAuth."""
        body = {
            "issuer": self._issuer,
            "jwks_uri": self._issuer.rstrip("/") + JWKS_PATH,
            "response_types_supported": [],
        }
        return _respond(request, body, "application/json")


def _respond(request: Request, content: object, media_type: str) -> Response:
    body = json.dumps(content, separators=(",", ":")).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {
        "Cache-Control": f"public, max-age={MAX_AGE}",
        "ETag": etag,
        # Without credentials, so that any page may read it.
        "Access-Control-Allow-Origin": "*",
    }
    if etag in request.headers.get("if-none-match", ""):
        return Response(None, HTTPStatus.NOT_MODIFIED, headers)
    return Response(body, HTTPStatus.OK, headers, media_type)
