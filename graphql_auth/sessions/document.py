"""The sessions collection."""

from datetime import UTC, datetime
from typing import ClassVar, cast

from beanie import Document, PydanticObjectId
from pydantic import ConfigDict, Field
from pymongo import ASCENDING, DESCENDING, IndexModel

# Of the examples for obstacles.py: two sessions of one user.
NOW = datetime.now(UTC)
USER_ID = PydanticObjectId()
ENDED = [("ended_at", ASCENDING), ("expires_at", ASCENDING), ("_id", ASCENDING)]
ENDED_INDEX = "ended_at_1_expires_at_1__id_1"
EXPIRY = IndexModel([("expires_at", ASCENDING)], name="expires_at_1", expireAfterSeconds=0)


class SessionDocument(Document):
    """A session, with digests of its refresh tokens.

    After its end (``ended_at``) it is kept until its last access token has expired, so that a sweep
    finds it.
    """

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    id: PydanticObjectId | None = None
    user_id: PydanticObjectId
    password_changes: int
    last_used_at: datetime
    # Sliding expiration, at most until ``ends_at``; after the end, when the document is removed.
    expires_at: datetime
    ends_at: datetime
    # When the last access token expires.
    access_until: datetime
    ended_at: datetime | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    # Digests: of the family of tokens, of the current secret, and of the one before.
    family: bytes = Field(repr=False)
    current: bytes = Field(repr=False)
    previous: bytes | None = Field(None, repr=False)
    # With the previous secret, it gives the current one.
    salt: bytes | None = Field(None, repr=False)
    rotated_at: datetime

    class Settings:
        name = "graphql_auth_sessions"
        name_in_0_1_0 = "sessions"
        keep_nulls = False
        indexes: ClassVar = [
            IndexModel([("user_id", ASCENDING), ("_id", DESCENDING)], name="user_id_1__id_-1"),
            EXPIRY,
            # Covers the query of a sweep, which reads a million in seconds.
            IndexModel(
                ENDED, name=ENDED_INDEX, partialFilterExpression={"ended_at": {"$exists": True}}
            ),
        ]
        probes: ClassVar = [
            {"_id": PydanticObjectId(), "user_id": USER_ID, "family": digest, "current": digest}
            | dict.fromkeys(("last_used_at", "expires_at", "ends_at", "access_until"), NOW)
            | {"password_changes": 0, "rotated_at": NOW}
            for digest in (b"a", b"b")
        ]

    @property
    def created_at(self) -> datetime:
        """When the user signed in, to the second."""
        return cast("PydanticObjectId", self.id).generation_time


class RevocationDocument(Document):
    """An ended session, until its access tokens expire; not sharded, so a poll needs one shard."""

    id: PydanticObjectId
    ended_at: datetime
    expires_at: datetime

    class Settings:
        name = "graphql_auth_revocations"
        indexes: ClassVar = [EXPIRY, IndexModel(ENDED, name=ENDED_INDEX)]
