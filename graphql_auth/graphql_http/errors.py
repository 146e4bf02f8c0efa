"""Formats errors for clients: always with a code, never with a value or an internal cause."""

import logging
from traceback import walk_tb
from typing import Any

from graphql import GraphQLError, GraphQLFormattedError, GraphQLSyntaxError
from strawberry.exceptions import StrawberryGraphQLError, StrawberryInputCoercionError

from graphql_auth.errors import ApplicationError, DatabaseUnavailable, ErrorCode, Unavailable
from graphql_auth.graphql_http.messages import syntax_message, validation_message
from graphql_auth.graphql_http.variable_errors import relay_error
from graphql_auth.logs import REQUEST_ID, LogRateLimit, describe_exception

logger = logging.getLogger(__name__)
_causes = LogRateLimit(seconds=10.0)


def format_error(error: Exception) -> GraphQLFormattedError:
    """Return an error as the GraphQL specification has it in JSON.

    An unexpected one is logged here, under the request id that the client gets.
    """
    located = error if isinstance(error, GraphQLError) else GraphQLError("", original_error=error)
    formatted = _format_cause(located)
    if located.locations:
        formatted["locations"] = [location.formatted for location in located.locations]
    if located.path:
        formatted["path"] = located.path
    return formatted


def _format_cause(error: GraphQLError) -> GraphQLFormattedError:
    cause = error.original_error
    if isinstance(cause, ValueError | TypeError):
        cause = relay_error(cause) or cause
    if isinstance(cause, Unavailable):
        _log_cause(cause)
        return _formatted(cause.message, cause.code, requestId=REQUEST_ID.get(), **cause.extensions)
    if isinstance(cause, ApplicationError):
        return _formatted(cause.message, cause.code, **cause.extensions)
    if isinstance(error, GraphQLSyntaxError):
        return _formatted(syntax_message(error.message), ErrorCode.GRAPHQL_PARSE_FAILED)
    if cause is None or isinstance(cause, GraphQLError):
        cause = cause or error
        # Such as a null in a variable.
        is_argument = _find_module(cause) == "graphql.execution.values"
        is_input = isinstance(cause, StrawberryInputCoercionError) or is_argument
        if not _has_code(cause) and (error.path is None or is_input):
            message, code = validation_message(error.message), ErrorCode.GRAPHQL_VALIDATION_FAILED
            return _formatted(message, code, **{**(cause.extensions or {}), "code": code})
        if not _is_invalid_output(cause):
            return _format_resolver_error(cause)
    logger.error("failed: %s", describe_exception(cause))
    code = ErrorCode.INTERNAL_SERVER_ERROR
    return _formatted("Something went wrong on our side.", code, requestId=REQUEST_ID.get())


def _format_resolver_error(error: GraphQLError) -> GraphQLFormattedError:
    """Format a GraphQLError of a resolver: clients get its message, as from other servers.

    Without a code it has that of Apollo Server, and FORBIDDEN if a permission class refuses.
    """
    extensions = dict(error.extensions or {})
    if not _has_code(error) and isinstance(error, StrawberryGraphQLError):
        extensions["code"] = ErrorCode.FORBIDDEN
    elif not _has_code(error):
        logger.error("failed without a code: %s", describe_exception(error))
        extensions |= {"code": ErrorCode.INTERNAL_SERVER_ERROR, "requestId": REQUEST_ID.get()}
    return {"message": error.message, "extensions": extensions}


def _has_code(error: GraphQLError) -> bool:
    return bool((error.extensions or {}).get("code"))


def _is_invalid_output(error: GraphQLError) -> bool:
    """Whether graphql-core raised it for what a resolver returned; its message has the value.

    It also raises each GraphQLError that a resolver returns. That one has no nodes.
    """
    module = _find_module(error)
    is_returned = module == "graphql.execution.executor" and not error.nodes
    return module.startswith("graphql.") and not is_returned and not error.extensions


def _find_module(error: GraphQLError) -> str:
    """Return the name of the module that raised an error."""
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    return str(frames[-1].f_globals["__name__"]) if frames else ""


def _formatted(message: str, code: str, /, **extensions: Any) -> GraphQLFormattedError:
    return {"message": message, "extensions": {"code": code, **extensions}}


def _log_cause(unavailable: Unavailable) -> None:
    """Log why a request failed; an outage of the database is logged elsewhere."""
    cause, is_outage = unavailable.__cause__, isinstance(unavailable, DatabaseUnavailable)
    if cause and not is_outage and _causes.can_log(type(cause).__name__):
        logger.error("service unavailable: %s", describe_exception(unavailable))
