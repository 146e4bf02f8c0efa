"""Formats errors for clients: always with a code, never with a value or an internal cause."""

import logging
from typing import Any

from graphql import GraphQLError, GraphQLFormattedError, GraphQLSyntaxError

from graphql_auth.errors import ApplicationError, DatabaseUnavailable, ErrorCode, Unavailable
from graphql_auth.graphql_http.messages import syntax_message, validation_message
from graphql_auth.logs import REQUEST_ID, LogRateLimit, describe_exception

SECONDS_BETWEEN_LINES = 10.0

logger = logging.getLogger(__name__)
_causes = LogRateLimit(SECONDS_BETWEEN_LINES)


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
    if isinstance(cause, Unavailable):
        _log_cause(cause)
        return _formatted(cause.message, cause.code, requestId=REQUEST_ID.get(), **cause.extensions)
    if isinstance(cause, ApplicationError):
        return _formatted(cause.message, cause.code, **cause.extensions)
    if isinstance(error, GraphQLSyntaxError):
        return _formatted(syntax_message(error.message), ErrorCode.GRAPHQL_PARSE_FAILED)
    if cause is None or isinstance(cause, GraphQLError):
        # Of graphql-core: from the validation, or a null that only the execution finds.
        message = validation_message(error.message)
        return _formatted(message, ErrorCode.GRAPHQL_VALIDATION_FAILED)
    logger.error("failed: %s", describe_exception(cause))
    code = ErrorCode.INTERNAL_SERVER_ERROR
    return _formatted("Something went wrong on our side.", code, requestId=REQUEST_ID.get())


def _formatted(message: str, code: str, **extensions: Any) -> GraphQLFormattedError:  # noqa: ANN401
    return {"message": message, "extensions": {"code": code, **extensions}}


def _log_cause(unavailable: Unavailable) -> None:
    """Log why a request failed; an outage of the database and a full queue have other lines."""
    if unavailable.retry_after is not None or isinstance(unavailable, DatabaseUnavailable):
        return
    if _causes.can_log(type(unavailable.__cause__).__name__):
        logger.error("service unavailable: %s", describe_exception(unavailable))
