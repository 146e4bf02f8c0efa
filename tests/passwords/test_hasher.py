import subprocess
import sys

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphql_auth.passwords.hasher import MAX_ROUNDS, PasswordHasher, VerifyResult

CHEAPEST = 4


@pytest.fixture(scope="module")
def passwords() -> PasswordHasher:
    return PasswordHasher(CHEAPEST)


def of_the_original(password: str, rounds: int = CHEAPEST, prefix: bytes = b"2a") -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds, prefix)).decode()


def test_password_matches_only_its_own_hash(passwords: PasswordHasher) -> None:
    stored = passwords.hash("correct horse")

    assert passwords.verify("correct horse", stored) == VerifyResult(correct=True)
    assert passwords.verify("correct horsf", stored) == VerifyResult(correct=False)
    assert passwords.verify("Correct horse", stored) == VerifyResult(correct=False)
    assert passwords.verify("correct horse ", stored) == VerifyResult(correct=False)


def test_hash_is_salted_bcrypt_sha256_of_the_given_cost(
    passwords: PasswordHasher,
) -> None:
    assert passwords.hash("x").startswith("$bcrypt-sha256$v=2,t=2b,r=4$")
    assert passwords.hash("x") != passwords.hash("x")


@pytest.mark.parametrize("password", ["😀" * 64, "x" * 1024, "😀" * 1024, "x" * 72 + "suffix"])
def test_no_byte_is_ignored_at_any_length(passwords: PasswordHasher, password: str) -> None:
    stored = passwords.hash(password)

    assert passwords.verify(password, stored).correct
    assert not passwords.verify(password[:-1], stored).correct
    assert not passwords.verify(password[:-1] + "!", stored).correct


def test_password_in_another_normal_form_matches(passwords: PasswordHasher) -> None:
    assert passwords.verify("cafe\u0301", passwords.hash("caf\u00e9")).correct


@pytest.mark.parametrize("prefix", [b"2a", b"2b"])
def test_hash_of_the_original_matches_and_is_replaced(
    passwords: PasswordHasher, prefix: bytes
) -> None:
    stored = of_the_original("correct horse", prefix=prefix)

    verdict = passwords.verify("correct horse", stored)

    assert verdict.correct
    assert verdict.new_hash is not None
    assert passwords.verify("correct horse", verdict.new_hash) == VerifyResult(correct=True)
    assert passwords.verify("wrong", stored) == VerifyResult(correct=False)


def test_hash_of_the_original_is_verified_without_normalization(
    passwords: PasswordHasher,
) -> None:
    verdict = passwords.verify("cafe\u0301", of_the_original("cafe\u0301"))

    assert verdict.new_hash is not None
    assert passwords.verify("caf\u00e9", verdict.new_hash).correct


@pytest.mark.parametrize(("before", "after"), [(4, 5), (5, 4)])
def test_hash_of_another_cost_is_replaced(before: int, after: int) -> None:
    replaced = PasswordHasher(after).verify("x", PasswordHasher(before).hash("x")).new_hash

    assert replaced is not None
    assert f"r={after}$" in replaced
    assert PasswordHasher(after).verify("x", replaced) == VerifyResult(correct=True)


def test_salt_with_unused_bits_gives_no_warning() -> None:
    stored = of_the_original("x")
    spare = stored[:28] + {".": "/", "O": "P", "e": "f", "u": "v"}[stored[28]] + stored[29:]

    program = (
        "import sys; from graphql_auth.passwords.hasher import PasswordHasher\n"
        "print(PasswordHasher(4).verify('x', sys.argv[1]).correct)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, spare], capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "True\n", "")


@pytest.mark.parametrize(
    "stored",
    [
        None,
        "",
        "plaintext",
        "$2a$04$short",
        "$2b$99$" + "." * 53,
        f"$2b${MAX_ROUNDS + 1}$" + "." * 53,
        "$2b$04$" + "." * 22,
        "$2b$04$" + "." * 52,
        "$bcrypt-sha256$v=2,t=2b,r=4$..$..",
        "$bcrypt-sha256$v=9,t=2b,r=4$" + "." * 22 + "$" + "." * 31,
        "$2b$04$" + "é" * 53,
    ],
)
def test_malformed_and_missing_hash_match_no_password(
    passwords: PasswordHasher, stored: str | None
) -> None:
    assert passwords.verify("", stored) == VerifyResult(correct=False)
    assert passwords.verify("x", stored) == VerifyResult(correct=False)


@given(st.text() | st.from_regex(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{0,60}", fullmatch=True))
def test_verify_raises_for_no_stored_text(stored: str) -> None:
    assert not PasswordHasher(CHEAPEST).verify("x", stored).correct


class Spent:
    """Counts the steps of bcrypt, by the cost of every hash that is computed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps = 0
        original = bcrypt.hashpw

        def counted(password: bytes, salt: bytes) -> bytes:
            self.steps += 1 << int(salt.split(b"$")[2])
            return original(password, salt)

        monkeypatch.setattr(bcrypt, "hashpw", counted)


def test_every_refusal_takes_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = PasswordHasher(7)
    stored = {
        "unknown": None,
        "malformed": "plaintext",
        "too costly": "$2b$17$" + "." * 53,
        "current": passwords.hash("right"),
        "original": of_the_original("right", 5),
        "outdated": PasswordHasher(6).hash("right"),
    }
    steps = {}
    for case, value in stored.items():
        with monkeypatch.context() as patch:
            spent = Spent(patch)
            assert not passwords.verify("wrong", value).correct
            steps[case] = spent.steps

    assert steps == dict.fromkeys(stored, 1 << 7)


def test_result_repr_hides_the_new_hash() -> None:
    assert "hunter2" not in repr(VerifyResult(correct=True, new_hash="hunter2"))


def test_import_and_first_hash_give_no_warning() -> None:
    program = (
        "import logging; logging.basicConfig(level=logging.INFO)\n"
        "from graphql_auth.passwords.hasher import PasswordHasher\n"
        "PasswordHasher(4).hash('x')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
