"""What a GraphQL request is: read from HTTP, within bounds, or refused."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NoReturn

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import Scope

from graphql_auth.graphql_http import content_negotiation as media
from graphql_auth.graphql_http.deadline import within

LONGEST_HEAD = 16_384


class BadRequest(Exception):
    """The HTTP request is not a GraphQL request; the message goes to the client."""

    def __init__(self, message: str, status: int = HTTPStatus.BAD_REQUEST, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


class HttpRequest(Request):
    """Starlette's request, whose headers are looked up a dozen times each."""

    @property
    def headers(self) -> Headers:
        """The headers, found by their names at once."""
        if not hasattr(self, "_headers"):
            self._headers = _IndexedHeaders(self.scope)
        return self._headers


class _IndexedHeaders(Headers):
    """Starlette's headers go through all of them for each name."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope=scope)
        self._values: dict[str, list[str]] = {}
        for name, value in self._list:
            self._values.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))

    def __getitem__(self, key: str) -> str:
        return self._values[key.lower()][0]

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - as Mapping has it
        values = self._values.get(key.lower())
        return values[0] if values else default

    def getlist(self, key: str) -> list[str]:
        return self._values.get(key.lower(), [])


@dataclass(frozen=True, slots=True)
class Operation:
    """The parameters of a GraphQL request."""

    query: str
    variables: dict[str, Any]
    name: str | None

    @classmethod
    def read(cls, parameters: Mapping[str, Any]) -> "Operation":
        """Take the parameters from a JSON object; raises BadRequest when one is off."""
        query = parameters.get("query")
        if not isinstance(query, str) or not query:
            raise BadRequest("The request needs a `query`, a GraphQL document as a string.")
        name = parameters.get("operationName")
        if not isinstance(name, str | None):
            raise BadRequest("`operationName` must be a string or null.")
        for other in ("variables", "extensions"):
            if not isinstance(parameters.get(other), dict | None):
                raise BadRequest(f"`{other}` must be an object or null.")
        return cls(query, parameters.get("variables") or {}, name or None)


async def parameters_of(
    request: Request, longest_body: int, seconds_to_read: float
) -> Mapping[str, Any]:
    """Read the parameters of a GraphQL request; raises BadRequest when it is none."""
    _check_head(request)
    match request.method:
        case "GET":
            return _query_parameters(request)
        case "POST":
            return _object(await _json_text(request, longest_body, seconds_to_read), "The body")
        case _:
            raise BadRequest(
                "GraphQL is served by GET and POST.",
                HTTPStatus.METHOD_NOT_ALLOWED,
                Allow="GET, POST",
            )


def _query_parameters(request: Request) -> dict[str, Any]:
    parameters: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        text = parameters.pop(name, "")
        if text:
            parameters[name] = _object(text, f"`{name}`")
    return parameters


async def _json_text(request: Request, longest_body: int, seconds_to_read: float) -> str:
    if not media.is_json(request.headers.get("content-type", "")):
        raise BadRequest(
            "Send the request as `Content-Type: application/json`, in UTF-8.",
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        )
    try:
        return (await within(seconds_to_read, _body(request, longest_body))).decode()
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8.") from None
    except TimeoutError:
        raise BadRequest(
            f"The body did not come within {seconds_to_read:g} seconds.",
            HTTPStatus.REQUEST_TIMEOUT,
            Connection="close",
        ) from None
    except ClientDisconnect:
        raise BadRequest("The body ended before its length was reached.") from None


async def _body(request: Request, longest: int) -> bytes:
    """Read the body, and no more of it than ``longest`` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > longest:
            # The connection is closed, for what follows on it is the rest of this body.
            raise BadRequest(
                f"The body is longer than {longest} bytes.",
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                Connection="close",
            )
    return bytes(body)


def _object(text: str, what: str) -> dict[str, Any]:
    try:
        value = _JSON.decode(text)
    except (ValueError, RecursionError):
        # ValueError: not JSON, or a number that is larger than Python reads.
        raise BadRequest(f"{what} is not JSON.") from None
    if isinstance(value, list):
        raise BadRequest(f"{what} must be a JSON object; operations cannot be sent in batches.")
    if not isinstance(value, dict):
        raise BadRequest(f"{what} must be a JSON object.")
    return value


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("the number is beyond all floats")
    return number


def _not_json(name: str) -> NoReturn:
    # Python reads NaN and Infinity, which RFC 8259 section 6 does not have.
    raise ValueError(name)


def _check_head(request: Request) -> None:
    headers = sum([len(name) + len(value) for name, value in request.scope["headers"]])
    if len(request.scope["query_string"]) + headers > LONGEST_HEAD:
        raise BadRequest(
            f"The address and the headers are longer than {LONGEST_HEAD} bytes.",
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            Connection="close",
        )


_JSON = json.JSONDecoder(parse_float=_finite, parse_constant=_not_json)
