"""Password changes in progress, so that a crash leaves none half done."""

import hashlib
from dataclasses import dataclass
from typing import Any

from beanie import PydanticObjectId

from graphql_auth.storage.documents import Meta, User
from graphql_auth.storage.mongo import BACKGROUND, outages_translated

KIND = "password change"
# A process that lives has made the change by then, for a command takes 5 s at most.
OVERDUE_MS = 10_000


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

    def was_made(self, user: User) -> bool:
        """Whether the password was changed, by this change or by another one."""
        return user.password_changes >= self.changes

    def is_last(self, user: User) -> bool:
        """Whether the present password is the one of this change."""
        return _digest(user.password) == self.digest


class PasswordChanges:
    """A change is stored before it is made, and removed when the sessions have ended.

    Every method raises Unavailable.
    """

    async def begin(self, user: User, new_hash: str, kept_session: str) -> PasswordChange:
        """Store what is about to be done."""
        change = PasswordChange(
            f"{KIND} {PydanticObjectId()}",
            str(user.id),
            kept_session,
            user.password_changes + 1,
            _digest(new_hash),
        )
        stored = {
            "kind": KIND,
            "begun_at": "$$NOW",
            "user_id": change.user_id,
            "kept_session": change.kept_session,
            "changes": change.changes,
            "digest": change.digest,
        }
        with outages_translated(writing=True):
            await Meta.get_pymongo_collection().find_one_and_update(
                {"_id": change.id}, [{"$set": stored}], upsert=True
            )
        return change

    async def remove(self, change: PasswordChange) -> None:
        """Forget a change that is complete, or was not made."""
        with outages_translated(writing=True):
            await Meta.get_pymongo_collection().delete_one({"_id": change.id})

    async def overdue(self) -> list[PasswordChange]:
        """Find the changes whose process did not complete them."""
        age = {"$subtract": ["$$NOW", "$begun_at"]}
        query = {"kind": KIND, "$expr": {"$gt": [age, OVERDUE_MS]}}
        with outages_translated():
            found = await Meta.get_pymongo_collection().find(query, comment=BACKGROUND).to_list()
        return list(map(_change, found))


def _change(found: dict[str, Any]) -> PasswordChange:
    return PasswordChange(
        found["_id"], found["user_id"], found["kept_session"], found["changes"], found["digest"]
    )


def _digest(password_hash: str) -> bytes:
    # A stored hash is not repeated elsewhere.
    return hashlib.sha256(password_hash.encode()).digest()
