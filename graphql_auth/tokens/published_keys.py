"""The public keys, for services that verify access tokens. They need no database."""

import hashlib
import json
import re
from http import HTTPMethod, HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graphql_auth.graphql_http.content_negotiation import join_lines
from graphql_auth.graphql_http.params import BadRequest
from graphql_auth.tokens.key_ring import KeyRing

JWKS_PATH = "/.well-known/jwks.json"
METADATA_PATH = "/.well-known/oauth-authorization-server"
# Caches expire long before a new key signs.
MAX_AGE = 300
METHODS = "GET, HEAD, OPTIONS"


def create_routes(ring: KeyRing, issuer: str) -> list[Route]:
    """Return the routes of the keys (RFC 7517 section 5) and of the metadata (RFC 8414)."""

    async def keys(request: Request) -> Response:
        return _respond(ring, request, {"keys": ring.published}, "application/jwk-set+json")

    async def metadata(request: Request) -> Response:
        # RFC 8414 section 3: with a prefix, such as that of a Mount, nobody looks for it.
        if request.scope["path"] != METADATA_PATH:
            raise BadRequest("Not found: the metadata has no prefix.", HTTPStatus.NOT_FOUND)
        # There is no endpoint of OAuth. Without the last one, its default would count.
        jwks_uri = issuer.rstrip("/") + JWKS_PATH
        content = {"issuer": issuer, "jwks_uri": jwks_uri, "response_types_supported": []}
        return _respond(ring, request, {**content, "grant_types_supported": []}, "application/json")

    # Starlette's own 405 would become a 404; see app.py.
    routes = [Route(JWKS_PATH, keys, methods=[*HTTPMethod])]
    # RFC 8414 section 2, and section 3.1: with a path, the metadata is elsewhere.
    if re.fullmatch(r"https://[^/?#@]+/?", issuer, re.IGNORECASE):
        routes.append(Route(METADATA_PATH, metadata, methods=[*HTTPMethod]))
    return routes


def _respond(ring: KeyRing, request: Request, content: object, media_type: str) -> Response:
    if not ring.published:
        raise BadRequest("Not found: SIGNING_KEYS has no key pair.", HTTPStatus.NOT_FOUND)
    if request.method not in METHODS.split(", "):
        raise BadRequest(f"Use {METHODS}.", HTTPStatus.METHOD_NOT_ALLOWED, Allow=METHODS)
    body = json.dumps(content).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()}"'
    # Any page may read it, because it is sent without credentials.
    headers = {"Cache-Control": f"public, max-age={MAX_AGE}", "ETag": etag}
    headers["Access-Control-Allow-Origin"] = "*"
    if request.method == "OPTIONS":
        return Response(headers={"Allow": METHODS, "Access-Control-Allow-Origin": "*"})
    if {"*", etag} & {*re.findall(r'\*|"[^"]*"', join_lines(request, "if-none-match"))}:
        return Response(None, HTTPStatus.NOT_MODIFIED, headers)
    return Response(body, HTTPStatus.OK, headers, media_type)
