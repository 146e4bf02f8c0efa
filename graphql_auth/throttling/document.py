"""The attempts collection."""

from datetime import UTC, datetime
from typing import ClassVar

from beanie import Document
from pymongo import ASCENDING, IndexModel

NOW = datetime.now(UTC)


class AttemptDocument(Document):
    """The attempts and leases of one key; see AttemptRepository for its fields."""

    id: str  # type: ignore[assignment] # - the key of the counter

    class Settings:
        name = "graphql_auth_attempts"
        name_in_0_1_0 = "attempts"
        indexes: ClassVar = [
            IndexModel([("expires_at", ASCENDING)], name="expires_at_1", expireAfterSeconds=0)
        ]
        probes: ClassVar = [
            {"_id": key, "full_at": NOW, "free_at": NOW, "pending": [], "expires_at": NOW}
            for key in "ab"
        ]
