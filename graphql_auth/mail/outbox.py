"""The outbox: a mail is stored with the action that causes it, and sent later.

All processes of a database send its mails together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pymongo import ASCENDING, ReturnDocument

from graphql_auth.mail.document import OutboxDocument
from graphql_auth.mail.messages import Template
from graphql_auth.mongo.client import BACKGROUND, translate_driver_errors
from graphql_auth.mongo.clock import object_id_at

if TYPE_CHECKING:
    from graphql_auth.mail.sender import Sender

MAX_COUNT = 1_000


@dataclass(eq=False, repr=False)
class Outbox:
    """Stores mails for ``sender``. Every method is one command; it raises Unavailable."""

    now: Callable[[], datetime]
    sender: "Sender | None" = None

    @property
    def is_available(self) -> bool:
        return self.sender is not None

    async def add(  # noqa: PLR0913 - all but two by name
        self,
        template: Template,
        to: str | None,
        *,
        user_id: str | None = None,
        link: str | None = None,
        values: Mapping[str, str] | None = None,
        expires_at: datetime,
    ) -> None:
        """Store a mail, which is sent until ``expires_at``; without a sender, store nothing.

        ``to`` is None for a decoy: the same command, so that nothing tells whether somebody has an
        account. ``link`` is the id of a link. ``values`` are what this template shows, no secrets.
        """
        if self.sender is None:
            return
        now = self.now()
        mail = OutboxDocument(
            id=object_id_at(now),
            template=template.value,
            to=to,
            user_id=user_id,
            link=link,
            values=dict(values or {}),
            due_at=now,
            expires_at=expires_at,
        )
        stored = mail.model_dump(by_alias=True, exclude={"revision_id"})
        with translate_driver_errors(writing=OutboxDocument):
            await OutboxDocument.get_pymongo_collection().insert_one(stored)
        self.sender.wake()

    async def claim(self, lease: timedelta) -> OutboxDocument | None:
        """Return the mail that has been due the longest, with a lease; None if no mail is due.

        The lease is its number of tries: a process that finds another number has lost it.
        """
        now = self.now()
        with translate_driver_errors():
            found = await OutboxDocument.get_pymongo_collection().find_one_and_update(
                {"due_at": {"$lte": now}, "expires_at": {"$gt": now}},
                {"$set": {"due_at": now + lease}, "$inc": {"tries": 1}},
                sort=[("due_at", ASCENDING)],
                return_document=ReturnDocument.AFTER,
                comment=BACKGROUND,
            )
        return OutboxDocument.model_validate(found) if found else None

    async def count(self) -> int:
        """Count the mails that wait, up to MAX_COUNT."""
        with translate_driver_errors():
            return await OutboxDocument.get_pymongo_collection().count_documents(
                {"expires_at": {"$gt": self.now()}}, limit=MAX_COUNT, comment=BACKGROUND
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

    async def remove_all(self, user_id: str, email: str = "") -> None:
        """Remove the mails to a user."""
        query = {"$or": [{"user_id": user_id}, {"to": email}]}
        with translate_driver_errors(writing=OutboxDocument):
            await OutboxDocument.get_pymongo_collection().delete_many(query)
