from enum import Enum

import pytest

from graphql_auth import codes, errors
from graphql_auth.accounts.features import RegistrationMode


@pytest.mark.parametrize(
    ("shown", "known"),
    [
        (codes.ErrorCode, errors.ErrorCode),
        (codes.FieldReason, errors.FieldReason),
        (codes.ForbiddenReason, errors.ForbiddenReason),
        (codes.TokenReason, errors.TokenReason),
        (codes.RegistrationMode, RegistrationMode),
    ],
)
def test_schema_has_every_reason(shown: type[Enum], known: type[Enum]) -> None:
    assert list(shown.__members__) == list(known.__members__)
    assert [member.value for member in shown] == list(known)
