"""The outbox collection: mails that all processes of a database send together."""

from datetime import datetime

from pymongo import ASCENDING, ReturnDocument

from graphql_auth.mail.document import OutboxDocument
from graphql_auth.mongo.client import BACKGROUND, translate_driver_errors

MAX_COUNT = 1_000


class OutboxRepository:
    """Every method is one command; it raises Unavailable."""

    async def add(self, mail: OutboxDocument) -> None:
        stored = mail.model_dump(by_alias=True, exclude={"revision_id"})
        with translate_driver_errors(writing=OutboxDocument):
            await OutboxDocument.get_pymongo_collection().insert_one(stored)

    async def claim(self, now: datetime, until: datetime) -> OutboxDocument | None:
        """Return the mail that has been due the longest, with a lease; None if there is none.

        The lease is its number of tries: a process that finds another number has lost it.
        """
        with translate_driver_errors():
            found = await OutboxDocument.get_pymongo_collection().find_one_and_update(
                {"due_at": {"$lte": now}, "expires_at": {"$gt": now}},
                {"$set": {"due_at": until}, "$inc": {"tries": 1}},
                sort=[("due_at", ASCENDING)],
                return_document=ReturnDocument.AFTER,
                comment=BACKGROUND,
            )
        return OutboxDocument.model_validate(found) if found else None

    async def count(self, now: datetime) -> int:
        """Count the mails that wait, up to MAX_COUNT."""
        with translate_driver_errors():
            return await OutboxDocument.get_pymongo_collection().count_documents(
                {"expires_at": {"$gt": now}}, limit=MAX_COUNT, comment=BACKGROUND
            )

    async def delay(self, mail: OutboxDocument, until: datetime) -> None:
        """End the lease of a mail; it is due again at ``until``."""
        with translate_driver_errors(writing=OutboxDocument):
            await OutboxDocument.get_pymongo_collection().update_one(
                {"_id": mail.id, "tries": mail.tries}, {"$set": {"due_at": until}}
            )

    async def remove(self, mail: OutboxDocument) -> None:
        with translate_driver_errors(writing=OutboxDocument):
            await OutboxDocument.get_pymongo_collection().delete_one(
                {"_id": mail.id, "tries": mail.tries}
            )

    async def remove_all(self, user_id: str, email: str) -> None:
        query = {"$or": [{"user_id": user_id}, {"to": email}]}
        with translate_driver_errors(writing=OutboxDocument):
            await OutboxDocument.get_pymongo_collection().delete_many(query)
