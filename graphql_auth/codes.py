"""The values that `extensions` of an error can hold, for the types that frontends generate.

They are promises; docs/errors.md lists what comes with each.
"""

from enum import Enum

import strawberry

from graphql_auth import errors


@strawberry.enum(description="Every value that `extensions.code` of an error can take.")
class ErrorCode(Enum):
    """What a frontend decides by."""

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
        description=(
            "Values are off: `fields` lists each with `field`, `reason` (a `FieldReason`),"
            " `message`, and `limit` where the length is off."
        ),
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
            "What was asked for needs a good token; `reason` is a `TokenReason`. Refresh, whatever"
            " it is, and ask again."
        ),
    )
    FORBIDDEN = strawberry.enum_value(
        "FORBIDDEN", description="The origin of the page may not use the cookie."
    )
    INTERNAL_SERVER_ERROR = strawberry.enum_value(
        "INTERNAL_SERVER_ERROR", description="A fault of ours; quote `requestId` to report it."
    )
    SERVICE_UNAVAILABLE = strawberry.enum_value(
        "SERVICE_UNAVAILABLE",
        description="We cannot answer now; try again, after `retryAfter` seconds if it is given.",
    )


@strawberry.enum(
    description="Why the value of a field was refused: every `reason` in `extensions.fields`."
)
class FieldReason(Enum):
    """The reasons that the service has, described."""

    REQUIRED = strawberry.enum_value(
        errors.FieldReason.REQUIRED, description="It is missing or blank."
    )
    TOO_SHORT = strawberry.enum_value(
        errors.FieldReason.TOO_SHORT, description="It has fewer characters than `limit`."
    )
    TOO_LONG = strawberry.enum_value(
        errors.FieldReason.TOO_LONG, description="It has more characters than `limit`."
    )
    TOO_COMMON = strawberry.enum_value(
        errors.FieldReason.TOO_COMMON, description="Many people use this password."
    )
    TOO_PERSONAL = strawberry.enum_value(
        errors.FieldReason.TOO_PERSONAL,
        description="The password is the user's own name or address.",
    )
    BREACHED = strawberry.enum_value(
        errors.FieldReason.BREACHED, description="The password was in a data breach."
    )
    INVALID_CHARACTERS = strawberry.enum_value(
        errors.FieldReason.INVALID_CHARACTERS, description="It has characters that cannot be seen."
    )
    INVALID_EMAIL = strawberry.enum_value(
        errors.FieldReason.INVALID_EMAIL, description="It is no e-mail address."
    )
    WRONG_TYPE = strawberry.enum_value(
        errors.FieldReason.WRONG_TYPE,
        description="The variable is not of the type that the schema has.",
    )
    UNKNOWN_FIELD = strawberry.enum_value(
        errors.FieldReason.UNKNOWN_FIELD, description="The schema has no such field."
    )
    OUT_OF_RANGE = strawberry.enum_value(
        errors.FieldReason.OUT_OF_RANGE, description="The number is too small."
    )
    INVALID_CURSOR = strawberry.enum_value(
        errors.FieldReason.INVALID_CURSOR, description="It is no cursor of this list."
    )


@strawberry.enum(description="Why a request counts as not signed in: every `extensions.reason`.")
class TokenReason(Enum):
    """The faults that a token can have, described."""

    TOKEN_MISSING = strawberry.enum_value(
        errors.TokenReason.TOKEN_MISSING, description="There is none."
    )
    TOKEN_EXPIRED = strawberry.enum_value(
        errors.TokenReason.TOKEN_EXPIRED, description="Its time is over."
    )
    TOKEN_INVALID = strawberry.enum_value(
        errors.TokenReason.TOKEN_INVALID,
        description="It is not one of ours, or two different ones were sent.",
    )
    TOKEN_REVOKED = strawberry.enum_value(
        errors.TokenReason.TOKEN_REVOKED, description="Its session has ended."
    )
