"""How an error reaches a client: always with a code, never with a value or a cause of ours."""

import logging
from typing import Any

from graphql import GraphQLError, GraphQLFormattedError, GraphQLSyntaxError
from strawberry.utils.str_converters import to_camel_case

from graphql_auth.codes import ErrorCode
from graphql_auth.errors import (
    ApplicationError,
    BadInput,
    DatabaseUnavailable,
    EmailTaken,
    FieldError,
    Forbidden,
    InvalidCredentials,
    TooManyAttempts,
    Unauthenticated,
    Unavailable,
)
from graphql_auth.graphql_http.document_cache import NoSuchOperation
from graphql_auth.graphql_http.limits import TooComplex
from graphql_auth.graphql_http.messages import syntax_message, validation_message
from graphql_auth.graphql_http.variable_errors import BadVariables
from graphql_auth.logs import LogRateLimit, describe_exception

SECONDS_BETWEEN_CAUSES = 10.0

logger = logging.getLogger(__name__)
_causes = LogRateLimit(SECONDS_BETWEEN_CAUSES)


# What a person reads, and what a program does, for each expected outcome.
TOLD: dict[type[ApplicationError], tuple[str, ErrorCode]] = {
    BadInput: ("Some of the values are not right.", ErrorCode.BAD_USER_INPUT),
    EmailTaken: ("This e-mail address has an account already.", ErrorCode.EMAIL_TAKEN),
    Forbidden: ("A page of this origin may not do that.", ErrorCode.FORBIDDEN),
    InvalidCredentials: (
        "The e-mail address or the password is wrong.",
        ErrorCode.INVALID_CREDENTIALS,
    ),
    NoSuchOperation: ("", ErrorCode.BAD_REQUEST),  # It says itself what is missing.
    TooManyAttempts: ("Too many attempts; try again later.", ErrorCode.TOO_MANY_ATTEMPTS),
    TooComplex: ("The request asks for too much.", ErrorCode.QUERY_TOO_COMPLEX),
    Unauthenticated: ("Sign in to see this.", ErrorCode.UNAUTHENTICATED),
    Unavailable: ("We cannot answer now; try again soon.", ErrorCode.SERVICE_UNAVAILABLE),
}


def client_error(error: GraphQLError, request_id: str) -> GraphQLFormattedError:
    """Return what a client is told of an error, as the GraphQL specification has it in JSON.

    An unexpected one is logged here, once, under the request id that the client gets.
    """
    message, code, extensions = _told(error, request_id)
    formatted: GraphQLFormattedError = {
        "message": message,
        "extensions": {"code": code.value, **extensions},
    }
    if error.locations:
        formatted["locations"] = [location.formatted for location in error.locations]
    if error.path:
        formatted["path"] = error.path
    return formatted


def request_error(message: str, code: ErrorCode = ErrorCode.BAD_REQUEST) -> GraphQLFormattedError:
    """Return an error about a request that never became a GraphQL operation."""
    return {"message": message, "extensions": {"code": code.value}}


def internal_error(cause: Exception, request_id: str) -> GraphQLFormattedError:
    """Return an error about a fault of ours outside of any operation, and log it, once."""
    message, code, extensions = _unexpected(cause, request_id)
    return {"message": message, "extensions": {"code": code.value, **extensions}}


def _told(error: GraphQLError, request_id: str) -> tuple[str, ErrorCode, dict[str, Any]]:
    cause = error.original_error
    if isinstance(cause, ApplicationError):
        return _expected(cause, request_id)
    if isinstance(error, GraphQLSyntaxError):
        return syntax_message(error.message), ErrorCode.GRAPHQL_PARSE_FAILED, {}
    if cause is None or isinstance(cause, GraphQLError):
        # graphql-core's own, of the validation, or of a null that shows at the execution only.
        return validation_message(error.message), ErrorCode.GRAPHQL_VALIDATION_FAILED, {}
    return _unexpected(cause, request_id)


def _expected(cause: ApplicationError, request_id: str) -> tuple[str, ErrorCode, dict[str, Any]]:
    extensions: dict[str, Any] = {}
    match cause:
        case BadInput():
            extensions["fields"] = _fields(cause)
        case TooComplex():
            extensions |= {"limit": to_camel_case(cause.limit), "allowed": cause.allowed}
        case Unauthenticated():
            extensions["reason"] = cause.fault
        case TooManyAttempts():
            extensions["retryAfter"] = cause.retry_after
        case Unavailable():
            extensions |= _unavailable(cause, request_id)
    for kind, (message, code) in TOLD.items():
        if isinstance(cause, kind):
            return message or str(cause), code, extensions
    raise TypeError(f"{type(cause).__name__} has no code")


def _fields(cause: BadInput) -> list[dict[str, Any]]:
    # What the service names is the schema's to spell; a variable keeps its own name.
    spelled = str if isinstance(cause, BadVariables) else to_camel_case
    return [_field(spelled(fault.field), fault) for fault in cause.faults]


def _field(name: str, fault: FieldError) -> dict[str, Any]:
    told = {"field": name, "reason": fault.reason, "message": fault.message}
    return told if fault.limit is None else {**told, "limit": fault.limit}


def _unavailable(cause: Unavailable, request_id: str) -> dict[str, Any]:
    if cause.retry_after is not None:
        return {"requestId": request_id, "retryAfter": cause.retry_after}
    origin = type(cause.__cause__).__name__
    if not isinstance(cause, DatabaseUnavailable) and _causes.can_log(origin):
        logger.error("a request cannot be answered: %s", describe_exception(cause))
    return {"requestId": request_id}


def _unexpected(cause: Exception, request_id: str) -> tuple[str, ErrorCode, dict[str, Any]]:
    logger.error("failed: %s", describe_exception(cause))
    return (
        "Something went wrong on our side.",
        ErrorCode.INTERNAL_SERVER_ERROR,
        {"requestId": request_id},
    )
