"""The users collection: find, add, and change one field at a time."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from beanie import PydanticObjectId
from beanie.operators import In
from pydantic import ValidationError
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from graphql_auth.errors import DatabaseUnavailable, EmailTaken
from graphql_auth.mongo.batch_loader import BatchLoader
from graphql_auth.mongo.client import translate_driver_errors
from graphql_auth.mongo.indexes import IndexMonitor
from graphql_auth.users.document import EMAIL_INDEX, UserDocument


class UserRepository:
    """Every method raises Unavailable when the database does not do its work."""

    def __init__(self, indexes: IndexMonitor) -> None:
        self._indexes = indexes
        self._by_id: BatchLoader[PydanticObjectId, UserDocument] = BatchLoader(_with_ids)

    async def with_email(self, spellings: Sequence[str]) -> UserDocument | None:
        """Find the user whose address is stored as one of ``spellings``, the earlier the better."""
        with translate_driver_errors():
            found = {
                user.email: user
                async for user in UserDocument.find(In(UserDocument.email, spellings))
            }
        return next((found[email] for email in spellings if email in found), None)

    def with_id(self, user_id: str) -> asyncio.Future[UserDocument | None]:
        """Find the user with this id, 24 hexadecimal digits. The query starts at once."""
        return self._by_id.load(PydanticObjectId(user_id))

    async def refuse_taken(self, spellings: Sequence[str]) -> None:
        """Raise EmailTaken if one of the ``spellings`` of an address is stored.

        Raises Unavailable also while the database does not guarantee that addresses are unique.
        """
        if not await self._indexes.check(UserDocument):
            raise DatabaseUnavailable
        if await self.with_email(spellings):
            raise EmailTaken

    async def add(self, user: UserDocument) -> UserDocument:
        """Store a new user; the unique index decides between those who come at once.

        Raises EmailTaken when the address belongs to a user already.
        """
        values = user.model_dump(by_alias=True, exclude={"revision_id"}, exclude_none=True)
        with translate_driver_errors(writing=True):
            try:
                # Not an insert: the hint makes the command fail if the index is missing, also when
                # it was dropped with the whole collection, and after refuse_taken.
                stored = await UserDocument.get_pymongo_collection().update_one(
                    {"email": user.email}, {"$setOnInsert": values}, upsert=True, hint=EMAIL_INDEX
                )
            except DuplicateKeyError as error:
                # The operator may have made other unique indexes.
                if "email" in (error.details or {}).get("keyPattern", ["email"]):
                    raise EmailTaken from None
                raise
        if stored.upserted_id is None:
            raise EmailTaken
        user.id = stored.upserted_id
        return user

    async def is_unchanged(self, user: UserDocument) -> bool:
        """Whether a user who was read before may still sign in with the password of then."""
        now = await self.with_id(str(user.id))
        return (
            now is not None and not now.disabled and now.password_changes == user.password_changes
        )

    async def change_password(self, user: UserDocument, new_hash: str) -> UserDocument | None:
        """Replace the password, unless it was changed since ``user`` was read: then, None."""
        with translate_driver_errors(writing=True):
            document = await UserDocument.get_pymongo_collection().find_one_and_update(
                {
                    "_id": user.id,
                    # The shard key, so that a cluster sends the command to one shard.
                    "email": user.email,
                    # Users of the Node.js original have no such field.
                    "password_changes": user.password_changes or {"$in": [0, None]},
                },
                {"$set": {"password": new_hash}, "$inc": {"password_changes": 1}},
                return_document=ReturnDocument.AFTER,
            )
        return UserDocument.model_validate(document) if document else None

    async def disable(self, user: UserDocument, *, disabled: bool) -> None:
        """Keep a user from signing in, or let them again."""
        with translate_driver_errors(writing=True):
            await UserDocument.find_one(UserDocument.id == user.id).set(
                {UserDocument.disabled: disabled}
            )

    async def delete(self, user: UserDocument) -> None:
        """Remove a user."""
        with translate_driver_errors(writing=True):
            await UserDocument.find_one(UserDocument.id == user.id).delete()

    async def upgrade_password(self, user: UserDocument, new_hash: str) -> None:
        """Replace the hash that ``user`` was read with, unless it was changed in between."""
        with translate_driver_errors(writing=True):
            await UserDocument.find_one(
                UserDocument.id == user.id, UserDocument.password == user.password
            ).set({UserDocument.password: new_hash})


async def _with_ids(
    ids: Sequence[PydanticObjectId],
) -> Mapping[PydanticObjectId, UserDocument | ValidationError]:
    with translate_driver_errors():
        documents = (
            await UserDocument.get_pymongo_collection().find({"_id": {"$in": ids}}).to_list()
        )
    return {document["_id"]: _validate(document) for document in documents}


def _validate(document: Mapping[str, Any]) -> UserDocument | ValidationError:
    """Return the user, or the error that only those who asked for this user get."""
    try:
        user: UserDocument = UserDocument.model_validate(document)
    except ValidationError as error:
        return error
    return user
