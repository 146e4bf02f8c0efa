"""The attempts collection."""

from typing import ClassVar

from beanie import Document
from pymongo import ASCENDING, IndexModel


class AttemptDocument(Document):
    """The attempts and leases of one key; see AttemptRepository for its fields."""

    id: str  # type: ignore[assignment] # - the key of the counter

    class Settings:
        name = "attempts"
        indexes: ClassVar = [
            IndexModel([("expires_at", ASCENDING)], name="expires_at_1", expireAfterSeconds=0)
        ]
