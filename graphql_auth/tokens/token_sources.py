"""The places of an access token in a request."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from starlette.requests import HTTPConnection

from graphql_auth.graphql_http.content_negotiation import WHITESPACE


def find_tokens(
    request: HTTPConnection, parameters: Mapping[str, Any], sources: Iterable[str]
) -> Iterator[str]:
    """Yield every token in the given ``sources`` of a request.

    ``parameters`` are those of the JSON body of a POST, or of the query string of a GET. An empty
    header is ignored, because frontends without a token send one.
    """
    for source in sources:
        for token in _read(source, request, parameters):
            if isinstance(token, str) and token:
                yield token


def _read(source: str, request: HTTPConnection, parameters: Mapping[str, Any]) -> Iterator[object]:
    match source:
        case "authorization":
            # RFC 6750 section 2.1; RFC 9110 section 11.1: the scheme is case-insensitive. Other
            # schemes are ignored, because a proxy may use Basic.
            for header in request.headers.getlist("authorization"):
                scheme, _, token = header.strip(WHITESPACE).partition(" ")
                if scheme.lower() == "bearer":
                    yield token.strip(WHITESPACE)
        case "x-access-token":
            for header in request.headers.getlist("x-access-token"):
                yield header.strip(WHITESPACE)
        case "query":
            yield from request.query_params.getlist("token")
        case "body" if request.scope["method"] == "POST":
            yield parameters.get("token")
