"""The enums of error codes and reasons, described for the types that frontends generate."""

from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import cast

import strawberry

from graphql_auth import errors


def _describe(values: type[StrEnum], description: str, about: Mapping[str, str]) -> type[Enum]:
    members = {
        value.name: strawberry.enum_value(value.value, description=about[value.name])
        for value in values
    }
    described = cast("type[Enum]", Enum(values.__name__, members))
    return strawberry.enum(described, description=description)


ErrorCode = _describe(
    errors.ErrorCode,
    "Every value that `extensions.code` of an error can take.",
    {
        "GRAPHQL_PARSE_FAILED": "The document is not GraphQL.",
        "GRAPHQL_VALIDATION_FAILED": "The document does not fit the schema.",
        "BAD_REQUEST": "The HTTP request is not a valid GraphQL request.",
        "QUERY_TOO_COMPLEX": (
            "The document exceeds a limit: `limit` is its name, `allowed` its value."
        ),
        "BAD_USER_INPUT": (
            "Invalid input: `fields` lists each field with `field`, `reason` (a `FieldReason`),"
            " `message`, and `limit` if the length is invalid."
        ),
        "EMAIL_TAKEN": "An account with this e-mail address exists.",
        "INVALID_CREDENTIALS": "The e-mail address is unknown or the password is wrong.",
        "TOO_MANY_ATTEMPTS": "Rate limited: try again after `retryAfter` seconds.",
        "UNAUTHENTICATED": (
            "A valid access token is required; `reason` is a `TokenReason`. Whatever it is:"
            " refresh, then retry."
        ),
        "FORBIDDEN": "The origin of the page may not use the cookie.",
        "INTERNAL_SERVER_ERROR": "A bug of the server; quote `requestId` to report it.",
        "SERVICE_UNAVAILABLE": (
            "The server cannot answer now. Try again, after `retryAfter` seconds if it is given."
        ),
    },
)

FieldReason = _describe(
    errors.FieldReason,
    "Why the value of a field was refused: every `reason` in `extensions.fields`.",
    {
        "REQUIRED": "It is missing or blank.",
        "TOO_SHORT": "It has fewer characters than `limit`.",
        "TOO_LONG": "It has more characters than `limit`.",
        "TOO_COMMON": "Many people use this password.",
        "TOO_PERSONAL": "The password is the user's own name or e-mail address.",
        "BREACHED": "The password appeared in a data breach.",
        "INVALID_CHARACTERS": "It contains invisible characters.",
        "INVALID_EMAIL": "It is not an e-mail address.",
        "WRONG_TYPE": "The variable does not have the type that the schema requires.",
        "UNKNOWN_FIELD": "The schema has no such field.",
        "OUT_OF_RANGE": "The number is too small.",
        "INVALID_CURSOR": "It is not a cursor of this list.",
    },
)

TokenReason = _describe(
    errors.TokenReason,
    "Why a request is not authenticated: every `extensions.reason`.",
    {
        "TOKEN_MISSING": "The request has no token.",
        "TOKEN_EXPIRED": "The token has expired.",
        "TOKEN_INVALID": "The token is not one of ours, or two different ones were sent.",
        "TOKEN_REVOKED": "The session of the token has ended.",
    },
)
