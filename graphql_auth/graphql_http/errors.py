"""Formats errors for clients: always with a code, never with a value or an internal cause."""

import logging
from typing import Any

from graphql import GraphQLError, GraphQLFormattedError, GraphQLSyntaxError

from graphql_auth.errors import ApplicationError, DatabaseUnavailable, ErrorCode, Unavailable
from graphql_auth.graphql_http.messages import syntax_message, validation_message
from graphql_auth.logs import LogRateLimit, describe_exception

SECONDS_BETWEEN_LINES = 10.0

logger = logging.getLogger(__name__)
_causes = LogRateLimit(SECONDS_BETWEEN_LINES)


def format_error(error: GraphQLError, request_id: str) -> GraphQLFormattedError:
    """Return an error as the GraphQL specification has it in JSON.

    An unexpected one is logged here, once, under the request id that the client gets.
    """
    formatted = _classify(error, request_id)
    if error.locations:
        formatted["locations"] = [location.formatted for location in error.locations]
    if error.path:
        formatted["path"] = error.path
    return formatted


def request_error(message: str) -> GraphQLFormattedError:
    """Return an error about an HTTP request that is not a GraphQL request."""
    return _formatted(message, ErrorCode.BAD_REQUEST)


def internal_error(cause: Exception, request_id: str) -> GraphQLFormattedError:
    """Return an error that hides its cause, and log the cause."""
    logger.error("failed: %s", describe_exception(cause))
    code = ErrorCode.INTERNAL_SERVER_ERROR
    return _formatted("Something went wrong on our side.", code, requestId=request_id)


def _classify(error: GraphQLError, request_id: str) -> GraphQLFormattedError:
    cause = error.original_error
    if isinstance(cause, Unavailable):
        _log_cause(cause)
        return _formatted(cause.message, cause.code, requestId=request_id, **cause.extensions)
    if isinstance(cause, ApplicationError):
        return _formatted(cause.message, cause.code, **cause.extensions)
    if isinstance(error, GraphQLSyntaxError):
        return _formatted(syntax_message(error.message), ErrorCode.GRAPHQL_PARSE_FAILED)
    if cause is None or isinstance(cause, GraphQLError):
        # graphql-core's own: of the validation, or of a null that only the execution finds.
        message = validation_message(error.message)
        return _formatted(message, ErrorCode.GRAPHQL_VALIDATION_FAILED)
    return internal_error(cause, request_id)


def _formatted(message: str, code: str, **extensions: Any) -> GraphQLFormattedError:  # noqa: ANN401
    return {"message": message, "extensions": {"code": str(code), **extensions}}


def _log_cause(unavailable: Unavailable) -> None:
    """Log why a request failed; an outage of the database and a full queue have other lines."""
    if unavailable.retry_after is not None or isinstance(unavailable, DatabaseUnavailable):
        return
    if _causes.can_log(type(unavailable.__cause__).__name__):
        logger.error("service unavailable: %s", describe_exception(unavailable))
