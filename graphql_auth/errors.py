"""Expected errors: each carries its code, its message and its extensions.

No error repeats a value that a client sent. docs/errors.md says more.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self


class StartError(Exception):
    """The server cannot start; the message is the one line that its operator reads."""


class DescribedEnum(StrEnum):
    """Strings, each with the description that the schema gives it."""

    description: str

    def __new__(cls, value: str, description: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.description = description
        return member


class ErrorCode(DescribedEnum):
    """Every value that `extensions.code` of an error can take. More may come."""

    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED", "The document is not GraphQL."
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED", "The document is not valid."
    BAD_REQUEST = "BAD_REQUEST", "The HTTP request is not a valid GraphQL request."
    PERSISTED_QUERY_NOT_SUPPORTED = (
        "PERSISTED_QUERY_NOT_SUPPORTED",
        "Persisted queries are not supported: send the document as `query`.",
    )
    QUERY_TOO_COMPLEX = (
        "QUERY_TOO_COMPLEX",
        "The document exceeds a limit: `limit` is its name, `allowed` its value.",
    )
    BAD_USER_INPUT = (
        "BAD_USER_INPUT",
        "Invalid input: `fields` lists `field`, `reason`, `message` and, for a length, `limit`.",
    )
    EMAIL_TAKEN = "EMAIL_TAKEN", "An account with this e-mail address exists."
    INVALID_CREDENTIALS = "INVALID_CREDENTIALS", "The e-mail address or the password is wrong."
    EMAIL_UNCONFIRMED = (
        "EMAIL_UNCONFIRMED",
        "The password is right, but the e-mail address has to be confirmed before a sign-in.",
    )
    LINK_EXPIRED = (
        "LINK_EXPIRED",
        "The link is used, too old or unknown, or the account has changed: ask for another.",
    )
    NOT_AVAILABLE = (
        "NOT_AVAILABLE",
        "This server does not offer it, because of the setting that `setting` names.",
    )
    TOO_MANY_ATTEMPTS = "TOO_MANY_ATTEMPTS", "Rate limited: try again after `retryAfter` seconds."
    UNAUTHENTICATED = (
        "UNAUTHENTICATED",
        "A valid access token is required; `reason` is a `TokenReason`. Refresh, then retry.",
    )
    FORBIDDEN = "FORBIDDEN", "Not allowed; `reason` is a `ForbiddenReason`."
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR", "A bug: quote `requestId` to report it."
    SERVICE_UNAVAILABLE = (
        "SERVICE_UNAVAILABLE",
        "The server cannot answer now. Try again, after `retryAfter` seconds if it is given.",
    )


class FieldReason(DescribedEnum):
    """Why the value of a field was refused: `reason` in `extensions.fields`. More may come."""

    REQUIRED = "REQUIRED", "It is missing or blank."
    TOO_SHORT = "TOO_SHORT", "It has fewer characters than `limit`."
    TOO_LONG = "TOO_LONG", "It has more characters than `limit`."
    TOO_COMMON = "TOO_COMMON", "Many people use this password."
    TOO_PERSONAL = "TOO_PERSONAL", "The password is the user's own name or e-mail address."
    BREACHED = "BREACHED", "The password appeared in a data breach."
    INVALID_CHARACTERS = "INVALID_CHARACTERS", "It contains invisible characters."
    INVALID_EMAIL = "INVALID_EMAIL", "It is not an e-mail address."
    TAKEN = "TAKEN", "Another account has this value."
    WRONG_TYPE = "WRONG_TYPE", "The variable does not have the type that the schema requires."
    UNKNOWN_FIELD = "UNKNOWN_FIELD", "The schema has no such field."
    OUT_OF_RANGE = "OUT_OF_RANGE", "The number is too small or too large."
    INVALID_CURSOR = "INVALID_CURSOR", "It is not a cursor of this list."


class TokenReason(DescribedEnum):
    """Why a request is not authenticated: every `extensions.reason`. More may come."""

    TOKEN_MISSING = "TOKEN_MISSING", "The request has no token."
    TOKEN_EXPIRED = "TOKEN_EXPIRED", "The token has expired."
    TOKEN_INVALID = "TOKEN_INVALID", "The token is not ours, or two different ones were sent."
    TOKEN_REVOKED = "TOKEN_REVOKED", "The session of the token has ended."

    @property
    def challenge(self) -> str:
        """The header WWW-Authenticate (RFC 6750 section 3). Browsers ask nobody for a password."""
        is_missing = self is TokenReason.TOKEN_MISSING
        return 'Bearer realm="graphql-auth"' if is_missing else 'Bearer error="invalid_token"'


class ForbiddenReason(DescribedEnum):
    """Why a page may not use the cookie, or a user a field: for `FORBIDDEN`. More may come."""

    ORIGIN_MISSING = (
        "ORIGIN_MISSING",
        "Cookies need a browser, which sends the header Origin. Elsewhere, leave out `useCookie`.",
    )
    ORIGIN_NOT_ALLOWED = (
        "ORIGIN_NOT_ALLOWED",
        "The page has neither the origin of the server nor one of ALLOWED_ORIGINS.",
    )
    COOKIE_CROSS_SITE = (
        "COOKIE_CROSS_SITE",
        "The page is on another site than the server, so its browser drops the cookie.",
    )
    COOKIE_NEEDS_HTTPS = (
        "COOKIE_NEEDS_HTTPS",
        "The page is loaded neither by HTTPS nor from localhost, so its browser drops the cookie.",
    )
    ROLE_REQUIRED = "ROLE_REQUIRED", "The access token does not have the role that `role` names."


class ApplicationError(Exception):
    """An error for the client, which gets the message, the code and the extensions."""

    def __init__(self, message: str, /, *, code: str, **extensions: Any) -> None:
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
    def __init__(self) -> None:
        super().__init__("This e-mail address has an account already.", code=ErrorCode.EMAIL_TAKEN)


class InvalidCredentials(ApplicationError):
    """Unknown e-mail, wrong password or disabled user; the answer does not tell which."""

    def __init__(self, message: str = "The e-mail address or the password is wrong.") -> None:
        super().__init__(message, code=ErrorCode.INVALID_CREDENTIALS)


class EmailUnconfirmed(ApplicationError):
    def __init__(self) -> None:
        super().__init__("Confirm your e-mail address first.", code=ErrorCode.EMAIL_UNCONFIRMED)


class LinkExpired(ApplicationError):
    """Unknown, used, too old, or the account has changed since; the answer does not tell which."""

    def __init__(self) -> None:
        super().__init__(
            "This link does not work any longer. Ask for another one.", code=ErrorCode.LINK_EXPIRED
        )


class NotAvailable(ApplicationError):
    """A setting disables this; for mail, which is not set up, that is SMTP_URL."""

    def __init__(self, setting: str) -> None:
        super().__init__(
            "This is not available here.", code=ErrorCode.NOT_AVAILABLE, setting=setting
        )


class Unauthenticated(ApplicationError):
    def __init__(self, reason: TokenReason) -> None:
        super().__init__("Sign in to see this.", code=ErrorCode.UNAUTHENTICATED, reason=reason)
        self.reason = reason


class Forbidden(ApplicationError):
    """The page may not use the cookie, or its browser would drop it; or a role is required."""

    def __init__(self, reason: ForbiddenReason, **extensions: str) -> None:
        super().__init__(reason.description, code=ErrorCode.FORBIDDEN, reason=reason, **extensions)


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
