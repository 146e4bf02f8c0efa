"""The collection of users."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from beanie import PydanticObjectId
from pydantic import ValidationError
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from graphql_auth.errors import DatabaseUnavailable, EmailTaken
from graphql_auth.mongo.client import translate_driver_errors
from graphql_auth.mongo.indexes import IndexMonitor
from graphql_auth.users.document import EMAIL_INDEX, UserDocument


class UserRepository:
    """Finds, adds and changes users. Every method raises Unavailable."""

    def __init__(self, indexes: IndexMonitor) -> None:
        self._indexes = indexes
        self._email_index = EMAIL_INDEX

    async def get(self, user_id: str) -> UserDocument | None:
        """Return the user with this id, 24 hexadecimal digits."""
        with translate_driver_errors():
            return await UserDocument.get(PydanticObjectId(user_id))

    async def get_many(
        self, user_ids: Sequence[str]
    ) -> list[UserDocument | ValidationError | None]:
        """Return the users with these ids in one query; an error for a document that is invalid."""
        ids = list(map(PydanticObjectId, user_ids))
        # Not a query of Beanie: one invalid document would fail the reads of all other users.
        with translate_driver_errors():
            stored = UserDocument.get_pymongo_collection().find({"_id": {"$in": ids}})
            found = {values["_id"]: _validate(values) async for values in stored}
        return [found.get(user_id) for user_id in ids]

    async def find_by_email(self, spellings: Sequence[str]) -> UserDocument | None:
        """Return the user whose e-mail is stored as one of ``spellings``, the first if several."""
        with translate_driver_errors():
            # With the type, the query uses a partial index on strings too.
            users = await UserDocument.find(
                {"email": {"$in": list(spellings), "$type": "string"}}
            ).to_list()
        found = {user.email: user for user in users}
        return next((found[email] for email in spellings if email in found), None)

    async def refuse_taken(self, spellings: Sequence[str]) -> None:
        """Raise EmailTaken if one of the ``spellings`` of an e-mail is stored.

        Raises Unavailable also while the unique index on the e-mail is missing.
        """
        if not (names := await self._indexes.check(UserDocument)):
            raise DatabaseUnavailable
        (self._email_index,) = names
        if await self.find_by_email(spellings):
            raise EmailTaken

    async def add(self, user: UserDocument) -> UserDocument:
        """Store a new user; the unique index decides between concurrent registrations.

        Raises EmailTaken.
        """
        values = user.model_dump(by_alias=True, exclude={"revision_id"}, exclude_none=True)
        with translate_driver_errors(writing=True):
            try:
                # Not an insert: only an update takes a hint, with which the command fails if the
                # index is missing, even if it was dropped after refuse_taken.
                result = await UserDocument.get_pymongo_collection().update_one(
                    {"email": user.email},
                    {"$setOnInsert": values},
                    upsert=True,
                    hint=self._email_index,
                )
            except DuplicateKeyError as error:
                # The operator can have created other unique indexes.
                if "email" in (error.details or {}).get("keyPattern", ()):
                    raise EmailTaken from None
                raise
        if result.upserted_id is None:
            raise EmailTaken
        user.id = result.upserted_id
        return user

    async def is_unchanged(self, user: UserDocument) -> bool:
        """Whether the user still exists, is not disabled and has the password of ``user``."""
        stored = await self.get(str(user.id))
        return (
            stored is not None
            and not stored.disabled
            and stored.password_changes == user.password_changes
        )

    async def change_password(self, user: UserDocument, new_hash: str) -> UserDocument | None:
        """Replace the password; None if it was changed since ``user`` was read.

        One atomic command decides between concurrent changes, and returns the result.
        """
        with translate_driver_errors(writing=True):
            document = await UserDocument.get_pymongo_collection().find_one_and_update(
                {
                    "_id": user.id,
                    # The shard key, so that a sharded cluster asks one shard only.
                    "email": user.email,
                    # Users of the Node.js original have no such field.
                    "password_changes": user.password_changes or {"$in": [0, None]},
                },
                {"$set": {"password": new_hash}, "$inc": {"password_changes": 1}},
                return_document=ReturnDocument.AFTER,
            )
        return UserDocument.model_validate(document) if document else None

    async def disable(self, user: UserDocument, *, disabled: bool) -> None:
        """Forbid a user to sign in, or allow it again."""
        with translate_driver_errors(writing=True):
            await UserDocument.find_one(UserDocument.id == user.id).set(
                {UserDocument.disabled: disabled}
            )

    async def delete(self, user: UserDocument) -> None:
        with translate_driver_errors(writing=True):
            await UserDocument.find_one(UserDocument.id == user.id).delete()

    async def upgrade_password(self, user: UserDocument, new_hash: str) -> None:
        """Replace the hash of ``user``, unless it was changed since."""
        with translate_driver_errors(writing=True):
            await UserDocument.find_one(
                UserDocument.id == user.id, UserDocument.password == user.password
            ).set({UserDocument.password: new_hash})


def _validate(values: Mapping[str, Any]) -> UserDocument | ValidationError:
    try:
        return cast("UserDocument", UserDocument.model_validate(values))
    except ValidationError as error:
        return error
