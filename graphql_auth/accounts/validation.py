"""Validation of user input: trim it, check it, and report all invalid fields at once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from graphql_auth.characters import INVISIBLE, INVISIBLE_IN_NAME, is_blank
from graphql_auth.errors import BadInput, FieldError, FieldReason
from graphql_auth.passwords.hasher import MAX_PASSWORD_LENGTH, normalize
from graphql_auth.passwords.policy import PasswordPolicy
from graphql_auth.users import emails
from graphql_auth.users.document import UserDocument

MAX_NAME_LENGTH = 200
# NFC composes at most four characters into one. It takes quadratic time, so a longer text is
# refused before.
MAX_LENGTH_BEFORE_NFC = 4 * MAX_PASSWORD_LENGTH

# The driver reads invalid UTF-8 as U+FFFD, which no query finds.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
# UTF-8 has no lone surrogates, and bcrypt refuses NUL.
_NOT_HASHABLE = re.compile(r"[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Registration:
    """The input of a new user."""

    first_name: str
    last_name: str
    email: str
    password: str = field(repr=False)
    # What an application adds to the document of a user.
    added: Mapping[str, Any] = field(default_factory=dict, repr=False)


class InputValidator:
    """Checks one field after the other; the end of the block raises BadInput for all of them.

    ``field`` is the GraphQL name of a field. What a method returns for an invalid text must not be
    used.
    """

    def __enter__(self) -> Self:
        self._errors: list[FieldError] = []
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None and self._errors:
            raise BadInput(self._errors)

    def name(self, field: str, text: str) -> str:
        """Return the name of a person, trimmed: any script, at least one visible character."""
        trimmed = "" if is_blank(text) else text.strip()
        self._check(field, trimmed, MAX_NAME_LENGTH, INVISIBLE_IN_NAME)
        return trimmed

    def new_email(self, field: str, text: str) -> str:
        """Return the canonical form of an e-mail to register."""
        trimmed = text.strip()
        if self._check(field, trimmed, emails.MAX_EMAIL_LENGTH, INVISIBLE):
            try:
                return emails.validate(trimmed)
            except emails.InvalidEmail:
                self._refuse(field, FieldReason.INVALID_EMAIL, "Enter a valid e-mail address.")
        return trimmed

    def login_email(self, field: str, text: str) -> str:
        """Return the canonical form of an e-mail to log in with.

        It can be any line of text, since the Node.js original stored any text as an e-mail.
        """
        trimmed = text.strip()
        if self._check(field, trimmed, emails.MAX_EMAIL_LENGTH, _CONTROLS):
            return emails.canonicalize(trimmed)
        return trimmed

    def password(self, field: str, text: str) -> bool:
        """Whether a password can be anyone's; it is not trimmed (ASVS 5.0, 6.2.8)."""
        checked = text if text.strip() else ""
        if len(text) <= MAX_LENGTH_BEFORE_NFC:
            checked = normalize(checked)
        return self._check(field, checked, MAX_PASSWORD_LENGTH, _NOT_HASHABLE)

    async def new_password(
        self, field: str, text: str, policy: PasswordPolicy, owner: UserDocument | Registration
    ) -> None:
        """Check a password to set."""
        if self.password(field, text):
            user_inputs = (owner.first_name, owner.last_name, owner.email)
            error = await policy.check(field, text, user_inputs)
            self._errors += [error] if error else []

    def _check(self, field: str, text: str, max_length: int, refused: re.Pattern[str]) -> bool:
        if not text:
            self._refuse(field, FieldReason.REQUIRED, "This field is required.")
        elif len(text) > max_length:
            message = f"Use at most {max_length} characters."
            self._errors.append(FieldError(field, FieldReason.TOO_LONG, message, max_length))
        elif refused.search(text):
            message = "Remove the characters that cannot be seen."
            self._refuse(field, FieldReason.INVALID_CHARACTERS, message)
        else:
            return True
        return False

    def _refuse(self, field: str, reason: FieldReason, message: str) -> None:
        self._errors.append(FieldError(field, reason, message))
