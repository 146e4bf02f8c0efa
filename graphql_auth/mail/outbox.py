"""The outbox: a mail is stored with the action that causes it, and sent later."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from graphql_auth.mail.document import OutboxDocument
from graphql_auth.mail.messages import Template
from graphql_auth.mail.repository import OutboxRepository
from graphql_auth.mail.sender import Sender
from graphql_auth.mongo.clock import object_id_at


@dataclass(eq=False, repr=False)
class Outbox:
    """Stores mails for ``sender``; without one, it stores nothing."""

    repository: OutboxRepository
    now: Callable[[], datetime]
    sender: Sender | None = None

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
        """Store a mail, which is sent until ``expires_at``; raises Unavailable.

        ``to`` is None for a decoy: the same command, so that nothing tells whether somebody has an
        account. ``link`` is the id of a link. ``values`` are what this template shows, no secrets.
        """
        if self.sender is None:
            return
        now = self.now()
        mail = OutboxDocument(
            id=object_id_at(now.timestamp()),
            template=template.value,
            to=to,
            user_id=user_id,
            link=link,
            values=dict(values or {}),
            due_at=now,
            expires_at=expires_at,
        )
        await self.repository.add(mail)
        self.sender.wake()

    async def remove_all(self, user_id: str, email: str = "") -> None:
        """Remove the mails to a user; raises Unavailable."""
        await self.repository.remove_all(user_id, email)
