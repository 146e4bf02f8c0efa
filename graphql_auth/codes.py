"""The enums of error codes and reasons, for the types that frontends generate."""

from enum import Enum
from typing import Any

import strawberry

from graphql_auth import errors
from graphql_auth.accounts import features
from graphql_auth.errors import DescribedEnum


def _graphql_enum(values: type[DescribedEnum]) -> type[Enum]:
    members: Any = {
        value.name: strawberry.enum_value(value.value, description=value.description)
        for value in values
    }
    enum: Any = Enum(values.__name__, members)  # type: ignore[misc]  # not a literal name
    return strawberry.enum(enum, description=values.__doc__)


ErrorCode = _graphql_enum(errors.ErrorCode)
FieldReason = _graphql_enum(errors.FieldReason)
RegistrationMode = _graphql_enum(features.RegistrationMode)
ForbiddenReason = _graphql_enum(errors.ForbiddenReason)
TokenReason = _graphql_enum(errors.TokenReason)
