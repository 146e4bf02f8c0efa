"""The collection of links."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from beanie import Document, PydanticObjectId
from pydantic import ConfigDict, Field
from pymongo import ASCENDING, IndexModel

NOW = datetime.now(UTC)


class LinkDocument(Document):
    """What a link in a mail allows to do once, with digests of the secrets that were mailed.

    ``email`` and ``password_changes`` are those of the user when the link was created: a link ends
    when one of them changes. ``new_email`` is for a change of e-mail, and ``pending`` is the user
    that a sign-up creates; then ``user_id`` is a digest of the e-mail. ``request`` is random: the
    mail of an earlier request, which can be for another e-mail, gets no secret of this one.
    """

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    id: PydanticObjectId
    purpose: str
    request: str
    user_id: PydanticObjectId | None = None
    email: str = ""
    password_changes: int = 0
    new_email: str | None = None
    pending: dict[str, Any] | None = Field(None, repr=False)
    digests: list[bytes] = Field([], repr=False)
    expires_at: datetime

    class Settings:
        name = "graphql_auth_links"
        indexes: ClassVar = [
            IndexModel([("expires_at", ASCENDING)], name="expires_at_1", expireAfterSeconds=0),
            IndexModel([("user_id", ASCENDING)], name="user_id_1"),
        ]
        probes: ClassVar = [
            {"_id": PydanticObjectId(), "purpose": "sign_up", "request": "a", "expires_at": NOW}
            for _ in "ab"
        ]

    @property
    def reference(self) -> str:
        """What a mail stores of its link; it opens nothing."""
        return f"{self.id} {self.request}"
