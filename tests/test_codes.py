from enum import Enum

import pytest

from graphql_auth.codes import FieldReason, TokenReason
from graphql_auth.errors import FaultReason, TokenFault


@pytest.mark.parametrize(
    ("shown", "known"), [(FieldReason, FaultReason), (TokenReason, TokenFault)]
)
def test_the_schema_has_every_reason(shown: type[Enum], known: type[Enum]) -> None:
    assert list(shown.__members__) == list(known.__members__)
    assert [member.value.value for member in shown] == list(known)
