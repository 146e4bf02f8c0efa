from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from jwt.algorithms import ECAlgorithm

from graphql_auth.errors import StartError, TokenReason, Unauthenticated
from graphql_auth.hooks import MAX_CLAIMS_BYTES
from graphql_auth.roles import MAX_ROLES
from graphql_auth.tokens.access_tokens import (
    MAX_TOKEN_LENGTH,
    AccessToken,
    AccessTokens,
    Principal,
)
from graphql_auth.tokens.key_files import GENERATORS, P256_ORDER, to_signing_key
from graphql_auth.tokens.key_ring import KeyRing, SigningKey, encode_segment, secret_key
from tests.services import Clock

KEY = "k" * 32
NOW = 1_800_000_000.0
USER = "65f000000000000000000001"
SESSION = "65f000000000000000000002"
PEM = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"
HEADER = {"alg": "HS256", "typ": "at+jwt"}
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
CLAIMS: dict[str, Any] = {
    "iss": "graphql-auth",
    "aud": "graphql-auth",
    "sub": USER,
    "sid": SESSION,
    "iat": int(NOW),
    "exp": int(NOW) + 60,
    "jti": "abcdefghijklmnopqrstuv",
}


class Ring(KeyRing):
    """A ring whose key pair signs, without a file."""

    def __init__(self, key: SigningKey) -> None:
        super().__init__([key])


def ring(secret: str) -> Ring:
    return Ring(secret_key(secret))


ALGORITHMS = ("HS256", "ES256", "EdDSA", "RS256")
RINGS = {name: Ring(to_signing_key(GENERATORS[name]())) for name in ALGORITHMS[1:]}
RINGS["HS256"] = ring(KEY)


