"""The sessions collection: each method is one operation of the database, and so all or nothing."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from beanie import PydanticObjectId
from pymongo import DESCENDING, ReturnDocument, timeout

from graphql_auth.mongo.client import BACKGROUND, translate_driver_errors
from graphql_auth.sessions.document import SessionDocument

# An ended session is remembered for as long as a token that it gave out may count elsewhere.
CLOCK_SKEW = timedelta(minutes=1)
BATCH = 1_000
# So many sessions are ended by one command, which then takes milliseconds.
ENDED_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Revocation:
    """A session that ended, the time of the database at that, and until when it is remembered."""

    session_id: str
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class RefreshTokenDigests:
    """What the database knows of a refresh token that a client presents."""

    user_id: str
    session_id: str
    family: bytes
    digest: bytes

    @property
    def query(self) -> dict[str, Any]:
        """The query for its session."""
        return {
            "_id": PydanticObjectId(self.session_id),
            "user_id": PydanticObjectId(self.user_id),
            "family": self.family,
        }


class SessionRepository:
    """Every method raises Unavailable when the database does not do its work."""

    async def add(self, session: SessionDocument) -> SessionDocument:
        """Store a new session."""
        with translate_driver_errors(writing=True):
            return await session.insert()

    async def rotate(
        self,
        digests: RefreshTokenDigests,
        now: datetime,
        changes: Mapping[str, Any],
        idle: timedelta,
    ) -> SessionDocument | None:
        """Make ``changes`` to the live session whose current token is presented, if it is."""
        found = digests.query | {
            "current": digests.digest,
            "ended_at": None,
            "expires_at": {"$gt": now},
        }
        # A session is never removed before the access tokens that it gave out have expired.
        expires_at = {"$min": [{"$max": [now + idle, "$access_until"]}, "$ends_at"]}
        values = _literal(changes) | {"rotated_at": "$$NOW", "expires_at": expires_at}
        return await self._changed(found, [{"$set": values}])

    async def find_by_token(self, digests: RefreshTokenDigests) -> SessionDocument | None:
        """Find the session of a refresh token, whichever of its tokens that is."""
        with translate_driver_errors():
            return await SessionDocument.find_one(digests.query)

    async def extend_access(
        self, session: SessionDocument, access_until: datetime, grace: timedelta
    ) -> SessionDocument | None:
        """Note that one more access token was given out for the token that was replaced last.

        None when the session is no longer as it was read, or the grace is over, by the one clock
        that all processes share.
        """
        age = {"$subtract": ["$$NOW", "$rotated_at"]}
        found = {
            "_id": session.id,
            "user_id": session.user_id,
            "family": session.family,
            "current": session.current,
            "ended_at": None,
            "$expr": {"$lte": [age, grace // timedelta(milliseconds=1)]},
        }
        return await self._changed(found, {"$max": {"access_until": access_until}})

    async def renew(
        self, user_id: str, session_id: str, changes: Mapping[str, Any]
    ) -> SessionDocument | None:
        """Make ``changes`` to a session of the user that lives, and begin its chain anew."""
        values = _literal(changes) | {"rotated_at": "$$NOW"}
        return await self._changed(
            _live(user_id, session_id), [{"$set": values}, {"$unset": ["previous", "salt"]}]
        )

    async def keep(self, user_id: str, session_id: str, password_changes: int) -> None:
        """Let a session that lives go on after a change of the password."""
        await self._changed(
            _live(user_id, session_id), {"$max": {"password_changes": password_changes}}
        )

    async def end(self, user_id: str, session_id: str) -> Revocation | None:
        """End a session of the user; None when there is no such session, or no more."""
        session = await self._changed(_live(user_id, session_id), _ENDED)
        if session is None:
            return None
        return Revocation(session_id, cast("datetime", session.ended_at), session.expires_at)

    async def end_all(
        self, user_id: str, but: str | None = None, before_change: int | None = None
    ) -> list[Revocation]:
        """End all sessions of the user, but one; return those that ended.

        ``before_change`` leaves those that began after so many changes of the password.
        """
        query: dict[str, Any] = {}
        if but:
            query["_id"] = {"$ne": PydanticObjectId(but)}
        if before_change is not None:
            query["password_changes"] = {"$lt": before_change}
        return await self._end_found(user_id, [{"$match": query}])

    async def evict_excess(self, user_id: str, now: datetime, allowed: int) -> list[Revocation]:
        """End the least recently used live sessions of the user beyond a number of them."""
        latest_first = {"last_used_at": -1, "_id": -1}
        return await self._end_found(
            user_id,
            [
                {"$match": {"expires_at": {"$gt": now}}},
                {"$project": {"last_used_at": True}},
                {"$sort": latest_first},
                {"$skip": allowed},
            ],
        )

    async def list_live(
        self, user_id: str, now: datetime, *, before: str | None, limit: int
    ) -> list[SessionDocument]:
        """Find at most ``limit`` live sessions of the user that began before one, latest first."""
        query: dict[str, Any] = {
            "user_id": PydanticObjectId(user_id),
            "ended_at": None,
            "expires_at": {"$gt": now},
        }
        if before:
            query["_id"] = {"$lt": PydanticObjectId(before)}
        with translate_driver_errors():
            return await SessionDocument.find(query).sort("-_id").limit(limit).to_list()

    async def get_live(
        self, user_id: str, session_id: str, now: datetime
    ) -> SessionDocument | None:
        """Find a live session of the user."""
        with translate_driver_errors():
            return await SessionDocument.find_one(
                _live(user_id, session_id) | {"expires_at": {"$gt": now}}
            )

    async def revoked_between(
        self, start: datetime, end: datetime, seconds: float
    ) -> AsyncGenerator[list[Revocation]]:
        """Yield the sessions that ended in a time of the database, in batches, the latest first.

        Raises Unavailable also when it takes longer than so many seconds.
        """
        collection = SessionDocument.get_pymongo_collection()
        with translate_driver_errors(), timeout(seconds):
            cursor = collection.find(
                {"ended_at": {"$gt": start, "$lte": end}},
                _OF_ENDED,
                sort=[("ended_at", DESCENDING)],
                comment=BACKGROUND,
                batch_size=BATCH,
            )
            async with cursor:
                while batch := await cursor.to_list(BATCH):
                    yield list(map(_ended, batch))

    async def now(self) -> datetime:
        """Return the time by the clock of the database, in UTC."""
        database = SessionDocument.get_pymongo_collection().database
        with translate_driver_errors():
            told = await database.command(
                "hello", comment=BACKGROUND, codec_options=database.codec_options
            )
        return cast("datetime", told["localTime"])

    async def _end_found(self, user_id: str, stages: Sequence[dict[str, Any]]) -> list[Revocation]:
        """End the sessions of the user that some stages of an aggregation find, in pieces."""
        collection = SessionDocument.get_pymongo_collection()
        of_user = {"user_id": PydanticObjectId(user_id)}
        pipeline = [{"$match": of_user | {"ended_at": None}}, *stages, {"$project": {"_id": True}}]
        ended = []
        with translate_driver_errors(writing=True):
            cursor = await collection.aggregate(pipeline, allowDiskUse=True)
            ids = [found["_id"] async for found in cursor]
            for start in range(0, len(ids), ENDED_AT_ONCE):
                piece = of_user | {"_id": {"$in": ids[start : start + ENDED_AT_ONCE]}}
                await collection.update_many(piece | {"ended_at": None}, _ENDED)
                ended += await collection.find(piece | _HAS_ENDED, _OF_ENDED).to_list()
        return list(map(_ended, ended))

    async def _changed(
        self, found: Mapping[str, Any], update: Mapping[str, Any] | list[dict[str, Any]]
    ) -> SessionDocument | None:
        with translate_driver_errors(writing=True):
            document = await SessionDocument.get_pymongo_collection().find_one_and_update(
                found, update, return_document=ReturnDocument.AFTER
            )
        return SessionDocument.model_validate(document) if document else None


_HAS_ENDED = {"ended_at": {"$ne": None}}
_OF_ENDED = {"ended_at": True, "expires_at": True}

# The time is the database's, which is one for all processes, so that none of them misses an end.
_ENDED = [
    {
        "$set": {
            "ended_at": "$$NOW",
            "expires_at": {
                "$add": ["$access_until", CLOCK_SKEW // timedelta(milliseconds=1)],
            },
        }
    }
]


def _live(user_id: str, session_id: str) -> dict[str, Any]:
    return {
        "_id": PydanticObjectId(session_id),
        "user_id": PydanticObjectId(user_id),
        "ended_at": None,
    }


def _literal(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Keep values from being read as expressions: a user agent may begin with a $."""
    return {
        name: {"$max": [f"${name}", value]} if name == "access_until" else {"$literal": value}
        for name, value in changes.items()
    }


def _ended(found: Mapping[str, Any]) -> Revocation:
    return Revocation(str(found["_id"]), found["ended_at"], found["expires_at"])
