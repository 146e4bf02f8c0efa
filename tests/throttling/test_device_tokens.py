import pytest
from beanie import PydanticObjectId
from hypothesis import given
from hypothesis import strategies as st

from graphql_auth.throttling.device_tokens import DeviceTokens
from graphql_auth.users.document import UserDocument

TOKENS = DeviceTokens("k" * 32)


def user(**changes: object) -> UserDocument:
    values = {"id": PydanticObjectId("65f000000000000000000001"), "password_changes": 1}
    found: UserDocument = UserDocument.model_construct(None, **values | changes)
    return found


def test_verify_returns_device_id() -> None:
    token = TOKENS.issue(user())
    device_id = TOKENS.verify(token, user())

    assert device_id is not None
    assert TOKENS.issue(user(), device_id) == token
    assert TOKENS.issue(user()) != token


def test_token_of_the_previous_key_is_valid() -> None:
    token = TOKENS.issue(user())
    changed = DeviceTokens("K" * 32, "k" * 32)

    assert changed.verify(token, user()) == TOKENS.verify(token, user())
    assert TOKENS.verify(changed.issue(user()), user()) is None


@pytest.mark.parametrize(
    ("tokens", "owner"),
    [
        (DeviceTokens("K" * 32), user()),
        (TOKENS, user(id=PydanticObjectId("65f000000000000000000002"))),
        (TOKENS, user(password_changes=2)),
        (TOKENS, None),
    ],
)
def test_token_is_bound_to_key_user_and_password(
    tokens: DeviceTokens, owner: UserDocument | None
) -> None:
    assert tokens.verify(TOKENS.issue(user()), owner) is None


@given(st.none() | st.text() | st.from_regex(r"[A-Za-z0-9_-]{64}", fullmatch=True))
def test_any_other_text_is_refused(text: str | None) -> None:
    assert TOKENS.verify(text, user()) is None


@pytest.mark.parametrize("change", ["{}\n", " {}", "{}="])
def test_token_has_one_spelling(change: str) -> None:
    assert TOKENS.verify(change.format(TOKENS.issue(user())), user()) is None