@pytest.fixture(params=ALGORITHMS)
def tokens(request: pytest.FixtureRequest, clock: Clock) -> AccessTokens:
    return AccessTokens(RINGS[request.param], timedelta(minutes=1), clock)


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens whose signatures have been checked."""
    found = []
    has_signed = SigningKey.has_signed

    def record(key: SigningKey, token: str) -> bool:
        found.append(token)
        return has_signed(key, token)

    monkeypatch.setattr(SigningKey, "has_signed", record)
    return found


def issued(tokens: AccessTokens) -> AccessToken:
    return tokens.issue(USER, SESSION, tokens.expiry())


def header_of(tokens: AccessTokens) -> dict[str, Any]:
    return jwt.get_unverified_header(issued(tokens).value)


def signed(tokens: AccessTokens, claims: dict[str, Any] = CLAIMS) -> str:
    """Sign any claims by the key."""
    return tokens.ring.signing.sign(claims)


def fault(tokens: AccessTokens, token: str) -> TokenReason:
    with pytest.raises(Unauthenticated) as refused:
        tokens.verify(token)
    return refused.value.reason


def test_token_names_its_user_and_session(tokens: AccessTokens) -> None:
    token = issued(tokens)

    assert tokens.verify(token.value) == Principal(USER, SESSION)
    assert token.expires_at == datetime.fromtimestamp(int(NOW) + 60, UTC)


def test_token_has_header_and_claims_of_rfc_9068(tokens: AccessTokens) -> None:
    token = issued(tokens).value

    key = tokens.ring.signing
    header = HEADER | {name: key.jwk[name] for name in ("alg", "kid") if key.jwk}
    assert jwt.get_unverified_header(token) == header
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims == CLAIMS | {"jti": claims["jti"]}


def test_token_names_roles_sorted_or_has_no_such_claim(tokens: AccessTokens) -> None:
    token = tokens.issue(USER, SESSION, tokens.expiry(), ["editor", "admin"]).value

    assert tokens.verify(token) == Principal(USER, SESSION, ("admin", "editor"))
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims == CLAIMS | {"jti": claims["jti"], "roles": ["admin", "editor"]}
    assert tokens.verify(issued(tokens).value).roles == ()


def test_token_has_room_for_the_most_and_longest_roles(tokens: AccessTokens) -> None:
    roles = {f"r{number:063}" for number in range(MAX_ROLES)}

    token = tokens.issue(USER, SESSION, tokens.expiry(), roles)

    assert set(tokens.verify(token.value).roles) == roles
    length = len(issued(tokens).value)
    assert len(token.value) == length + 2872
    # The longest ISSUER, AUDIENCE and claims of an application, and RSA of 4096 bits.
    added = 2 * (200 - len("graphql-auth")) + MAX_CLAIMS_BYTES + (4096 - 3072) // 8
    assert len(token.value) + added * 4 / 3 + 3 < MAX_TOKEN_LENGTH
    assert (
        length == {"HS256": 317, "ES256": 430, "EdDSA": 430, "RS256": 856}[header_of(tokens)["alg"]]
    )


def test_every_token_is_unique(tokens: AccessTokens) -> None:
    assert len({issued(tokens).value for _ in range(1000)}) == 1000


def test_token_expires(tokens: AccessTokens, clock: Clock) -> None:
    token = issued(tokens).value

    clock.time = int(NOW) + 59.999
    assert tokens.verify(token).subject == USER
    clock.time = int(NOW) + 60
    assert fault(tokens, token) == TokenReason.TOKEN_EXPIRED


def test_token_signed_by_these_tests_is_valid(tokens: AccessTokens) -> None:
    assert tokens.verify(signed(tokens)) == Principal(USER, SESSION)


def test_es256_signature_has_the_low_s_only() -> None:
    """RFC 8725 section 3.3 does not ask for it, but else each token has a second form."""
    tokens = AccessTokens(RINGS["ES256"], timedelta(minutes=1), Clock())
    for _ in range(20):
        signing_input, _, text = issued(tokens).value.rpartition(".")
        signature = urlsafe_b64decode(f"{text}==")
        s = int.from_bytes(signature[32:])
        assert s <= P256_ORDER // 2
        twin = signature[:32] + (P256_ORDER - s).to_bytes(32)
        ec_algorithm = ECAlgorithm(ECAlgorithm.SHA256)
        assert ec_algorithm.verify(signing_input.encode(), tokens.ring.signing.public, twin)
        assert fault(tokens, f"{signing_input}.{encode_segment(twin)}") == TokenReason.TOKEN_INVALID


def test_clock_skew_of_a_minute_is_accepted(tokens: AccessTokens) -> None:
    token = signed(tokens, claims=CLAIMS | {"iat": int(NOW) + 60, "exp": int(NOW) + 120})

    assert tokens.verify(token).subject == USER


def test_cached_token_expires(tokens: AccessTokens, clock: Clock) -> None:
    token = issued(tokens).value

    for second in (0, 59, 60, 61, 59):
        clock.time = int(NOW) + second
        if second < 60:
            assert tokens.verify(token) == Principal(USER, SESSION)
        else:
            assert fault(tokens, token) == TokenReason.TOKEN_EXPIRED


def test_cached_token_from_the_future_is_refused(tokens: AccessTokens, clock: Clock) -> None:
    token = issued(tokens).value
    assert tokens.verify(token).subject == USER

    clock.time = int(NOW) - 60
    assert tokens.verify(token).subject == USER
    clock.time = int(NOW) - 61
    assert fault(tokens, token) == TokenReason.TOKEN_INVALID
    clock.time = NOW
    assert tokens.verify(token).subject == USER


def test_valid_token_is_cached(tokens: AccessTokens, checked: list[str], clock: Clock) -> None:
    token = issued(tokens).value

    for _ in range(3):
        tokens.verify(token)
    clock.time += 60
    assert fault(tokens, token) == TokenReason.TOKEN_EXPIRED

    assert checked == [token]


def test_invalid_token_is_not_cached(tokens: AccessTokens, checked: list[str]) -> None:
    signing_input, _, _ = issued(tokens).value.rpartition(".")
    bad = f"{signing_input}.{issued(tokens).value.rpartition('.')[2]}"

    for _ in range(3):
        assert fault(tokens, bad) == TokenReason.TOKEN_INVALID

    assert checked == [bad] * 3


def test_cache_drops_the_least_recently_used_token(
    monkeypatch: pytest.MonkeyPatch, checked: list[str], clock: Clock
) -> None:
    monkeypatch.setattr("graphql_auth.tokens.access_tokens.CACHE_SIZE", 2)
    tokens = AccessTokens(ring(KEY), timedelta(minutes=1), clock)
    first, second, third = (issued(tokens).value for _ in range(3))

    for token in (first, second, first, third, first, second):
        tokens.verify(token)

    # The third replaced the second, because the first was used later.
    assert checked == [first, second, third, second]


def test_cache_is_separate_for_each_key(clock: Clock) -> None:
    ours, theirs = (AccessTokens(ring(key * 32), timedelta(minutes=1), clock) for key in "kK")
    token = issued(ours).value

    assert ours.verify(token).subject == USER
    assert fault(theirs, token) == TokenReason.TOKEN_INVALID


def test_spare_bits_of_signature_must_be_zero(tokens: AccessTokens) -> None:
    token = issued(tokens).value
    signature = urlsafe_b64decode(f"{token.rpartition('.')[2]}==")

    twins = [token[:-1] + last for last in ALPHABET if last != token[-1]]
    spellings = [
        twin for twin in twins if urlsafe_b64decode(f"{twin.rpartition('.')[2]}==") == signature
    ]
    # 32 bytes have 2 spare bits, 64 bytes 4, and 384 bytes none.
    assert len(spellings) == {32: 3, 64: 15, 384: 0}[len(signature)]
    for twin in twins:
        assert fault(tokens, twin) == TokenReason.TOKEN_INVALID


@pytest.mark.parametrize("key", ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI", PEM])
def test_asymmetric_key_raises_start_error(key: str) -> None:
    with pytest.raises(StartError) as refused:
        AccessTokens(ring(key), timedelta(minutes=1), Clock())

    assert "TOKEN_KEY" in str(refused.value)
    assert key not in str(refused.value)


def test_repr_hides_the_token(tokens: AccessTokens) -> None:
    token = issued(tokens)

    assert token.value not in repr(token)
