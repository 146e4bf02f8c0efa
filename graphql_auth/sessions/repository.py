"""The sessions and revocations collections. A session changes by atomic commands only.

The end of a session is stored in it first, then published in the other collection. Sweeps find the
sessions of a process that crashed in between.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from beanie import Document, PydanticObjectId
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import DESCENDING, ReturnDocument, UpdateOne, timeout

from graphql_auth.mongo.client import BACKGROUND, translate_driver_errors
from graphql_auth.sessions.document import RevocationDocument, SessionDocument
from graphql_auth.sessions.refresh_tokens import RefreshToken

# An ended session is stored until its access tokens have expired by the clock of every member.
CLOCK_SKEW = timedelta(minutes=1)
# PyMongo makes datetimes without a timezone in half the time. Other programs can store later times
# than Python knows.
_WITHOUT_TIMEZONE = CodecOptions[dict[str, Any]](
    datetime_conversion=DatetimeConversion.DATETIME_CLAMP
)
# So many documents are read or updated by one command, which then takes milliseconds.
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Revocation:
    """An ended session, and when to forget it by the clock of the database."""

    session_id: str
    until: datetime


@dataclass(frozen=True, slots=True)
class RevocationBatch:
    """Sessions that ended from ``earliest`` to ``latest``, and are forgotten after ``until``."""

    ids: set[int]
    earliest: datetime
    latest: datetime
    until: datetime


class SessionRepository:
    """Every method raises Unavailable when the database fails."""

    async def add(self, session: SessionDocument) -> SessionDocument:
        with translate_driver_errors(writing=SessionDocument):
            return await session.insert()

    async def rotate(
        self, token: RefreshToken, now: datetime, changes: Mapping[str, Any], idle: timedelta
    ) -> SessionDocument | None:
        """Change the live session that has this current token; None without one."""
        query = _session_of(token) | {"current": token.secret_digest} | _live(now)
        # Sliding expiration. A session outlives its access tokens, so that they can be revoked.
        expires_at = {"$min": [{"$max": [now + idle, "$access_until"]}, "$ends_at"]}
        values = _literals(changes) | {"rotated_at": "$$NOW", "expires_at": expires_at}
        return await self._update(query, [{"$set": values}])

    async def find_by_token(self, token: RefreshToken) -> SessionDocument | None:
        """Find the session that issued a refresh token, also one that was replaced."""
        with translate_driver_errors():
            return await SessionDocument.find_one(_session_of(token))

    async def extend_access(
        self, session: SessionDocument, access_until: datetime, grace: timedelta
    ) -> SessionDocument | None:
        """Record one more access token for the refresh token that was replaced last.

        Returns None if the session has changed since it was read, or if the grace is over. The
        clock of the database decides, which all processes share.
        """
        age = {"$subtract": ["$$NOW", "$rotated_at"]}
        query = {
            "_id": session.id,
            "user_id": session.user_id,
            "family": session.family,
            "current": session.current,
            "ended_at": None,
            "$expr": {"$lte": [age, grace // timedelta(milliseconds=1)]},
        }
        return await self._update(query, {"$max": {"access_until": access_until}})

    async def renew(
        self, user_id: str, session_id: str, changes: Mapping[str, Any]
    ) -> SessionDocument | None:
        """Change a live session and start a new chain of refresh tokens."""
        values = _literals(changes) | {"rotated_at": "$$NOW"}
        return await self._update(
            _live_session(user_id, session_id), [{"$set": values}, {"$unset": ["previous", "salt"]}]
        )

    async def keep(self, user_id: str, session_id: str, password_changes: int) -> None:
        """Make a live session valid for the new password."""
        await self._update(
            _live_session(user_id, session_id), {"$max": {"password_changes": password_changes}}
        )

    async def end(self, user_id: str, session_id: str) -> Revocation | None:
        """End a session of the user; None if there is no such live session."""
        session = await self._update(_live_session(user_id, session_id), _END)
        if session is None:
            # An earlier call can have ended it, and failed to publish that.
            await self._end_found(user_id, [{"$match": {"_id": PydanticObjectId(session_id)}}])
            return None
        ended = Revocation(session_id, session.expires_at)
        await self._publish([ended])
        return ended

    async def end_all(
        self,
        user_id: str,
        *,
        except_session: str | None = None,
        before_password_change: int | None = None,
    ) -> list[Revocation]:
        """End the sessions of the user, or only those from before the n-th password change.

        Returns also those that had ended before, which it publishes again.
        """
        query: dict[str, Any] = {}
        if except_session:
            query["_id"] = {"$ne": PydanticObjectId(except_session)}
        if before_password_change is not None:
            query["password_changes"] = {"$lt": before_password_change}
        return await self._end_found(user_id, [{"$match": query}])

    async def erase(self, user_id: str) -> list[Revocation]:
        """End all sessions of a deleted user, and keep only their revocations."""
        ended = await self.end_all(user_id)
        query = {"user_id": PydanticObjectId(user_id)}
        collection = SessionDocument.get_pymongo_collection()
        with translate_driver_errors(writing=SessionDocument):
            # A single command for any number of sessions could take longer than its timeout.
            while found := await collection.find(query, {"_id": True}).limit(BATCH).to_list():
                ids = [session["_id"] for session in found]
                await collection.delete_many(query | {"_id": {"$in": ids}})
        return ended

    async def evict_excess(self, user_id: str, now: datetime, limit: int) -> list[Revocation]:
        """End the least recently used live sessions of the user beyond a limit."""
        return await self._end_found(
            user_id,
            [
                {"$match": _live(now)},
                {"$project": {"last_used_at": True}},
                {"$sort": {"last_used_at": -1, "_id": -1}},
                {"$skip": limit},
            ],
        )

    async def list_live(
        self, user_id: str, now: datetime, *, before: str | None, limit: int
    ) -> list[SessionDocument]:
        """Find live sessions of the user, latest first, that started before a given one."""
        query = {"user_id": PydanticObjectId(user_id)} | _live(now)
        if before:
            query["_id"] = {"$lt": PydanticObjectId(before)}
        with translate_driver_errors():
            return await SessionDocument.find(query).sort("-_id").limit(limit).to_list()

    async def get_live(
        self, user_id: str, session_id: str, now: datetime
    ) -> SessionDocument | None:
        with translate_driver_errors():
            return await SessionDocument.find_one(_live_session(user_id, session_id) | _live(now))

    async def revoked_between(
        self, start: datetime, end: datetime, seconds: float, source: type[Document]
    ) -> AsyncGenerator[RevocationBatch]:
        """Yield batches of the sessions that ended in a period, latest first.

        A read of SessionDocument asks all shards. Raises Unavailable also after ``seconds``.
        """
        collection = source.get_pymongo_collection().with_options(_WITHOUT_TIMEZONE)
        with translate_driver_errors(), timeout(seconds):
            cursor = collection.find(
                {"ended_at": {"$gt": start, "$lte": end}},
                _REVOCATION_FIELDS,
                sort=[("ended_at", DESCENDING)],
                comment=BACKGROUND,
                batch_size=BATCH,
            )
            async with cursor:
                while batch := await cursor.to_list(BATCH):
                    yield _to_batch(batch)

    async def now(self) -> datetime:
        """Return the time by the clock of the database, in UTC."""
        database = SessionDocument.get_pymongo_collection().database
        with translate_driver_errors():
            answer = await database.command(
                "hello", comment=BACKGROUND, codec_options=database.codec_options
            )
        return cast("datetime", answer["localTime"])

    async def _end_found(self, user_id: str, stages: Sequence[dict[str, Any]]) -> list[Revocation]:
        """End the sessions of the user that some aggregation stages find, in batches."""
        collection = SessionDocument.get_pymongo_collection()
        of_user = {"user_id": PydanticObjectId(user_id)}
        pipeline = [{"$match": of_user}, *stages, {"$project": {"_id": True}}]
        ended = list[Revocation]()
        with translate_driver_errors(writing=SessionDocument):
            cursor = await collection.aggregate(pipeline, allowDiskUse=True)
            ids = [found["_id"] async for found in cursor]
            for start in range(0, len(ids), BATCH):
                batch = of_user | {"_id": {"$in": ids[start : start + BATCH]}}
                await collection.update_many(batch | {"ended_at": None}, _END)
                has_ended = {"ended_at": {"$ne": None}}
                found = await collection.find(batch | has_ended, _REVOCATION_FIELDS).to_list()
                # None if another process has erased them meanwhile.
                if found:
                    revocations = list(map(_to_revocation, found))
                    await self._publish(revocations)
                    ended += revocations
        return ended

    @staticmethod
    async def _publish(revocations: Sequence[Revocation]) -> None:
        """Store ended sessions where polls read them, with the time of this first command."""
        ended_at = {"$ifNull": ["$ended_at", "$$NOW"]}
        updates = [
            UpdateOne(
                {"_id": PydanticObjectId(one.session_id)},
                [{"$set": {"ended_at": ended_at, "expires_at": one.until}}],
                upsert=True,
            )
            for one in revocations
        ]
        with translate_driver_errors(writing=RevocationDocument):
            await RevocationDocument.get_pymongo_collection().bulk_write(updates, ordered=False)

    async def _update(
        self, query: Mapping[str, Any], update: Mapping[str, Any] | list[dict[str, Any]]
    ) -> SessionDocument | None:
        # One atomic command, which Beanie has no method for.
        with translate_driver_errors(writing=SessionDocument):
            document = await SessionDocument.get_pymongo_collection().find_one_and_update(
                query, update, return_document=ReturnDocument.AFTER
            )
        return SessionDocument.model_validate(document) if document else None


_REVOCATION_FIELDS = {"ended_at": True, "expires_at": True}

# By the clock of the database, which all processes share, so that their polls miss nothing.
_END = [
    {
        "$set": {
            "ended_at": "$$NOW",
            "expires_at": {"$add": ["$access_until", CLOCK_SKEW // timedelta(milliseconds=1)]},
        }
    }
]


def _session_of(token: RefreshToken) -> dict[str, Any]:
    return {
        "_id": PydanticObjectId(token.session_id),
        "user_id": PydanticObjectId(token.user_id),
        "family": token.family_digest,
    }


def _live(now: datetime) -> dict[str, Any]:
    return {"ended_at": None, "expires_at": {"$gt": now}}


def _live_session(user_id: str, session_id: str) -> dict[str, Any]:
    return {
        "_id": PydanticObjectId(session_id),
        "user_id": PydanticObjectId(user_id),
        "ended_at": None,
    }


def _literals(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Quote values, because a user agent can begin with $, as an expression does."""
    return {
        name: {"$max": [f"${name}", value]} if name == "access_until" else {"$literal": value}
        for name, value in changes.items()
    }


def _to_batch(documents: Sequence[Mapping[str, Any]]) -> RevocationBatch:
    """Return what was found, latest first, in one step for all: a burst has 100,000."""
    ids = {int.from_bytes(found["_id"].binary) for found in documents}
    until = max(found["expires_at"] for found in documents)
    times = (documents[-1]["ended_at"], documents[0]["ended_at"], until)
    return RevocationBatch(ids, *(time.replace(tzinfo=UTC) for time in times))


def _to_revocation(document: Mapping[str, Any]) -> Revocation:
    return Revocation(str(document["_id"]), document["expires_at"])
