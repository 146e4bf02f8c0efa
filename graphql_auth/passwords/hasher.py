"""Passwords and their hashes: what is stored, what is accepted, and in what time."""

import unicodedata
import warnings
from dataclasses import dataclass, field

with warnings.catch_warnings():
    # passlib 1.7.4 imports crypt, which Python 3.11 and 3.12 deprecate and 3.13 does not have.
    warnings.simplefilter("ignore", DeprecationWarning)
    from passlib.context import CryptContext
    from passlib.exc import PasslibHashWarning
    from passlib.hash import bcrypt

# It tells of spare bits in an old salt, which change nothing, and would be printed as it is.
warnings.filterwarnings("ignore", category=PasslibHashWarning)

# 1,024 characters of four bytes are the 4,096 that passlib takes.
LONGEST_PASSWORD = 1024
# A hash of a higher cost stands in nobody's database for a good reason: it would hold a thread
# for a minute at 20, and for a day at 31.
HIGHEST_ROUNDS = 16


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """Whether the password was right, and the hash to store in place of an outdated one."""

    correct: bool
    new_hash: str | None = field(default=None, repr=False)


class PasswordHasher:
    """Hash and verify; every call takes about 2**rounds steps of bcrypt, so keep it off the loop.

    New hashes are bcrypt_sha256, which ignores no byte of a password at any length. The bcrypt
    hashes of the Node.js original are verified as they are, and replaced at the first login.
    """

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self._context = CryptContext(
            schemes=["bcrypt_sha256", "bcrypt"],
            deprecated="auto",
            # The least, the most and the default: a hash of any other cost is outdated.
            bcrypt_sha256__rounds=rounds,
        )
        # Nobody's hash: the digest is not one that bcrypt gives for this salt.
        self._dummy_hash = f"$bcrypt-sha256$v=2,t=2b,r={rounds}${'.' * 22}${'.' * 31}"
        # The first use of bcrypt makes passlib test it, which is not to happen in a request.
        self._context.handler("bcrypt").set_backend("bcrypt")

    def hash(self, password: str) -> str:
        """Return the hash to store for ``password``."""
        return str(self._context.hash(normalize(password)))

    def verify(self, password: str, stored: str | None) -> VerifyResult:
        """Compare ``password`` with a stored hash, or with none where the account is unknown.

        A refusal takes the same time whether the account is unknown, its hash is of a lower cost,
        or it is malformed, so that the time tells nothing. A malformed hash matches no password.
        """
        scheme, rounds = self._parse_hash(stored)
        if scheme is None:
            self._context.verify("", self._dummy_hash)
            return VerifyResult(correct=False)
        # The original hashed what was typed, byte by byte.
        typed = password if scheme == "bcrypt" else normalize(password)
        if self._context.verify(typed, stored):
            outdated = self._context.needs_update(stored)
            return VerifyResult(correct=True, new_hash=self.hash(password) if outdated else None)
        self._equalize_timing(rounds)
        return VerifyResult(correct=False)

    def _parse_hash(self, stored: str | None) -> tuple[str | None, int]:
        """Return the scheme and the rounds of a stored hash that can be verified at all."""
        scheme = self._context.identify(stored or "")
        if scheme is None:
            return None, 0
        try:
            parsed = self._context.handler(scheme).from_string(stored)
        except ValueError:
            return None, 0
        if parsed.checksum is None or parsed.rounds > HIGHEST_ROUNDS:
            return None, 0
        return scheme, parsed.rounds

    def _equalize_timing(self, rounds: int) -> None:
        """Bring 2**rounds steps that were spent up to 2**self._rounds."""
        for cost in range(rounds, self._rounds):
            bcrypt.using(rounds=cost).hash("")


def normalize(password: str) -> str:
    """Return the NFC form, so that a password typed on another keyboard is the same.

    NIST SP 800-63B-4 section 3.1.1.2 asks for a normalization before hashing.
    """
    return unicodedata.normalize("NFC", password)
