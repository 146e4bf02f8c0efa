"""GraphQL over HTTP: request → context → response."""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from graphql import GraphQLFormattedError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send
from strawberry.http.ides import get_graphql_ide_html
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from graphql_auth.api.context import Context, identify
from graphql_auth.api.credentials import tokens_in
from graphql_auth.api.errors import client_error, internal_error, request_error
from graphql_auth.api.schema import Schema
from graphql_auth.api.values import variable_errors
from graphql_auth.auth.service import AuthService

ALLOWED_METHODS = "GET, POST"
READING = frozenset({OperationType.QUERY})
READING_AND_WRITING = frozenset({OperationType.QUERY, OperationType.MUTATION})


class BadRequest(Exception):
    """The HTTP request is not a GraphQL request; the message goes to the client."""

    def __init__(self, message: str, status: int = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.status = status


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
        variables = parameters.get("variables")
        if not isinstance(variables, dict | None):
            raise BadRequest("`variables` must be an object or null.")
        name = parameters.get("operationName")
        if not isinstance(name, str | None):
            raise BadRequest("`operationName` must be a string or null.")
        return cls(query, variables or {}, name or None)


class GraphQLEndpoint:
    """The ASGI application that answers ``/graphql``."""

    def __init__(self, schema: Schema, service: AuthService, token_sources: Iterable[str]) -> None:
        self._schema = schema
        self._service = service
        self._token_sources = tuple(token_sources)
        self._playground = get_graphql_ide_html("graphiql")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if _wants_the_playground(request):
            return HTMLResponse(self._playground)
        request_id = secrets.token_hex(8)
        try:
            parameters = await _parameters(request)
            operation = Operation.read(parameters)
            tokens = tokens_in(request, parameters, self._token_sources)
            context = Context(self._service, identify(self._service, tokens), request_id)
            return await self._execute(operation, context, request.method)
        except BadRequest as error:
            return _json({"errors": [request_error(str(error))]}, error.status)
        except Exception as error:  # noqa: BLE001 - a client gets a code, whatever goes wrong
            return _json(
                {"errors": [internal_error(error, request_id)]}, HTTPStatus.INTERNAL_SERVER_ERROR
            )

    async def _execute(self, operation: Operation, context: Context, method: str) -> Response:
        try:
            result = await self._schema.execute(
                operation.query,
                variable_values=operation.variables,
                context_value=context,
                operation_name=operation.name,
                allowed_operation_types=READING if method == "GET" else READING_AND_WRITING,
            )
        except CannotGetOperationTypeError:
            if operation.name is None:
                raise BadRequest("The document holds no operation.") from None
            raise BadRequest("`operationName` names no operation of the document.") from None
        except InvalidOperationTypeError as error:
            if error.operation_type is OperationType.SUBSCRIPTION:
                raise BadRequest("There are no subscriptions here.") from None
            raise BadRequest(
                "A mutation must be sent by POST.", HTTPStatus.METHOD_NOT_ALLOWED
            ) from None
        return _json(self._answer(result, operation, context))

    def _answer(
        self, result: ExecutionResult, operation: Operation, context: Context
    ) -> dict[str, Any]:
        if not result.errors:
            return {"data": result.data}
        errors = variable_errors(self._schema.core, result.errors, operation.variables)
        formatted = [client_error(error, context.request_id) for error in errors]
        # An error without a path comes from before the execution, when there is no data to give.
        if any(error.path is None for error in errors):
            return {"errors": formatted}
        return {"data": result.data, "errors": formatted}


def _wants_the_playground(request: Request) -> bool:
    return (
        request.method == "GET"
        and "query" not in request.query_params
        and "text/html" in request.headers.get("accept", "")
    )


async def _parameters(request: Request) -> Mapping[str, Any]:
    match request.method:
        case "GET":
            return _query_parameters(request)
        case "POST":
            return _object(await _json_text(request), "The body")
        case _:
            raise BadRequest("GraphQL is served by GET and POST.", HTTPStatus.METHOD_NOT_ALLOWED)


def _query_parameters(request: Request) -> dict[str, Any]:
    parameters: dict[str, Any] = dict(request.query_params)
    if parameters.get("variables"):
        parameters["variables"] = _object(parameters["variables"], "`variables`")
    else:
        parameters.pop("variables", None)
    return parameters


async def _json_text(request: Request) -> str:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise BadRequest(
            "Send the request as `Content-Type: application/json`.",
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        )
    try:
        return (await request.body()).decode()
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8.") from None
    except ClientDisconnect:
        raise BadRequest("The body ended before its length was reached.") from None


def _object(text: str, what: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        # ValueError: not JSON, or a number of more digits than Python reads.
        raise BadRequest(f"{what} is not JSON.") from None
    if not isinstance(value, dict):
        raise BadRequest(f"{what} must be a JSON object.")
    return value


def _json(
    content: Mapping[str, list[GraphQLFormattedError] | Any], status: int = HTTPStatus.OK
) -> Response:
    # A lone surrogate, which UTF-8 cannot hold, stays the escape that JSON has for it.
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    headers = {"Cache-Control": "no-store"}
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ALLOWED_METHODS
    return Response(
        body.encode(errors="backslashreplace"),
        status,
        headers,
        media_type="application/json; charset=utf-8",
    )
