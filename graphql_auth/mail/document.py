"""The outbox collection."""

from datetime import datetime
from typing import ClassVar

from beanie import Document, PydanticObjectId
from pydantic import ConfigDict
from pymongo import ASCENDING, IndexModel


class OutboxDocument(Document):
    """A mail that is not sent yet. It has no secret: that of a link is made when it is sent.

    Without ``to`` it is a decoy, which looks like a mail while it is written, and is never sent.
    """

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    id: PydanticObjectId
    template: str
    to: str | None
    user_id: str | None
    # The id of a link.
    link: str | None
    # What only this template shows.
    values: dict[str, str]
    tries: int = 0
    # When it is to be sent, or its lease ends.
    due_at: datetime
    expires_at: datetime

    class Settings:
        name = "graphql_auth_outbox"
        indexes: ClassVar = [
            IndexModel([("due_at", ASCENDING)], name="due_at_1"),
            IndexModel([("expires_at", ASCENDING)], name="expires_at_1", expireAfterSeconds=0),
        ]
