"""What is stored: Beanie documents."""

from datetime import datetime
from struct import pack
from typing import Annotated, ClassVar, cast

from beanie import Document, PydanticObjectId
from pydantic import BeforeValidator, ConfigDict, Field
from pymongo import ASCENDING, DESCENDING, IndexModel

# Documents of the Node.js original may lack a field or hold null in it.
Text = Annotated[str, BeforeValidator(lambda value: value if isinstance(value, str) else "")]
Count = Annotated[int, BeforeValidator(lambda value: 0 if value is None else value)]
Flag = Annotated[bool, BeforeValidator(lambda value: False if value is None else value)]


# Registration names this index in a hint, so that it fails where the index is missing.
EMAIL_INDEX = "email_1"


def object_id_at(seconds: float) -> PydanticObjectId:
    """Return a new id that carries a time, in seconds since 1970; a driver takes the wall clock."""
    return PydanticObjectId(pack(">I", int(seconds)) + PydanticObjectId().binary[4:])


class User(Document):
    """A person who can sign in, with the field names of the Node.js original.

    What else a document holds (mongoose's ``__v``, the original's ``token``) is left alone: a
    stored user is changed by ``$set`` only, never replaced.
    """

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    id: PydanticObjectId | None = None
    first_name: Text = ""
    last_name: Text = ""
    email: Text = ""
    password: Text = Field("", repr=False)
    # How often the password was changed: a sign-in with an earlier one is over.
    password_changes: Count = 0
    disabled: Flag = False

    class Settings:
        """The collection and its indexes, by the names that mongoose gave them."""

        name = "users"
        indexes: ClassVar = [IndexModel([("email", ASCENDING)], name=EMAIL_INDEX, unique=True)]

    @property
    def created_at(self) -> datetime:
        """When the user registered, to the second: the id of a stored document carries it."""
        return cast("PydanticObjectId", self.id).generation_time


class Session(Document):
    """A sign-in that lives until it is ended or not used for long.

    Of a refresh token only digests are stored. One whose ``ended_at`` is set is kept until the last
    access token that it gave out has expired, for it is what tells every process to refuse those.
    """

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    id: PydanticObjectId | None = None
    user_id: PydanticObjectId
    password_changes: int
    last_used_at: datetime
    expires_at: datetime
    ends_at: datetime
    access_until: datetime
    ended_at: datetime | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    family: bytes = Field(repr=False)
    current: bytes = Field(repr=False)
    previous: bytes | None = Field(None, repr=False)
    salt: bytes | None = Field(None, repr=False)
    rotated_at: datetime

    class Settings:
        """The collection and its indexes."""

        name = "sessions"
        keep_nulls = False
        indexes: ClassVar = [
            IndexModel([("user_id", ASCENDING), ("_id", DESCENDING)], name="user_id_1__id_-1"),
            IndexModel([("expires_at", ASCENDING)], name="expires_at_1", expireAfterSeconds=0),
            # All that is asked of ended sessions is in it, so that a million are read in seconds.
            IndexModel(
                [("ended_at", ASCENDING), ("expires_at", ASCENDING), ("_id", ASCENDING)],
                name="ended_at_1_expires_at_1__id_1",
                partialFilterExpression={"ended_at": {"$exists": True}},
            ),
        ]

    @property
    def created_at(self) -> datetime:
        """When the user signed in, to the second."""
        return cast("PydanticObjectId", self.id).generation_time


class Attempt(Document):
    """What is known of the attempts under one key, for as long as it matters."""

    id: str  # type: ignore[assignment] # - what is counted, and of whom

    class Settings:
        """The collection and its index."""

        name = "attempts"
        indexes: ClassVar = [
            IndexModel([("expires_at", ASCENDING)], name="expires_at_1", expireAfterSeconds=0)
        ]


class Meta(Document):
    """What the servers of one database agree on: one document for each matter."""

    id: str  # type: ignore[assignment]

    class Settings:
        """The collection, which needs no index but that of ``_id``."""

        name = "graphql_auth_meta"
