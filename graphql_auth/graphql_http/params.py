"""Reads the parameters of a GraphQL request from HTTP, within limits."""

import asyncio
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import NoneType
from typing import Any

from starlette.requests import ClientDisconnect, Request

from graphql_auth.errors import ApplicationError, ErrorCode
from graphql_auth.graphql_http.content_negotiation import is_json, join_lines, parse_accept

MAX_HEAD_SIZE = 16_384
# A larger batch gets a single error: a small request must not cause a large response.
MAX_BATCH_SIZE = 100


class BadRequest(ApplicationError):
    def __init__(self, message: str, status: int = HTTPStatus.BAD_REQUEST, **headers: str) -> None:
        super().__init__(message, code=ErrorCode.BAD_REQUEST)
        self.status = status
        self.headers = headers


class BatchRefused(ApplicationError):
    """The body is a batch; clients show its error only if each operation has one (``size``)."""

    def __init__(self, size: int) -> None:
        message = "Batches are not supported: send each operation in a request of its own."
        super().__init__(message, code=ErrorCode.BAD_REQUEST)
        self.size = size


@dataclass(frozen=True, slots=True)
class GraphQLParams:
    """The parameters of a GraphQL request; ``values`` has all that the client sent."""

    query: str
    variables: dict[str, Any]
    operation_name: str | None
    values: Mapping[str, Any]

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "GraphQLParams":
        """Check the types of the parameters; raises BadRequest."""
        name = values.get("operationName")
        if not isinstance(name, (str, NoneType)):
            raise BadRequest("`operationName` must be a string or null.")
        for other in ("variables", "extensions"):
            if not isinstance(values.get(other), (dict, NoneType)):
                raise BadRequest(f"`{other}` must be an object or null.")
        query = values.get("query")
        if query in (None, "") and (values.get("extensions") or {}).get("persistedQuery"):
            # Apollo and urql compare this message. Then they send the document.
            code = ErrorCode.PERSISTED_QUERY_NOT_SUPPORTED
            raise ApplicationError("PersistedQueryNotSupported", code=code)
        if not isinstance(query, str) or not query:
            raise BadRequest("The request needs a `query`, a GraphQL document as a string.")
        return cls(query, values.get("variables") or {}, name or None, values)


async def read_params(
    request: Request, max_body_size: int, request_read_timeout: float
) -> GraphQLParams:
    """Read a GraphQL request within limits of size (bytes) and time (seconds).

    Raises BadRequest and BatchRefused.
    """
    _check_head(request)
    match request.method:
        case "GET":
            values = _query_parameters(request)
        case "POST":
            try:
                async with asyncio.timeout(request_read_timeout):
                    body = await _read_body(request, max_body_size)
            except TimeoutError:
                message = f"The body did not come within {request_read_timeout:g} seconds."
                raise BadRequest(message, HTTPStatus.REQUEST_TIMEOUT, Connection="close") from None
            values = _parse_body(body)
        case _:
            message = "GraphQL is served by GET and POST."
            raise BadRequest(message, HTTPStatus.METHOD_NOT_ALLOWED, Allow="GET, POST")
    return GraphQLParams.from_values(values)


def _query_parameters(request: Request) -> dict[str, Any]:
    values: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        if text := values.pop(name, ""):
            values[name] = _parse_json(text, f"`{name}`")
    return values


async def _read_body(request: Request, max_body_size: int) -> str:
    if not is_json(join_lines(request, "content-type")):
        message = "Send the request as `Content-Type: application/json`, in UTF-8."
        raise BadRequest(message, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    codings = join_lines(request, "content-encoding")
    if codings and parse_accept(codings).keys() - {"identity"}:
        message = "Send the body without a `Content-Encoding`, such as gzip."
        accepted = {"Accept-Encoding": "identity"}
        raise BadRequest(message, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, **accepted)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_body_size:
                # The connection is closed: what follows on it is the rest of this body.
                message = f"The body is longer than {max_body_size} bytes."
                raise BadRequest(message, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Connection="close")
        return body.decode()
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8.") from None
    except ClientDisconnect:
        raise BadRequest("The body ended before its length was reached.") from None


def _parse_body(text: str) -> dict[str, Any]:
    value = _parse_json(text, "The body")
    if isinstance(value, list) and 0 < len(value) <= MAX_BATCH_SIZE:
        raise BatchRefused(len(value))
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object; batches are not supported.")
    return value


def _parse_json(text: str, what: str) -> Any:
    try:
        return _JSON.decode(text)
    except (ValueError, RecursionError):
        # ValueError: not JSON, or a number that is larger than Python reads.
        raise BadRequest(f"{what} is not JSON.") from None


def _parse_finite(text: str) -> float:
    # Python also reads NaN and Infinity, which RFC 8259 section 6 does not allow, and 1e999 as inf.
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _check_head(request: Request) -> None:
    headers = sum([len(name) + len(value) for name, value in request.scope["headers"]])
    if len(request.scope["query_string"]) + headers > MAX_HEAD_SIZE:
        message = f"The URL and the headers are longer than {MAX_HEAD_SIZE} bytes."
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        raise BadRequest(message, status, Connection="close")


_JSON = json.JSONDecoder(parse_float=_parse_finite, parse_constant=_parse_finite)
