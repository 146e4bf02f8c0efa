"""What is typed into a form: trimmed, checked, and every fault in it found at once."""

import re
from collections.abc import Iterable

from graphql_auth.characters import INVISIBLE, INVISIBLE_IN_NAME, is_blank
from graphql_auth.errors import BadInput, FieldError, FieldReason
from graphql_auth.passwords.hasher import LONGEST_PASSWORD, normalize
from graphql_auth.passwords.policy import PasswordPolicy
from graphql_auth.users import emails

LONGEST_NAME = 200
# NFC makes one character of four at the most. Its time grows with the square of the length, so a
# longer text is not even normalized.
LONGEST_BEFORE_NORMALIZATION = 4 * LONGEST_PASSWORD

_NO_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# No password has them: UTF-8 has no lone surrogates, and bcrypt takes no NUL.
_NOT_STORABLE = re.compile(r"[\0\ud800-\udfff]")


class InputValidator:
    """Reads field by field; :meth:`finish` then raises all that was wrong, together."""

    def __init__(self) -> None:
        self._faults: list[FieldError] = []

    def name(self, field: str, text: str) -> str:
        """Read a person's name: any script, with at least one character that can be seen."""
        trimmed = "" if is_blank(text) else text.strip()
        self._check(field, trimmed, LONGEST_NAME, INVISIBLE_IN_NAME)
        return trimmed

    def new_email(self, field: str, text: str) -> str:
        """Read an address to register, in its canonical form."""
        trimmed = text.strip()
        if self._check(field, trimmed, emails.LONGEST_EMAIL, INVISIBLE):
            try:
                return emails.validated(trimmed)
            except emails.InvalidEmail:
                self._refuse(field, FieldReason.INVALID_EMAIL, "Enter a valid e-mail address.")
        return trimmed

    def known_email(self, field: str, text: str) -> str:
        """Read an address to log in with, in its canonical form.

        The Node.js original stored any text as an address. So any line of text may be one here.
        """
        trimmed = text.strip()
        if self._check(field, trimmed, emails.LONGEST_EMAIL, _NO_LINE):
            return emails.canonical(trimmed)
        return trimmed

    def password(self, field: str, text: str) -> bool:
        """Read a password, which is kept exactly as it was typed (ASVS 5.0, 6.2.8).

        Return whether it can be anyone's.
        """
        if not text.strip():
            self._refuse(field, FieldReason.REQUIRED, "This field is required.")
        elif len(text) > LONGEST_BEFORE_NORMALIZATION:
            self._refuse_length(field, LONGEST_PASSWORD)
        elif _NOT_STORABLE.search(text):
            self._refuse_characters(field)
        elif len(normalize(text)) > LONGEST_PASSWORD:
            self._refuse_length(field, LONGEST_PASSWORD)
        else:
            return True
        return False

    async def new_password(
        self, field: str, text: str, rules: PasswordPolicy, own: Iterable[str]
    ) -> None:
        """Read a password that somebody chooses, whose names and address are ``own``."""
        if self.password(field, text):
            fault = await rules.fault(field, text, own)
            self._faults += [fault] if fault else []

    def finish(self) -> None:
        """Raise BadInput with every fault, if there was any."""
        if self._faults:
            raise BadInput(tuple(self._faults))

    def _check(self, field: str, trimmed: str, longest: int, refused: re.Pattern[str]) -> bool:
        if not trimmed:
            self._refuse(field, FieldReason.REQUIRED, "This field is required.")
        elif len(trimmed) > longest:
            self._refuse_length(field, longest)
        elif refused.search(trimmed):
            self._refuse_characters(field)
        else:
            return True
        return False

    def _refuse_length(self, field: str, longest: int) -> None:
        message = f"Use at most {longest} characters."
        self._faults.append(FieldError(field, FieldReason.TOO_LONG, message, longest))

    def _refuse_characters(self, field: str) -> None:
        self._refuse(
            field, FieldReason.INVALID_CHARACTERS, "Remove the characters that cannot be seen."
        )

    def _refuse(self, field: str, reason: FieldReason, message: str) -> None:
        self._faults.append(FieldError(field, reason, message))
