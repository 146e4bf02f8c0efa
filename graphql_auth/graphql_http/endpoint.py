"""GraphQL over HTTP: request → context → response."""

import asyncio
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from graphql import GraphQLError, OperationType
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from graphql_auth.context import Context, Services, device_of, identify
from graphql_auth.errors import Unavailable
from graphql_auth.graphql_http import content_negotiation as media
from graphql_auth.graphql_http.deadline import within
from graphql_auth.graphql_http.document_cache import Documents, NoSuchOperation
from graphql_auth.graphql_http.errors import client_error, internal_error, request_error
from graphql_auth.graphql_http.limits import Limits, TooComplex
from graphql_auth.graphql_http.params import BadRequest, HttpRequest, Operation, parameters_of
from graphql_auth.graphql_http.playground import Playground
from graphql_auth.graphql_http.variable_errors import variable_errors
from graphql_auth.logs import REQUEST_ID
from graphql_auth.schema import Schema
from graphql_auth.sessions.cookies import Cookies
from graphql_auth.tokens.credentials import find_tokens

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a request may be, where it carries its token, and how much is done at once.

    The body is measured in bytes.
    """

    token_sources: frozenset[str] = frozenset({"authorization", "x-access-token"})
    limits: Limits = field(default_factory=Limits)
    listed_origins: frozenset[str] = frozenset()
    introspection: bool = True
    longest_body: int = 131_072
    seconds_to_read: float = 10.0
    seconds_to_answer: float = 30.0
    concurrent: int = 1_000


class GraphQLEndpoint:
    """The ASGI application that answers ``/graphql``."""

    def __init__(
        self, schema: Schema, services: Services, policy: Policy, playground: Playground
    ) -> None:
        self._schema = schema
        self._services = services
        self._policy = policy
        self._playground = playground
        self._documents = Documents(schema.core, policy.limits, introspection=policy.introspection)
        self._active = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._respond(HttpRequest(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if _wants_the_playground(request):
            return self._playground.page()
        request_id = REQUEST_ID.get() or secrets.token_hex(8)
        media_type = media.wanted(request.headers.get("accept", ""))
        if media_type is None:
            answer: Answer = {"errors": [request_error("The answer can be JSON only.")]}
            return _JsonResponse(answer, media.JSON, HTTPStatus.NOT_ACCEPTABLE)
        try:
            answer, cookies = await self._answer_in_time(request, request_id)
            status, headers = _status(answer, media_type), _retry_after(answer)
            return _JsonResponse(answer, media_type, status, headers, cookies.headers)
        except BadRequest as error:
            answer = {"errors": [request_error(str(error))]}
            return _JsonResponse(answer, media_type, error.status, error.headers)
        except (Unavailable, asyncio.CancelledError) as error:
            # Cancelled by a server that ends and has waited long enough.
            if isinstance(error, asyncio.CancelledError):
                error = Unavailable(retry_after=1)
            answer = {"errors": [client_error(GraphQLError("", original_error=error), request_id)]}
            headers = {"Retry-After": str(error.retry_after or 1)}
            return _JsonResponse(answer, media_type, HTTPStatus.SERVICE_UNAVAILABLE, headers)
        except Exception as error:  # noqa: BLE001 - a client gets a code, whatever goes wrong
            answer = {"errors": [internal_error(error, request_id)]}
            return _JsonResponse(answer, media_type, HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _answer_in_time(self, request: Request, request_id: str) -> tuple[Answer, Cookies]:
        """Answer, unless there is too much to do. Raises Unavailable then, and BadRequest."""
        if self._active >= self._policy.concurrent:
            raise Unavailable(retry_after=1)
        self._active += 1
        try:
            return await within(self._policy.seconds_to_answer, self._execute(request, request_id))
        except TimeoutError as error:
            raise Unavailable from error
        finally:
            self._active -= 1

    async def _execute(self, request: Request, request_id: str) -> tuple[Answer, Cookies]:
        policy = self._policy
        parameters = await parameters_of(request, policy.longest_body, policy.seconds_to_read)
        operation = Operation.read(parameters)
        tokens = find_tokens(request, parameters, policy.token_sources)
        caller = identify(self._services.sessions, tokens)
        cookies = Cookies(request, policy.listed_origins)
        context = Context(self._services, caller, device_of(request), cookies, request_id)
        return await self._answer(operation, context, request.method), cookies

    async def _answer(self, operation: Operation, context: Context, method: str) -> Answer:
        document = self._documents.read(operation.query)
        if document.errors:
            return _refusal(document.errors, context)
        try:
            chosen = document.operation(operation.name)
            self._policy.limits.check_variables(operation.variables)
        except (NoSuchOperation, TooComplex) as error:
            return _refusal([GraphQLError("", original_error=error)], context)
        if method == "GET" and chosen.operation is not OperationType.QUERY:
            raise BadRequest(
                "A mutation is sent by POST.", HTTPStatus.METHOD_NOT_ALLOWED, Allow="POST"
            )
        result = await self._schema.run(document.node, chosen, operation.variables, context)
        if not result.errors:
            return {"data": result.data}
        errors = variable_errors(self._schema.core, result.errors, operation.variables)
        # An error without a path comes from before the execution, when there is no data to give.
        if any(error.path is None for error in errors):
            return _refusal(errors, context)
        formatted = [client_error(error, context.request_id) for error in errors]
        return {"data": result.data, "errors": formatted}


def not_found(_request: Request, _error: Exception) -> Response:
    """Answer a request for another path."""
    answer = {"errors": [request_error("There is nothing here; GraphQL is at /graphql.")]}
    return _JsonResponse(answer, media.JSON, HTTPStatus.NOT_FOUND)


def _refusal(errors: Iterable[GraphQLError], context: Context) -> Answer:
    """Answer a request that was not executed."""
    return {"errors": [client_error(error, context.request_id) for error in errors]}


def _status(answer: Answer, media_type: str) -> int:
    """Choose the status by the media type, as GraphQL over HTTP has it.

    application/json has always been 200, whatever is in it; application/graphql-response+json is
    400 for a request that was not executed.
    """
    if "data" in answer or media_type == media.JSON:
        return HTTPStatus.OK
    return HTTPStatus.BAD_REQUEST


def _retry_after(answer: Answer) -> dict[str, str]:
    """Return the header for the errors that say when to try again (RFC 9110 section 10.2.3)."""
    waits = [
        error["extensions"]["retryAfter"]
        for error in answer.get("errors", ())
        if "retryAfter" in error["extensions"]
    ]
    return {"Retry-After": str(max(waits))} if waits else {}


def _wants_the_playground(request: Request) -> bool:
    return (
        request.method == "GET"
        and "query" not in request.query_params
        and "text/html" in request.headers.get("accept", "")
    )


class _JsonResponse(Response):
    """Starlette's response, with headers that are encoded already."""

    def __init__(
        self,
        answer: Answer,
        media_type: str,
        status: int,
        headers: Mapping[str, str] | None = None,
        cookies: Iterable[str] = (),
    ) -> None:
        # A lone surrogate, which UTF-8 cannot hold, stays the escape that JSON has for it.
        self.body = _ENCODER.encode(answer).encode(errors="backslashreplace")
        self.status_code = status
        self.background = None
        self.raw_headers = [
            (b"content-type", _CONTENT_TYPES[media_type]),
            (b"content-length", b"%d" % len(self.body)),
            (b"cache-control", b"no-store"),
        ]
        for name, value in (headers or {}).items():
            self.headers.append(name, value)
        for cookie in cookies:
            self.headers.append("Set-Cookie", cookie)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_CONTENT_TYPES = {one: f"{one}; charset=utf-8".encode() for one in (media.JSON, media.GRAPHQL)}
