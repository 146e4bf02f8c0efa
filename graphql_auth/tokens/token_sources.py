"""The places of an access token in a request."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from starlette.requests import Request

from graphql_auth.graphql_http.content_negotiation import WHITESPACE

Reader = Callable[[Request, Mapping[str, Any]], Iterable[object]]


def find_tokens(
    request: Request, parameters: Mapping[str, Any], sources: Iterable[str]
) -> Iterator[str]:
    """Yield every token in the given ``sources`` of a request.

    ``parameters`` are those of the JSON body of a POST, or of the query string of a GET. An empty
    header is ignored, because frontends without a token send one.
    """
    for source in sources:
        for token in READERS[source](request, parameters):
            if isinstance(token, str) and token:
                yield token


def _bearer(request: Request, _parameters: Mapping[str, Any]) -> Iterator[str]:
    # RFC 6750 section 2.1; RFC 9110 section 11.1: the scheme is case-insensitive. Other schemes
    # are ignored, because a proxy may use Basic.
    for header in request.headers.getlist("authorization"):
        scheme, _, token = header.strip(WHITESPACE).partition(" ")
        if scheme.lower() == "bearer":
            yield token.strip(WHITESPACE)


def _x_access_token(request: Request, _parameters: Mapping[str, Any]) -> Iterator[str]:
    for header in request.headers.getlist("x-access-token"):
        yield header.strip(WHITESPACE)


def _query(request: Request, _parameters: Mapping[str, Any]) -> list[str]:
    return request.query_params.getlist("token")


def _body(request: Request, parameters: Mapping[str, Any]) -> list[object]:
    return [parameters.get("token")] if request.method == "POST" else []


READERS: dict[str, Reader] = {
    "authorization": _bearer,
    "x-access-token": _x_access_token,
    "query": _query,
    "body": _body,
}
