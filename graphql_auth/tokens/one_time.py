"""One-time tokens: the secrets in the links of mails. The database stores digests only."""

import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from beanie import PydanticObjectId

from graphql_auth.errors import LinkExpired
from graphql_auth.mongo.client import translate_driver_errors
from graphql_auth.tokens.document import LinkDocument
from graphql_auth.tokens.key_ring import decode_segment, encode_segment

ID_BYTES = 12
SECRET_BYTES = 32
# One for each try to send the mail, since a copy that seemed to fail can have arrived.
MAX_SECRETS = 100

# 12 bytes, and 32 bytes whose last character has two spare bits: zero, so a token has one spelling.
_FORM = re.compile(r"([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])")


class Purpose(StrEnum):
    """What a link is for. The value is also the name of its mail."""

    SIGN_UP = "sign_up"
    CONFIRM_EMAIL = "confirm_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a purpose
    CHANGE_EMAIL = "change_email"
    SIGN_IN_LINK = "sign_in_link"


LIFETIMES = {
    Purpose.SIGN_UP: timedelta(days=1),
    Purpose.CONFIRM_EMAIL: timedelta(days=1),
    Purpose.RESET_PASSWORD: timedelta(hours=1),
    Purpose.CHANGE_EMAIL: timedelta(hours=1),
    Purpose.SIGN_IN_LINK: timedelta(minutes=15),
}


class OneTimeTokens:
    """Creates links, issues their tokens and uses them up. Every method raises Unavailable."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    async def create(self, purpose: Purpose, key: str, **values: Any) -> LinkDocument:
        """Store a link, and end the earlier one of this purpose and key, in one command.

        The id is derived from both. There is no secret yet. ``values`` are those of LinkDocument.
        A sign-up ends no other one, which can be that of the owner of the e-mail: the limits of
        mails bound their number.
        """
        link_id = _derive_id(purpose, key)
        if purpose is Purpose.SIGN_UP:
            values["user_id"], link_id = link_id, PydanticObjectId()
        link = LinkDocument(
            id=link_id,
            purpose=purpose.value,
            request=secrets.token_hex(8),
            expires_at=self._now() + LIFETIMES[purpose],
            **values,
        )
        stored = link.model_dump(by_alias=True, exclude={"revision_id"}, exclude_none=True)
        with translate_driver_errors(writing=LinkDocument):
            await LinkDocument.get_pymongo_collection().replace_one(
                {"_id": link.id}, stored, upsert=True
            )
        return link

    async def issue(self, reference: str) -> str | None:
        """Return a new token of a link; None if the link is over. Earlier ones stay valid too."""
        link_id, _, request = reference.partition(" ")
        secret = secrets.token_bytes(SECRET_BYTES)
        link, digests = PydanticObjectId(link_id), {"$each": [_digest(secret)]}
        query = {"_id": link, "request": request, "expires_at": {"$gt": self._now()}}
        with translate_driver_errors(writing=LinkDocument):
            result = await LinkDocument.get_pymongo_collection().update_one(
                query, {"$push": {"digests": digests | {"$slice": -MAX_SECRETS}}}
            )
        if not result.matched_count:
            return None
        return f"{encode_segment(link.binary)}.{encode_segment(secret)}"

    async def find(self, purpose: Purpose, token: str) -> LinkDocument:
        """Return the link of a token, which stays valid; raises LinkExpired."""
        query = self._query(purpose, token)
        with translate_driver_errors():
            link = await LinkDocument.find_one(query)
        if link is None:
            raise LinkExpired
        return link

    async def use(self, purpose: Purpose, token: str) -> None:
        """End the link of a token: of several calls at once, one succeeds. Raises LinkExpired."""
        query = self._query(purpose, token)
        with translate_driver_errors(writing=LinkDocument):
            result = await LinkDocument.get_pymongo_collection().delete_one(query)
        if not result.deleted_count:
            raise LinkExpired

    async def end_all(self, user_id: str, email: str = "") -> None:
        """Delete all links of a user, and all sign-ups with their canonical e-mail."""
        ids = [PydanticObjectId(user_id), _derive_id(Purpose.SIGN_UP, email)]
        with translate_driver_errors(writing=LinkDocument):
            await LinkDocument.get_pymongo_collection().delete_many({"user_id": {"$in": ids}})

    def _query(self, purpose: Purpose, token: str) -> dict[str, Any]:
        match = _FORM.fullmatch(token)
        if match is None:
            raise LinkExpired
        return {
            "_id": PydanticObjectId(decode_segment(match[1])),
            "purpose": purpose.value,
            "digests": _digest(decode_segment(match[2])),
            "expires_at": {"$gt": self._now()},
        }


def _derive_id(purpose: Purpose, key: str) -> PydanticObjectId:
    return PydanticObjectId(hashlib.sha256(f"{purpose} {key}".encode()).digest()[:ID_BYTES])


def _digest(secret: bytes) -> bytes:
    # Not a slow hash, which would add nothing to 256 random bits.
    return hashlib.sha256(secret).digest()
