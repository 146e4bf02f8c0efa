"""Finds the users who cannot log in, and why; repairs their e-mails."""

import logging
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bson import ObjectId
from pymongo import timeout
from pymongo.errors import PyMongoError

from graphql_auth.accounts.validation import InputValidator
from graphql_auth.errors import BadInput
from graphql_auth.passwords.hasher import PasswordHasher
from graphql_auth.users import emails
from graphql_auth.users.document import UserDocument, describe_refusal
from graphql_auth.users.scan import UNUSUAL, USUAL, Stored, UserScan

SECONDS_AT_START = 2.0

logger = logging.getLogger(__name__)


class Reason(StrEnum):
    FOREIGN_ID = "_id is not an ObjectId"
    NO_EMAIL = "no e-mail"
    INVALID_EMAIL = "invalid UTF-8 or control characters in the e-mail, or more than 320 characters"
    BLANKS = "blanks around the e-mail"
    UPPER_CASE = "upper case in the e-mail"
    OTHER_FORM = "unusual form of Unicode or IDN in the e-mail"
    TAKEN = "another user has this e-mail, perhaps in another spelling"
    NO_HASH = "no password hash"
    FOREIGN_HASH = "password hash that is not bcrypt"
    DISABLED = "disabled is set, but not to a Boolean"


@dataclass(frozen=True, slots=True)
class UnusableUser:
    """A user who cannot log in; ``new_email`` is free, and repairs the e-mail."""

    id: object
    email: str | None
    reasons: Sequence[str]
    new_email: str | None = None


class UserCheck:
    """Every method raises PyMongoError."""

    def __init__(self, scan: UserScan, hasher: PasswordHasher) -> None:
        self._scan = scan
        self._hasher = hasher

    async def find(self) -> AsyncGenerator[UnusableUser]:
        """Yield all users who cannot log in."""
        duplicates = set()
        async for user in self._scan.find_duplicates():
            duplicates.add(repr(user["_id"]))
            yield UnusableUser(user["_id"], user["email"], [Reason.TAKEN])
        claims = Counter[str]()
        async for batch in self._scan.find_batches(UNUSUAL):
            found = (_read_email(user.get("email")) for user in batch)
            claims.update(spellings[0] for reason, spellings in found if reason and spellings)
        # The document of an application can also refuse others.
        queries = [UNUSUAL] if self._scan.document is UserDocument else [UNUSUAL, USUAL]
        for query in queries:
            async for batch in self._scan.find_batches(query):
                for unusable in await self._inspect(batch, claims):
                    if repr(unusable.id) not in duplicates:
                        yield unusable

    async def log_count(self) -> None:
        """Log how many users cannot log in, as far as they are found within SECONDS_AT_START."""
        reasons, limit = Counter[str](), ""
        try:
            with timeout(SECONDS_AT_START):
                async for batch in self._scan.find_batches(UNUSUAL):
                    unusable = await self._inspect(batch, Counter())
                    reasons.update(user.reasons[0] for user in unusable)
        except PyMongoError:
            limit = f", as far as MongoDB answers within {SECONDS_AT_START:.0f} s"
        if reasons or limit:
            logger.warning(
                "users who cannot log in: %d%s%s; to list them: graphql-auth users check",
                reasons.total(),
                "".join(f", {reason}: {count}" for reason, count in reasons.most_common()),
                limit,
            )

    async def _inspect(self, batch: Sequence[Stored], claims: Counter[str]) -> list[UnusableUser]:
        """Return those who cannot log in. ``claims`` counts the users for each new e-mail."""
        read = [_read_email(user.get("email")) for user in batch]
        holders = await self._scan.find_holders([form for _, forms in read for form in forms])
        unusable = []
        for user, (fault, spellings) in zip(batch, read, strict=True):
            others = {holder for form in spellings for holder in holders.get(form, ())}
            is_taken = bool(others - {repr(user["_id"])}) or any(
                fault and claims[form] > 1 for form in spellings
            )
            reasons = [*self._list_reasons(user, fault, is_taken=is_taken)]
            new_email = spellings[0] if fault and spellings and not is_taken else None
            if reasons:
                email = user["email"] if isinstance(user.get("email"), str) else None
                unusable.append(UnusableUser(user["_id"], email, reasons, new_email))
        return unusable

    def _list_reasons(self, user: Stored, fault: Reason | None, *, is_taken: bool) -> Iterator[str]:
        read = UserDocument.model_validate({**user, "_id": None})
        if not isinstance(user["_id"], ObjectId):
            yield Reason.FOREIGN_ID
        if fault:
            yield fault
        if is_taken:
            yield Reason.TAKEN
        if not user.get("password"):
            yield Reason.NO_HASH
        elif not self._hasher.can_verify(read.password):
            yield Reason.FOREIGN_HASH
        if read.disabled and user["disabled"] is not True:
            yield Reason.DISABLED
        try:
            self._scan.document.model_validate({**user, "_id": None})
        except Exception as error:  # noqa: BLE001 - a validator of an application can raise any
            yield describe_refusal(self._scan.document, error)


def _read_email(email: object) -> tuple[Reason | None, list[str]]:
    """Return why no login finds a stored e-mail, and the spellings that a login prefers to it."""
    if not isinstance(email, str) or not email.strip():
        return Reason.NO_EMAIL, []
    try:
        with InputValidator() as validator:
            canonical = validator.login_email("email", email)
    except BadInput:
        return Reason.INVALID_EMAIL, []
    spellings = emails.spellings(canonical)
    if email in spellings:
        return None, spellings[: spellings.index(email) + 1]
    if email != email.strip():
        return Reason.BLANKS, spellings
    return Reason.OTHER_FORM if email == email.lower() else Reason.UPPER_CASE, spellings
