"""What a new password must be: not short, not common, not one's own name, and not breached.

NIST SP 800-63B-4 section 3.1.1.2 and OWASP ASVS 5.0 V6.2: any character counts, none is demanded.
"""

import functools
import unicodedata
from collections.abc import Awaitable, Callable, Iterable

from zxcvbn.frequency_lists import FREQUENCY_LISTS

from graphql_auth.errors import FieldError, FieldReason
from graphql_auth.passwords.hasher import normalize

SERVICE_NAMES = ("graphql-auth", "graphqlauth")
DIGITS = "0123456789"


class PasswordPolicy:
    """Says what is wrong with a password that somebody wants to use from now on.

    Lengths are in characters, after the normalization that precedes the hash. ``is_breached`` asks
    whether a password was in a data breach.
    """

    def __init__(
        self, shortest: int, is_breached: Callable[[str], Awaitable[bool]] | None = None
    ) -> None:
        self._shortest = shortest
        self._is_breached = is_breached

    async def fault(self, field: str, password: str, own: Iterable[str]) -> FieldError | None:
        """Return why the password is refused, or None.

        ``own`` is what everybody can know of its owner: names and the address.
        """
        if len(normalize(password)) < self._shortest:
            message = f"Use at least {self._shortest} characters."
            return FieldError(field, FieldReason.TOO_SHORT, message, self._shortest)
        folded = _folded(password)
        if {folded, folded.rstrip(DIGITS)} & _common_passwords():
            return FieldError(
                field, FieldReason.TOO_COMMON, "Many people use this password; choose another."
            )
        if folded.rstrip(DIGITS) in _names(own):
            return FieldError(
                field, FieldReason.TOO_PERSONAL, "Choose a password that is not your name."
            )
        if self._is_breached and await self._is_breached(password):
            return FieldError(
                field, FieldReason.BREACHED, "This password was in a data breach; choose another."
            )
        return None


@functools.cache
def _common_passwords() -> frozenset[str]:
    return frozenset(map(_folded, FREQUENCY_LISTS["passwords"]))


def _names(own: Iterable[str]) -> set[str]:
    """Return the forms in which somebody may use their own name or address as a password."""
    names = {_folded(name) for name in (*own, *SERVICE_NAMES)}
    names |= {name.partition("@")[0] for name in names}
    names |= {f"{one}{space}{other}" for one in names for other in names for space in (" ", "")}
    return {name.rstrip(DIGITS) for name in names} - {""}


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()
