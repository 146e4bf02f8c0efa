"""Expected errors: each carries its code, its message and its extensions.

No error repeats a value that a client sent. docs/errors.md lists the codes.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class StartError(Exception):
    """The server cannot start; the message is the one line that its operator reads."""


class ErrorCode(StrEnum):
    """The values of ``extensions.code``."""

    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    BAD_REQUEST = "BAD_REQUEST"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    EMAIL_TAKEN = "EMAIL_TAKEN"
    INVALID_CREDENTIALS = "INVALID_CREDENTIALS"
    TOO_MANY_ATTEMPTS = "TOO_MANY_ATTEMPTS"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"


class FieldReason(StrEnum):
    """Why the value of one field was refused."""

    REQUIRED = "REQUIRED"
    TOO_SHORT = "TOO_SHORT"
    TOO_LONG = "TOO_LONG"
    TOO_COMMON = "TOO_COMMON"
    TOO_PERSONAL = "TOO_PERSONAL"
    BREACHED = "BREACHED"
    INVALID_CHARACTERS = "INVALID_CHARACTERS"
    INVALID_EMAIL = "INVALID_EMAIL"
    WRONG_TYPE = "WRONG_TYPE"
    UNKNOWN_FIELD = "UNKNOWN_FIELD"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    INVALID_CURSOR = "INVALID_CURSOR"


class TokenReason(StrEnum):
    """Why a request is not authenticated."""

    TOKEN_MISSING = "TOKEN_MISSING"  # noqa: S105 - the name of a reason
    TOKEN_EXPIRED = "TOKEN_EXPIRED"  # noqa: S105 - the name of a reason
    TOKEN_INVALID = "TOKEN_INVALID"  # noqa: S105 - the name of a reason
    TOKEN_REVOKED = "TOKEN_REVOKED"  # noqa: S105 - the name of a reason


class ApplicationError(Exception):
    """An error that the client is told: message, code and extensions reach it as they are."""

    def __init__(self, message: str, *, code: str, **extensions: Any) -> None:  # noqa: ANN401
        super().__init__(message)
        self.message = message
        self.code = str(code)
        self.extensions = extensions


@dataclass(frozen=True, slots=True)
class FieldError:
    """A field that was refused, by its GraphQL name, with a sentence for the person who typed it.

    ``limit`` is the number of characters allowed, where the length is the reason.
    """

    field: str
    reason: FieldReason
    message: str
    limit: int | None = None


class BadInput(ApplicationError):
    """Some values are invalid; ``fields`` lists all of them."""

    def __init__(self, fields: Sequence[FieldError]) -> None:
        self.fields = tuple(fields)
        shown = [
            {name: value for name, value in asdict(field).items() if value is not None}
            for field in fields
        ]
        super().__init__(
            "Some of the values are invalid.", code=ErrorCode.BAD_USER_INPUT, fields=shown
        )


class EmailTaken(ApplicationError):
    """An account with this e-mail exists."""

    def __init__(self) -> None:
        super().__init__("This e-mail address has an account already.", code=ErrorCode.EMAIL_TAKEN)


class InvalidCredentials(ApplicationError):
    """Unknown e-mail, wrong password or disabled user; the answer does not tell which."""

    def __init__(self) -> None:
        super().__init__(
            "The e-mail address or the password is wrong.", code=ErrorCode.INVALID_CREDENTIALS
        )


class Unauthenticated(ApplicationError):
    """A guarded field was requested without a valid access token."""

    def __init__(self, reason: TokenReason) -> None:
        super().__init__("Sign in to see this.", code=ErrorCode.UNAUTHENTICATED, reason=reason)
        self.reason = reason


class Forbidden(ApplicationError):
    """The caller must not do this, signed in or not."""

    def __init__(self) -> None:
        super().__init__("This origin is not allowed.", code=ErrorCode.FORBIDDEN)


class TooManyAttempts(ApplicationError):
    """Rate limited; ``retry_after`` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "Too many attempts. Try again later.",
            code=ErrorCode.TOO_MANY_ATTEMPTS,
            retryAfter=retry_after,
        )
        self.retry_after = retry_after


class Unavailable(ApplicationError):
    """A part that is needed does not answer or is full; ``retry_after`` is in seconds."""

    def __init__(self, retry_after: int | None = None) -> None:
        extensions = {} if retry_after is None else {"retryAfter": retry_after}
        super().__init__(
            "The service is unavailable. Try again soon.",
            code=ErrorCode.SERVICE_UNAVAILABLE,
            **extensions,
        )
        self.retry_after = retry_after


class DatabaseUnavailable(Unavailable):
    """The database failed; the outage is logged where the driver's error is translated."""
