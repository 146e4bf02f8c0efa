"""The document of the attempts under one key."""

from typing import ClassVar

from beanie import Document
from pymongo import ASCENDING, IndexModel


class AttemptDocument(Document):
    """What is known of the attempts under one key, for as long as it matters."""

    id: str  # type: ignore[assignment] # - what is counted, and of whom

    class Settings:
        """The collection and its index."""

        name = "attempts"
        indexes: ClassVar = [
            IndexModel([("expires_at", ASCENDING)], name="expires_at_1", expireAfterSeconds=0)
        ]
