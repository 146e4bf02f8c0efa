"""The endpoint: an HTTP request in, a GraphQL response out. It knows nothing of authentication."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from graphql import (
    ExecutionResult,
    GraphQLResolveInfoHelpers,
    GraphQLSchema,
    OperationType,
    execute,
    get_operation_ast,
)
from graphql.pyutils import AwaitableOrValue
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from graphql_auth.errors import ApplicationError, ErrorCode, TokenReason, Unavailable
from graphql_auth.graphql_http.content_negotiation import (
    GRAPHQL,
    HTML,
    JSON,
    choose_media_type,
    join_lines,
    parse_accept,
)
from graphql_auth.graphql_http.document_cache import DocumentCache
from graphql_auth.graphql_http.errors import format_error
from graphql_auth.graphql_http.limits import Limits
from graphql_auth.graphql_http.params import BadRequest, BatchRefused, GraphQLParams, read_params
from graphql_auth.graphql_http.playground import Playground
from graphql_auth.graphql_http.variable_errors import variable_errors

Body = Mapping[str, Any]
Headers = list[tuple[bytes, bytes]]
# Where ASGI's scope has the operation, and whether there is no access token.
OPERATION, IS_ANONYMOUS = "graphql_operation", "graphql_is_anonymous"


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """Limits of the endpoint: sizes in bytes, times in seconds."""

    limits: Limits = field(default_factory=Limits)
    introspection: bool = True
    max_body_size: int = 131_072
    request_read_timeout: float = 10.0
    request_timeout: float = 20.0
    max_concurrent_requests: int = 1_000


@dataclass(eq=False, repr=False)
class GraphQLEndpoint:
    """The ASGI application that serves GraphQL over HTTP, and the playground to browsers."""

    schema: GraphQLSchema
    # Makes the context of the resolvers. They may add headers to the response, such as cookies.
    create_context: Callable[[Request, Headers, GraphQLParams], Any]
    config: EndpointConfig
    playground: Playground | None
    # strawberry.Schema.execute.
    execute_with_extensions: Callable[..., Awaitable[Any]] | None = None
    # Gets the operation, None without a valid one, the code of the response, and the seconds.
    observe: Callable[[Any, object, float], object] | None = None

    def __post_init__(self) -> None:
        self._documents = DocumentCache(self.schema, self.config.limits, self.config.introspection)
        self._active = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = time.perf_counter()
        response = await self._respond(Request(scope, receive))
        if self.observe and isinstance(response, GraphQLResponse):
            self.observe(scope.get(OPERATION), response.code, time.perf_counter() - start)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if _wants_playground(request):
            if self.playground:
                return self.playground.page(request)
            message = "The playground is switched off. Send GraphQL operations to this URL by POST."
            return _error_response(BadRequest(message), JSON)
        media_type = choose_media_type(join_lines(request, "accept"))
        if media_type is None:
            message = f"Supported response types: {JSON}, {GRAPHQL}."
            return _error_response(BadRequest(message, HTTPStatus.NOT_ACCEPTABLE), JSON)
        headers: Headers = []
        try:
            body = await self._execute_within_limits(request, headers)
            response = _json_response(body, _status(body, media_type), media_type)
        except Exception as error:  # noqa: BLE001 - every error gets a code
            try:
                response = _error_response(error, media_type)
            except Exception as unusable:  # noqa: BLE001 - its extensions are no JSON
                response = _error_response(unusable, media_type)
        # RFC 6750 section 3.1: no error code, even if a refresh token is invalid.
        if request.scope.get(IS_ANONYMOUS) and "www-authenticate" in response.headers:
            response.headers["WWW-Authenticate"] = TokenReason.TOKEN_MISSING.challenge
        response.raw_headers += headers
        return response

    async def _execute_within_limits(self, request: Request, headers: Headers) -> Body:
        config = self.config
        if self._active >= config.max_concurrent_requests:
            raise Unavailable(retry_after=1)
        self._active += 1
        try:
            params = await read_params(request, config.max_body_size, config.request_read_timeout)
            context = self.create_context(request, headers, params)
            result = self._execute(request, params, context)
            if not isinstance(result, ExecutionResult):
                async with asyncio.timeout(config.request_timeout):
                    result = await result
            return self._format_result(result, params)
        except TimeoutError as error:
            raise Unavailable from error
        except (asyncio.CancelledError, SystemExit, KeyboardInterrupt) as error:
            if (task := asyncio.current_task()) and task.cancelling():
                # The server stops, and has waited long enough.
                raise Unavailable(retry_after=1) from None
            # Of a resolver, which awaits a cancelled task: no signal raises the other two.
            raise RuntimeError from error
        finally:
            self._active -= 1

    def _execute(
        self, request: Request, params: GraphQLParams, context: object
    ) -> AwaitableOrValue[ExecutionResult]:
        name, variables = params.operation_name, params.variables
        document = self._documents.get(params.query)
        if document.errors:
            return ExecutionResult(errors=[*document.errors])
        operation = get_operation_ast(document.node, name)
        if operation is None:
            message = "`operationName` must name one of the operations in the document."
            raise ApplicationError(message, code=ErrorCode.BAD_REQUEST)
        request.scope[OPERATION] = operation
        self.config.limits.check_variables(variables)
        if request.method == "GET" and operation.operation is not OperationType.QUERY:
            message = "A mutation is sent by POST."
            raise BadRequest(message, HTTPStatus.METHOD_NOT_ALLOWED, Allow="POST")
        if self.execute_with_extensions:
            # It parses and validates again, which takes longer than ``welcome`` itself.
            return self.execute_with_extensions(params.query, variables, context, None, name)
        core, node = self.schema, document.node
        return execute(core, node, None, context, variables, name, executor_class=_Executor)

    def _format_result(self, result: ExecutionResult, params: GraphQLParams) -> Body:
        extensions = {"extensions": result.extensions} if result.extensions else {}
        if not result.errors:
            return {"data": result.data} | extensions
        errors = variable_errors(self.schema, result.errors, params.variables)
        # An error without a path was found before the execution: there is no data.
        is_executed = all(error.path is not None for error in errors)
        data = {"data": result.data} if is_executed else {}
        return data | _format_errors(errors) | extensions


class _Executor(StrawberryGraphQLCoreExecutionContext):
    """Holds no reference to itself, so that the end of a request frees it.

    graphql-core keeps bound methods in this attribute: a cycle with 28 objects for each request,
    which costs the garbage collector 6 % of ``welcome``.
    """

    @property
    def async_helpers(self) -> GraphQLResolveInfoHelpers:
        return GraphQLResolveInfoHelpers(self.gather_async_work, self.track_async_work)

    @async_helpers.setter
    def async_helpers(self, _: GraphQLResolveInfoHelpers) -> None: ...


async def redirect_browser(path: str, request: Request) -> Response:
    """Redirect to the playground; relative, because a proxy can remove a prefix of the path."""
    if _wants_playground(request):
        return RedirectResponse(path.removeprefix("/"))
    return await not_found(path, request)


async def not_found(path: str, _request: Request, error: Exception | None = None) -> Response:
    """Respond to a request for any other path, or to one that a route refuses."""
    if not isinstance(error, BadRequest):
        message = f"Not found. Send GraphQL operations by POST to the path that ends in {path}."
        error = BadRequest(message, HTTPStatus.NOT_FOUND)
    return _error_response(error, JSON)


class GraphQLResponse(JSONResponse):
    """JSON in UTF-8; a lone surrogate, which UTF-8 cannot encode, stays a JSON escape."""

    # That of the first error.
    code: object = "OK"

    def render(self, content: Any) -> bytes:
        return _ENCODER.encode(content).encode(errors="backslashreplace")


def _error_response(error: Exception, media_type: str) -> Response:
    body = _format_errors([error])
    headers: Mapping[str, str] = {}
    match error:
        case BadRequest():
            status, headers = error.status, error.headers
        case Unavailable():
            status = HTTPStatus.SERVICE_UNAVAILABLE
            headers = {"Retry-After": str(error.retry_after or 1)}
        case ApplicationError():
            status = _status(body, media_type)
        case _:
            status = HTTPStatus.INTERNAL_SERVER_ERROR
    size = error.size if isinstance(error, BatchRefused) else None
    response = _json_response(body, status, media_type, size)
    response.headers.update(headers)
    return response


def _json_response(
    body: Body, status: int, media_type: str, batch_size: int | None = None
) -> Response:
    headers = {"Cache-Control": "no-store"}
    extensions = [error["extensions"] for error in body.get("errors", ())]
    # An application can give another type to an extension of this name.
    waits = [found["retryAfter"] for found in extensions if type(found.get("retryAfter")) is int]
    if waits:
        # RFC 9110 section 10.2.3.
        headers["Retry-After"] = str(max(waits))
    for found in extensions:
        # RFC 6750 section 3. RFC 9110 section 11.6.1 allows it with any status.
        if isinstance(reason := found.get("reason"), TokenReason):
            headers["WWW-Authenticate"] = reason.challenge
    content = body if batch_size is None else [body] * batch_size
    response = GraphQLResponse(content, status, headers, media_type=f"{media_type}; charset=utf-8")
    if extensions:
        response.code = extensions[0]["code"]
    return response


def _format_errors(errors: Iterable[Exception]) -> dict[str, Any]:
    return {"errors": [format_error(error) for error in errors]}


def _status(body: Body, media_type: str) -> int:
    # GraphQL over HTTP: application/json is always 200. application/graphql-response+json is 400
    # for a request that was not executed.
    return HTTPStatus.OK if "data" in body or media_type == JSON else HTTPStatus.BAD_REQUEST


def _wants_playground(request: Request) -> bool:
    return (
        request.method in {"GET", "HEAD"}
        and "query" not in request.query_params
        and parse_accept(join_lines(request, "accept")).get(HTML, 0.0) > 0
    )


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
