"""The endpoint: an HTTP request in, a GraphQL response out. It knows nothing of authentication."""

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, OperationType, execute
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from graphql_auth.errors import ApplicationError, Unavailable
from graphql_auth.graphql_http.content_negotiation import (
    HTML,
    JSON,
    choose_media_type,
    parse_accept,
)
from graphql_auth.graphql_http.document_cache import Document, DocumentCache
from graphql_auth.graphql_http.errors import format_error, internal_error, request_error
from graphql_auth.graphql_http.limits import Limits
from graphql_auth.graphql_http.params import BadRequest, GraphQLParams, read_params
from graphql_auth.graphql_http.playground import Playground
from graphql_auth.graphql_http.variable_errors import variable_errors
from graphql_auth.logs import REQUEST_ID

Body = Mapping[str, Any]
# Makes the context of the resolvers. It may set headers of the response, such as cookies.
CreateContext = Callable[[Request, Response, GraphQLParams], Any]


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """Limits of the endpoint: sizes in bytes, times in seconds."""

    limits: Limits = field(default_factory=Limits)
    introspection: bool = True
    max_body_size: int = 131_072
    request_read_timeout: float = 10.0
    request_timeout: float = 30.0
    max_concurrent_requests: int = 1_000


class GraphQLEndpoint:
    """The ASGI application that serves GraphQL over HTTP, and the playground to browsers."""

    def __init__(
        self,
        schema: GraphQLSchema,
        create_context: CreateContext,
        config: EndpointConfig,
        playground: Playground,
    ) -> None:
        self._schema = schema
        self._create_context = create_context
        self._config = config
        self._playground = playground
        self._documents = DocumentCache(schema, config.limits, introspection=config.introspection)
        self._active = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if _wants_playground(request):
            return self._playground.page()
        request_id = REQUEST_ID.get() or secrets.token_hex(8)
        media_type = choose_media_type(request.headers.get("accept", ""))
        if media_type is None:
            message = f"Supported response types: {JSON}, application/graphql-response+json."
            return _response({"errors": [request_error(message)]}, HTTPStatus.NOT_ACCEPTABLE)
        try:
            headers = Response()
            body = await self._execute_in_time(request, headers, request_id)
            return _response(body, _status(body, media_type), media_type, headers)
        except BadRequest as error:
            body = {"errors": [request_error(str(error))]}
            return _response(body, error.status, media_type, Response(headers=error.headers))
        except (Unavailable, asyncio.CancelledError) as error:
            # Cancelled by a server that ends and has waited long enough.
            if isinstance(error, asyncio.CancelledError):
                error = Unavailable(retry_after=1)
            body = {"errors": [format_error(_located(error), request_id)]}
            headers = Response(headers={"Retry-After": str(error.retry_after or 1)})
            return _response(body, HTTPStatus.SERVICE_UNAVAILABLE, media_type, headers)
        except Exception as error:  # noqa: BLE001 - a client gets a code, whatever goes wrong
            body = {"errors": [internal_error(error, request_id)]}
            return _response(body, HTTPStatus.INTERNAL_SERVER_ERROR, media_type)

    async def _execute_in_time(self, request: Request, headers: Response, request_id: str) -> Body:
        """Execute within the limits of time and concurrency; raises Unavailable and BadRequest."""
        if self._active >= self._config.max_concurrent_requests:
            raise Unavailable(retry_after=1)
        self._active += 1
        try:
            async with asyncio.timeout(self._config.request_timeout):
                config = self._config
                params = await read_params(
                    request, config.max_body_size, config.request_read_timeout
                )
                context = self._create_context(request, headers, params)
                return await self._execute(request.method, params, context, request_id)
        except TimeoutError as error:
            raise Unavailable from error
        finally:
            self._active -= 1

    async def _execute(
        self, method: str, params: GraphQLParams, context: object, request_id: str
    ) -> Body:
        document = self._documents.get(params.query)
        if document.errors:
            return _refuse(document.errors, request_id)
        try:
            operation = document.operation(params.operation_name)
            self._config.limits.check_variables(params.variables)
        except ApplicationError as error:
            return _refuse([_located(error)], request_id)
        if method == "GET" and operation.operation is not OperationType.QUERY:
            raise BadRequest(
                "A mutation is sent by POST.", HTTPStatus.METHOD_NOT_ALLOWED, Allow="POST"
            )
        name = operation.name.value if operation.name else None
        result = await self._run(document, name, params.variables, context)
        if not result.errors:
            return {"data": result.data}
        errors = variable_errors(self._schema, result.errors, params.variables)
        # An error without a path comes from before the execution, so there is no data.
        if any(error.path is None for error in errors):
            return _refuse(errors, request_id)
        return {"data": result.data, **_refuse(errors, request_id)}

    async def _run(
        self,
        document: Document,
        operation_name: str | None,
        variables: dict[str, Any],
        context: object,
    ) -> ExecutionResult:
        """Execute an operation, as strawberry.Schema.execute does, less its extensions.

        Strawberry's own picks the first of several operations, and logs each error with the line
        of the query, in which a password can stand.
        """
        result = execute(
            self._schema,
            document.node,
            operation_name=operation_name,
            variable_values=variables,
            context_value=context,
            executor_class=StrawberryGraphQLCoreExecutionContext,
        )
        return await result if isawaitable(result) else result


def not_found(_request: Request, _error: Exception) -> Response:
    """Answer a request for another path."""
    body = {"errors": [request_error("There is nothing here; GraphQL is at /graphql.")]}
    return _response(body, HTTPStatus.NOT_FOUND)


class GraphQLResponse(JSONResponse):
    """JSON in UTF-8. A lone surrogate, which UTF-8 cannot hold, stays a JSON escape."""

    def render(self, content: Any) -> bytes:  # noqa: ANN401 - as Starlette has it
        """Return the body."""
        return _ENCODER.encode(content).encode(errors="backslashreplace")


def _response(
    body: Body, status: int, media_type: str = JSON, headers: Response | None = None
) -> Response:
    """Return a response with the headers of another one and those of the errors in it."""
    response = GraphQLResponse(body, status, media_type=f"{media_type}; charset=utf-8")
    response.headers["cache-control"] = "no-store"
    if headers is not None:
        own = [header for header in headers.raw_headers if header[0] != b"content-length"]
        response.raw_headers.extend(own)
    waits = [
        error["extensions"]["retryAfter"]
        for error in body.get("errors", ())
        if "retryAfter" in error["extensions"]
    ]
    if waits:
        # RFC 9110 section 10.2.3.
        response.headers["retry-after"] = str(max(waits))
    return response


def _refuse(errors: list[GraphQLError] | tuple[GraphQLError, ...], request_id: str) -> Body:
    return {"errors": [format_error(error, request_id) for error in errors]}


def _located(error: Exception) -> GraphQLError:
    return GraphQLError("", original_error=error)


def _status(body: Body, media_type: str) -> int:
    """Choose the status as GraphQL over HTTP defines it.

    application/json is always 200. application/graphql-response+json is 400 for a request that
    was not executed.
    """
    return HTTPStatus.OK if "data" in body or media_type == JSON else HTTPStatus.BAD_REQUEST


def _wants_playground(request: Request) -> bool:
    return (
        request.method == "GET"
        and "query" not in request.query_params
        and parse_accept(request.headers.get("accept", "")).get(HTML, 0.0) > 0
    )


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
