"""Every forged token, and every mutation of a good one, without a server and for each algorithm."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from graphql_auth.errors import TokenReason, Unauthenticated
from graphql_auth.token_key import create_access_tokens
from graphql_auth.tokens.access_tokens import AccessTokens
from tests.services import SETTINGS
from tests.tokens.forgery import Case, Material, read_cases
from tests.tokens.keys import ALGORITHMS, ASYMMETRIC, Key, encode, new_key, write_keys
from tests.tokens.signatures import decode

USER = "65f000000000000000000001"
SESSION = "65f000000000000000000002"
SECRET = "k" * 32
CASES = read_cases()

Verifiers = dict[str, AccessTokens]


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Verifiers:
    """What issues and verifies tokens, by the algorithm that signs; all know all keys."""
    directory, found = tmp_path_factory.mktemp("keys"), {}
    for algorithm in ALGORITHMS:
        settings = SETTINGS.model_copy(update={"token_key": SecretStr(SECRET)})
        if algorithm in ASYMMETRIC:
            ordered = sorted(ASYMMETRIC, key=lambda name: name != algorithm)
            written = write_keys(directory / algorithm, *map(new_key, ordered))
            settings = settings.model_copy(update={"signing_keys": written})
        found[algorithm] = create_access_tokens(settings, time.time)
    return found


@pytest.fixture(scope="module")
def good(tokens: Verifiers) -> dict[str, str]:
    """A good token of each algorithm."""
    return {name: one.issue(USER, SESSION, one.expiry()).value for name, one in tokens.items()}


@pytest.fixture(scope="module")
def keys() -> dict[str, Key]:
    return {name: new_key(name) for name in ASYMMETRIC} | {"HS256": Key(SECRET.encode())}


def fault(tokens: AccessTokens, token: str) -> TokenReason | None:
    """Why a token is refused; None if it is not."""
    try:
        tokens.verify(token)
    except Unauthenticated as refused:
        return refused.reason
    return None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_forged_token_is_refused(
    case: Case, tokens: Verifiers, good: dict[str, str], keys: dict[str, Key]
) -> None:
    for algorithm in filter(case.is_for, ALGORITHMS):
        token = case.build(Material(algorithm, keys, good))
        found = fault(tokens[algorithm], token)
        if case.is_accepted:
            is_known = algorithm != "HS256" or case.values.get("algorithm", "HS256") == "HS256"
            assert found == (None if is_known else "TOKEN_INVALID"), algorithm
        else:
            assert found == case.reason, algorithm


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_good_token_is_accepted(algorithm: str, tokens: Verifiers, good: dict[str, str]) -> None:
    """Otherwise the mutations would show nothing."""
    assert f'"alg":"{algorithm}"' in decode(good[algorithm].partition(".")[0]).decode()
    assert tokens[algorithm].verify(good[algorithm]).subject == USER


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_token_with_one_bit_flipped_is_refused(
    algorithm: str, tokens: Verifiers, good: dict[str, str]
) -> None:
    token = good[algorithm]
    mutated = [*flip_characters(token), *flip_bytes(token)]

    assert len(mutated) > 4000
    assert [one for one in mutated if fault(tokens[algorithm], one) is None] == []


def flip_characters(token: str) -> Iterator[str]:
    """Yield the token with each bit of each character flipped."""
    for place, character in enumerate(token):
        for bit in range(8):
            yield token[:place] + chr(ord(character) ^ 1 << bit) + token[place + 1 :]


def flip_bytes(token: str) -> Iterator[str]:
    """Yield the token with each bit of what its segments encode flipped."""
    segments = token.split(".")
    for number, segment in enumerate(segments):
        data = decode(segment)
        for place in range(8 * len(data)):
            flipped = bytearray(data)
            flipped[place // 8] ^= 1 << place % 8
            yield ".".join([*segments[:number], encode(bytes(flipped)), *segments[number + 1 :]])


# What is cut out of a token, and what is put there.
cuts = st.tuples(st.floats(0, 1), st.integers(0, 8))
inserted = (
    st.text(max_size=8)
    | st.text("ABCXYZabcxyz0189-_.=+/ ", max_size=8)
    | st.integers(0, 2**32).map(lambda number: encode(number.to_bytes(8)))
)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(edits=st.lists(st.tuples(cuts, inserted), min_size=1, max_size=3))
def test_edited_token_is_refused(
    algorithm: str,
    tokens: Verifiers,
    good: dict[str, str],
    edits: list[tuple[tuple[float, int], str]],
) -> None:
    edited = good[algorithm]
    for (place, length), text in edits:
        start = int(place * len(edited))
        edited = edited[:start] + text + edited[start + length :]

    if edited != good[algorithm]:
        assert fault(tokens[algorithm], edited) == TokenReason.TOKEN_INVALID


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(text=st.text() | st.from_regex(r"[\w-]{0,40}\.[\w-]{0,40}\.[\w-]{86}", fullmatch=True))
def test_any_other_text_is_refused(algorithm: str, tokens: Verifiers, text: str) -> None:
    assert fault(tokens[algorithm], text) == TokenReason.TOKEN_INVALID


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(signature=st.binary(max_size=600) | st.binary(min_size=64, max_size=64))
def test_any_other_signature_is_refused(
    algorithm: str, tokens: Verifiers, good: dict[str, str], signature: bytes
) -> None:
    signed = good[algorithm].rpartition(".")[0]

    assert fault(tokens[algorithm], f"{signed}.{encode(signature)}") == TokenReason.TOKEN_INVALID
