"""The policy for new passwords: minimum length, not common, not personal, not breached.

NIST SP 800-63B-4 section 3.1.1.2 and OWASP ASVS 5.0 V6.2: no kind of character is required.
"""

import functools
import unicodedata
from collections.abc import Awaitable, Callable, Iterable
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import cast

from graphql_auth.errors import FieldError, FieldReason
from graphql_auth.passwords.hasher import normalize

SERVICE_NAMES = ("graphql-auth", "graphqlauth")
DIGITS = "0123456789"
# No-break space, which a folded text never has: NFKC makes it a space.
SEPARATOR = "\xa0"


class PasswordPolicy:
    """Checks new passwords. The length is that of the normalized password, which is hashed."""

    def __init__(
        self, min_length: int, is_pwned: Callable[[str], Awaitable[bool]] | None = None
    ) -> None:
        self._min_length = min_length
        self._is_pwned = is_pwned
        self._common_passwords = _common_passwords()

    async def check(
        self, field: str, password: str, user_inputs: Iterable[str]
    ) -> FieldError | None:
        """Return why the password is refused, or None.

        ``user_inputs`` are the names and the e-mail of its owner, which everyone can know.
        """
        if len(normalize(password)) < self._min_length:
            message = f"Use at least {self._min_length} characters."
            return FieldError(field, FieldReason.TOO_SHORT, message, self._min_length)
        folded = _fold(password)
        names = (folded, folded.rstrip(DIGITS))
        if any(f"{SEPARATOR}{name}{SEPARATOR}" in self._common_passwords for name in names):
            message = "Many people use this password; choose another."
            return FieldError(field, FieldReason.TOO_COMMON, message)
        if folded.rstrip(DIGITS) in _personal_passwords(user_inputs):
            message = "Choose a password that is not your name."
            return FieldError(field, FieldReason.TOO_PERSONAL, message)
        if self._is_pwned and await self._is_pwned(password):
            message = "This password was in a data breach; choose another."
            return FieldError(field, FieldReason.BREACHED, message)
        return None


@functools.cache
def _common_passwords() -> str:
    """Read the list of zxcvbn from its file, since the package takes 11 MB more.

    One text, because a set takes 4 MB more; a search takes 0.2 ms, far less than a hash.
    """
    package = cast("ModuleSpec", find_spec("zxcvbn"))
    file = Path(str(package.origin)).with_name("frequency_lists.py")
    lists = ModuleType(file.stem)
    SourceFileLoader(file.stem, str(file)).exec_module(lists)
    return SEPARATOR.join(["", *map(_fold, lists.FREQUENCY_LISTS["passwords"]), ""])


def _personal_passwords(user_inputs: Iterable[str]) -> set[str]:
    """Return names and e-mail, alone and in pairs, and those of this service."""
    names = {_fold(name) for name in (*user_inputs, *SERVICE_NAMES)}
    names |= {name.partition("@")[0] for name in names}
    names |= {f"{one}{space}{other}" for one in names for other in names for space in (" ", "")}
    return {name.rstrip(DIGITS) for name in names} - {""}


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()
