"""What can go wrong, as facts: no status codes, no GraphQL, and never a value that was typed."""

from dataclasses import dataclass
from enum import StrEnum


class StartError(Exception):
    """The server cannot start; the message is the one line that its operator reads."""


class ApplicationError(Exception):
    """An expected outcome that the caller must be told about."""


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


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that was refused: which, why, and a sentence for the person who typed it.

    ``limit`` is how many characters are allowed, where the length is the reason.
    """

    field: str
    reason: FieldReason
    message: str
    limit: int | None = None


class BadInput(ApplicationError):
    """Values are off; ``faults`` lists every one of them."""

    def __init__(self, faults: tuple[FieldError, ...]) -> None:
        super().__init__(", ".join(f"{fault.field}: {fault.reason}" for fault in faults))
        self.faults = faults


class EmailTaken(ApplicationError):
    """The address belongs to an account already."""


class InvalidCredentials(ApplicationError):
    """The address is unknown or the password is wrong; which of the two is nobody's business."""


class TokenReason(StrEnum):
    """Why a request counts as not signed in."""

    TOKEN_MISSING = "TOKEN_MISSING"  # noqa: S105 - the name of a reason
    TOKEN_EXPIRED = "TOKEN_EXPIRED"  # noqa: S105 - the name of a reason
    TOKEN_INVALID = "TOKEN_INVALID"  # noqa: S105 - the name of a reason
    TOKEN_REVOKED = "TOKEN_REVOKED"  # noqa: S105 - the name of a reason


class Unauthenticated(ApplicationError):
    """A guarded field was asked for without a good access token."""

    def __init__(self, fault: TokenReason) -> None:
        super().__init__(fault)
        self.fault = fault


class Forbidden(ApplicationError):
    """Whoever asks must not do this, signed in or not."""


class TooManyAttempts(ApplicationError):
    """Throttled; ``retry_after`` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class Unavailable(ApplicationError):
    """A part that is needed does not answer or is full; ``retry_after`` is in seconds."""

    def __init__(self, retry_after: int | None = None) -> None:
        super().__init__()
        self.retry_after = retry_after


class DatabaseUnavailable(Unavailable):
    """The database does not do its work, which is logged where the driver's error is translated."""
