"""Password changes in progress, so that a crash leaves none half done."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from beanie import PydanticObjectId
from pymongo import ReturnDocument

from graphql_auth.mongo.client import BACKGROUND, translate_driver_errors
from graphql_auth.mongo.meta import MetaDocument
from graphql_auth.users.document import UserDocument

KIND = "password change"
SECONDS_BETWEEN_COMPLETIONS = 2.0
# A process that lives has made the change by then, for a command takes 5 s at most.
OVERDUE_MS = 10_000
# A change that was not made by then never will be, even by a process that was stopped meanwhile.
ABANDONED = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """A change that ends every session with an earlier password, except the one it came from.

    ``changes`` is how often the password will have been changed then.
    """

    id: str
    user_id: str
    kept_session: str
    changes: int
    digest: bytes
    begun_at: datetime

    def was_made(self, user: UserDocument) -> bool:
        """Whether the password was changed, by this change or by another one."""
        return user.password_changes >= self.changes

    def is_last(self, user: UserDocument) -> bool:
        """Whether the present password is the one of this change."""
        return _digest(user.password) == self.digest


class PasswordChanges:
    """A change is stored before it is made, and removed when the sessions have ended.

    Every method raises Unavailable.
    """

    async def begin(self, user: UserDocument, new_hash: str, kept_session: str) -> PasswordChange:
        """Store what is about to be done."""
        stored = {
            "kind": KIND,
            "begun_at": "$$NOW",
            "user_id": str(user.id),
            "kept_session": kept_session,
            "changes": user.password_changes + 1,
            "digest": _digest(new_hash),
        }
        with translate_driver_errors(writing=True):
            found = await MetaDocument.get_pymongo_collection().find_one_and_update(
                {"_id": f"{KIND} {PydanticObjectId()}"},
                [{"$set": stored}],
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return _change(cast("dict[str, Any]", found))

    async def remove(self, change: PasswordChange) -> None:
        """Forget a change that is complete, or was not made."""
        with translate_driver_errors(writing=True):
            await MetaDocument.get_pymongo_collection().delete_one({"_id": change.id})

    async def overdue(self) -> list[PasswordChange]:
        """Find the changes whose process did not complete them."""
        age = {"$subtract": ["$$NOW", "$begun_at"]}
        query = {"kind": KIND, "$expr": {"$gt": [age, OVERDUE_MS]}}
        with translate_driver_errors():
            found = (
                await MetaDocument.get_pymongo_collection()
                .find(query, comment=BACKGROUND)
                .to_list()
            )
        return list(map(_change, found))


def _change(found: dict[str, Any]) -> PasswordChange:
    return PasswordChange(
        id=found["_id"],
        user_id=found["user_id"],
        kept_session=found["kept_session"],
        changes=found["changes"],
        digest=found["digest"],
        begun_at=found["begun_at"],
    )


def _digest(password_hash: str) -> bytes:
    # A stored hash is not repeated elsewhere.
    return hashlib.sha256(password_hash.encode()).digest()
