"""How an error reaches a client: always with a code, never with a value or a cause of ours."""

import logging
from enum import Enum
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLFormattedError, GraphQLSyntaxError
from strawberry.utils.str_converters import to_camel_case

from graphql_auth.api.documents import NoSuchOperation
from graphql_auth.api.limits import TooComplex
from graphql_auth.api.values import BadVariables, syntax_message, validation_message
from graphql_auth.errors import (
    AuthError,
    BadInput,
    EmailTaken,
    Forbidden,
    InvalidCredentials,
    TooManyAttempts,
    Unauthenticated,
    Unavailable,
)
from graphql_auth.logs import cause_of

logger = logging.getLogger(__name__)


@strawberry.enum(description="Every value that `extensions.code` of an error can take.")
class ErrorCode(Enum):
    """The codes are promises to frontends; docs/errors.md lists what comes with each."""

    GRAPHQL_PARSE_FAILED = strawberry.enum_value(
        "GRAPHQL_PARSE_FAILED", description="The document is not GraphQL."
    )
    GRAPHQL_VALIDATION_FAILED = strawberry.enum_value(
        "GRAPHQL_VALIDATION_FAILED", description="The document does not fit the schema."
    )
    BAD_REQUEST = strawberry.enum_value(
        "BAD_REQUEST", description="The HTTP request is not a GraphQL request."
    )
    QUERY_TOO_COMPLEX = strawberry.enum_value(
        "QUERY_TOO_COMPLEX",
        description="A limit on the document is passed: `limit` says which, `allowed` how much.",
    )
    BAD_USER_INPUT = strawberry.enum_value(
        "BAD_USER_INPUT",
        description="Values are off: `fields` lists each with `field`, `reason` and `message`.",
    )
    EMAIL_TAKEN = strawberry.enum_value(
        "EMAIL_TAKEN", description="The e-mail address has an account already."
    )
    INVALID_CREDENTIALS = strawberry.enum_value(
        "INVALID_CREDENTIALS",
        description="The e-mail address is unknown or the password is wrong.",
    )
    TOO_MANY_ATTEMPTS = strawberry.enum_value(
        "TOO_MANY_ATTEMPTS", description="Try again after `retryAfter` seconds."
    )
    UNAUTHENTICATED = strawberry.enum_value(
        "UNAUTHENTICATED",
        description=(
            "The field needs a good access token; `reason` is `TOKEN_MISSING`, `TOKEN_EXPIRED`,"
            " `TOKEN_INVALID` or `TOKEN_REVOKED`."
        ),
    )
    FORBIDDEN = strawberry.enum_value("FORBIDDEN", description="Signed in, but not allowed.")
    INTERNAL_SERVER_ERROR = strawberry.enum_value(
        "INTERNAL_SERVER_ERROR", description="A fault of ours; quote `requestId` to report it."
    )
    SERVICE_UNAVAILABLE = strawberry.enum_value(
        "SERVICE_UNAVAILABLE",
        description="We cannot answer now; try again, after `retryAfter` seconds if it is given.",
    )


# What a person reads, and what a program does, for each expected outcome.
TOLD: dict[type[AuthError], tuple[str, ErrorCode]] = {
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
    if isinstance(cause, AuthError):
        return _expected(cause, request_id)
    if isinstance(error, GraphQLSyntaxError):
        return syntax_message(error.message), ErrorCode.GRAPHQL_PARSE_FAILED, {}
    if cause is None or isinstance(cause, GraphQLError):
        # graphql-core's own, of the validation, or of a null that shows at the execution only.
        return validation_message(error.message), ErrorCode.GRAPHQL_VALIDATION_FAILED, {}
    return _unexpected(cause, request_id)


def _expected(cause: AuthError, request_id: str) -> tuple[str, ErrorCode, dict[str, Any]]:
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


def _fields(cause: BadInput) -> list[dict[str, str]]:
    # What the service names is the schema's to spell; a variable keeps its own name.
    spelled = str if isinstance(cause, BadVariables) else to_camel_case
    return [
        {"field": spelled(fault.field), "reason": fault.reason, "message": fault.message}
        for fault in cause.faults
    ]


def _unavailable(cause: Unavailable, request_id: str) -> dict[str, Any]:
    if cause.retry_after is not None:
        return {"requestId": request_id, "retryAfter": cause.retry_after}
    logger.error("found no service: %s", cause_of(cause))
    return {"requestId": request_id}


def _unexpected(cause: Exception, request_id: str) -> tuple[str, ErrorCode, dict[str, Any]]:
    logger.error("failed: %s", cause_of(cause))
    return (
        "Something went wrong on our side.",
        ErrorCode.INTERNAL_SERVER_ERROR,
        {"requestId": request_id},
    )
