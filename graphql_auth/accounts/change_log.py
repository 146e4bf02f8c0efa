"""The log of changes that take several commands, so that a crash in between leaves none half made.

A change is logged before it is made, and removed from the log when it is complete (intent log). Any
process completes the changes that another one left there.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from enum import StrEnum

from beanie import PydanticObjectId
from pydantic import BaseModel, Field
from pymongo import ReturnDocument

from graphql_auth.errors import ApplicationError, DatabaseUnavailable
from graphql_auth.mongo.client import BACKGROUND, translate_driver_errors
from graphql_auth.mongo.meta import MetaDocument
from graphql_auth.users.document import UserDocument

# A process that is alive has made the change by then, since a command takes at most 5 s.
OVERDUE_MS = 10_000
# A change that is older is never made, not even by a process that was suspended.
ABANDONED = timedelta(hours=1)


class Kind(StrEnum):
    PASSWORD_CHANGE = "password change"  # noqa: S105 - a kind of change
    PASSWORD_RESET = "password reset"  # noqa: S105 - the same
    DELETION = "deletion"
    EMAIL_CHANGE = "e-mail change"


class LoggedChange(BaseModel):
    """A change of a password, which ends all earlier sessions except one, or another change.

    ``changes`` is what ``password_changes`` of the user is after it. ``digest`` is that of the new
    hash, which is not stored twice. ``email`` is that of before.
    """

    id: str = Field(alias="_id")
    kind: Kind
    user_id: str
    email: str = ""
    kept_session: str | None
    changes: int
    digest: bytes = Field(repr=False)
    begun_at: datetime


class ChangeLog:
    """The changes in progress. Every method raises Unavailable."""

    @asynccontextmanager
    async def record(
        self, kind: Kind, user: UserDocument, new_hash: str = "", kept_session: str | None = None
    ) -> AsyncIterator[LoggedChange]:
        """Log a change, and remove it again if the body refuses it.

        After DatabaseUnavailable it stays, since it may have been made.
        """
        change = await self.add(kind, user, new_hash, kept_session)
        try:
            yield change
        except ApplicationError as refusal:
            if not isinstance(refusal, DatabaseUnavailable):
                with suppress(DatabaseUnavailable):
                    await self.remove(change)
            raise

    async def add(
        self, kind: Kind, user: UserDocument, new_hash: str = "", kept_session: str | None = None
    ) -> LoggedChange:
        """Log a change that is about to be made."""
        values = {
            "kind": kind.value,
            "begun_at": "$$NOW",
            "user_id": str(user.id),
            "email": {"$literal": user.email},
            "kept_session": kept_session,
            "changes": user.password_changes + 1,
            "digest": digest(new_hash),
        }
        with translate_driver_errors(writing=MetaDocument):
            # Not an insert: only an update takes the time of the database.
            stored = await MetaDocument.get_pymongo_collection().find_one_and_update(
                {"_id": f"{kind} {PydanticObjectId()}"},
                [{"$set": values}],
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return LoggedChange.model_validate(stored)

    async def remove(self, change: LoggedChange, *, has_deleted: bool = False) -> bool:
        """Remove a change that is complete or refused; False if it was removed before."""
        changes = MetaDocument.get_pymongo_collection()
        with translate_driver_errors(writing=MetaDocument):
            if has_deleted:
                # Earlier tries too. They go first, so that one process at most gets True.
                tries = {"kind": change.kind.value, "user_id": change.user_id}
                await changes.delete_many(tries | {"_id": {"$ne": change.id}})
            result = await changes.delete_one({"_id": change.id})
        return result.deleted_count > 0

    async def list_overdue(self) -> list[LoggedChange]:
        """Return the changes that their own process did not complete."""
        age = {"$subtract": ["$$NOW", "$begun_at"]}
        query = {"kind": {"$in": [*Kind]}, "$expr": {"$gt": [age, OVERDUE_MS]}}
        with translate_driver_errors():
            found = MetaDocument.get_pymongo_collection().find(query, comment=BACKGROUND)
            return [LoggedChange.model_validate(values) async for values in found]


def digest(password_hash: str) -> bytes:
    return hashlib.sha256(password_hash.encode()).digest()
