import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphql_auth.sessions.refresh_tokens import RefreshToken

USER, SESSION = "65f000000000000000000001", "65f000000000000000000002"
SALT = b"salt" * 8


def test_parse_reverses_encode() -> None:
    token = RefreshToken.first(USER, SESSION)

    assert RefreshToken.parse(token.encode()) == token
    assert (token.user_id, token.session_id) == (USER, SESSION)


def test_every_token_is_unique() -> None:
    assert len({RefreshToken.first(USER, SESSION).encode() for _ in range(1000)}) == 1000


def test_successor_depends_on_token_and_salt() -> None:
    token, other = RefreshToken.first(USER, SESSION), RefreshToken.first(USER, SESSION)

    assert token.successor(SALT) == token.successor(SALT)
    assert token.successor(SALT).family == token.family
    secrets = {token.secret, *(t.successor(s).secret for t in (token, other) for s in (SALT, b"x"))}
    assert len(secrets) == 5


def test_digests_do_not_contain_token() -> None:
    token = RefreshToken.first(USER, SESSION)

    shown = repr(token).encode() + token.family_digest + token.secret_digest

    assert token.secret not in shown
    assert token.family not in shown


def test_repr_hides_the_token() -> None:
    token = RefreshToken.first(USER, SESSION)

    assert repr(token.secret) not in repr(token)
    assert repr(token.family) not in repr(token)


@given(st.from_regex(r"[A-Za-z0-9_-]{96}", fullmatch=True))
def test_every_well_formed_text_is_a_distinct_token(text: str) -> None:
    token = RefreshToken.parse(text)

    assert token is not None
    assert token.encode() == text


@given(st.text() | st.from_regex(r"[\w+/=]{95,97}", fullmatch=True).filter(lambda t: len(t) != 96))
def test_any_other_text_is_not_a_token(text: str) -> None:
    assert RefreshToken.parse(text) is None


@pytest.mark.parametrize("change", ["{}\n", " {}", "{}=", "{}A"])
def test_token_has_one_spelling(change: str) -> None:
    assert RefreshToken.parse(change.format(RefreshToken.first(USER, SESSION).encode())) is None
