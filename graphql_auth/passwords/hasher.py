"""Password hashing. This is the only module that uses passlib."""

import unicodedata
import warnings
from dataclasses import dataclass, field

with warnings.catch_warnings():
    # passlib 1.7.4 imports crypt, which Python 3.11 and 3.12 deprecate and 3.13 does not have.
    warnings.simplefilter("ignore", DeprecationWarning)
    from passlib.context import CryptContext
    from passlib.exc import PasslibHashWarning
    from passlib.hash import bcrypt

# It is about unused bits in an old salt, which change nothing, and would be printed to stderr.
warnings.filterwarnings("ignore", category=PasslibHashWarning)

# passlib takes 4,096 bytes; a character has at most four.
MAX_PASSWORD_LENGTH = 1024
# Stored hashes above this cost are refused (denial of service): to verify one of cost 20 takes a
# minute.
MAX_ROUNDS = 16


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """Whether the password is correct, and a new hash if the stored one is outdated."""

    correct: bool
    new_hash: str | None = field(default=None, repr=False)


class PasswordHasher:
    """Hashes and verifies passwords. Both take 2**rounds steps, too long for the event loop.

    New hashes are bcrypt_sha256, which uses every byte of a password; bcrypt ignores all after the
    72nd. The bcrypt hashes of the Node.js original are verified, and replaced at the first login.
    """

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self._context = CryptContext(
            schemes=["bcrypt_sha256", "bcrypt"],
            deprecated="auto",
            # Minimum, maximum and default: a hash of any other cost is outdated.
            bcrypt_sha256__rounds=rounds,
        )
        # Verified for unknown accounts. It matches no password: bcrypt gives no such digest.
        self._dummy_hash = f"$bcrypt-sha256$v=2,t=2b,r={rounds}${'.' * 22}${'.' * 31}"
        # passlib tests bcrypt at its first use, which must not delay a request.
        self._context.handler("bcrypt").set_backend("bcrypt")

    def hash(self, password: str) -> str:
        return str(self._context.hash(normalize(password)))

    def verify(self, password: str, stored: str | None) -> VerifyResult:
        """Verify a password; ``stored`` is None for an unknown account.

        A malformed hash matches no password. A refusal takes the same time for it, an unknown
        account and a wrong password (no timing side channel).
        """
        scheme, rounds = self._parse_hash(stored)
        if scheme is None:
            self._context.verify("", self._dummy_hash)
            return VerifyResult(correct=False)
        # The Node.js original did not normalize.
        text = password if scheme == "bcrypt" else normalize(password)
        if self._context.verify(text, stored):
            is_outdated = self._context.needs_update(stored)
            return VerifyResult(correct=True, new_hash=self.hash(password) if is_outdated else None)
        self._equalize_timing(rounds)
        return VerifyResult(correct=False)

    def can_verify(self, stored: str) -> bool:
        return self._parse_hash(stored)[0] is not None

    def _parse_hash(self, stored: str | None) -> tuple[str | None, int]:
        """Return the scheme and the cost of a hash; None and 0 if it cannot be verified."""
        scheme = self._context.identify(stored or "")
        if scheme is None:
            return None, 0
        try:
            parsed = self._context.handler(scheme).from_string(stored)
        except ValueError:
            return None, 0
        if parsed.checksum is None or parsed.rounds > MAX_ROUNDS:
            return None, 0
        return scheme, parsed.rounds

    def _equalize_timing(self, rounds: int) -> None:
        """Spend the rest of 2**self._rounds steps, after 2**rounds."""
        for cost in range(rounds, self._rounds):
            bcrypt.using(rounds=cost).hash("")


def normalize(password: str) -> str:
    """Return the NFC form, so that a password is the same on every keyboard.

    NIST SP 800-63B-4 section 3.1.1.2 recommends a normalization before hashing.
    """
    return unicodedata.normalize("NFC", password)
