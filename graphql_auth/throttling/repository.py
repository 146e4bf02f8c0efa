"""The attempts collection: rate limits that all processes share."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError

from graphql_auth.errors import Unavailable
from graphql_auth.mongo.client import translate_driver_errors
from graphql_auth.throttling.document import AttemptDocument

LONG_AGO = datetime.fromtimestamp(0, UTC)
# When several processes create the document of a key at once, all but one try again.
MAX_TRIES = 5
SECONDS_BETWEEN_TRIES = 0.02
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A rate limit with exponential backoff.

    The first ``free`` attempts need no wait. The next one waits ``first_wait``, and each further
    one twice as long, up to ``max_wait``. Every ``refill`` gives back one attempt, and ``memory``
    gives back all of them.
    """

    free: int
    refill: timedelta
    first_wait: timedelta
    max_wait: timedelta
    memory: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LeaseResult:
    """Whether a lease was granted. Without one, the key is blocked until ``free_at``, or busy."""

    granted: bool
    free_at: datetime


class AttemptRepository:
    """Every method is one atomic command, which Beanie has no method for; it raises Unavailable.

    An attempt takes a lease first, so that parallel attempts cannot exceed a limit. It is counted
    at its end, if at all. The lease of a process that was killed expires without being counted,
    because no client got an answer.

    The algorithm is the generic cell rate algorithm (ITU-T I.371): the attempts used are the time
    until all are given back (``full_at``), divided by ``refill``.
    """

    async def acquire(
        self, key: str, limit: RateLimit, lease: str, now: datetime, until: datetime
    ) -> LeaseResult:
        """Take a lease if the limit allows one more attempt besides those in progress."""
        room = {"$max": [1, {"$subtract": [limit.free, _used(limit, now)]}]}
        granted = {"$and": [{"$lte": ["$free_at", now]}, {"$lt": [{"$size": "$pending"}, room]}]}
        state = {
            "full_at": _full_at(limit, now),
            "free_at": {"$ifNull": ["$free_at", LONG_AGO]},
            "pending": _pending({"$gt": ["$$this.until", now]}),
        }
        with_lease = {
            "pending": {"$concatArrays": ["$pending", [{"lease": lease, "until": until}]]},
            "expires_at": {"$max": ["$expires_at", "$full_at", until]},
        }
        changes = {
            name: {"$cond": [granted, value, f"${name}"]} for name, value in with_lease.items()
        }
        found = await self._update(key, [{"$set": state}, {"$set": changes}])
        has_lease = any(entry["lease"] == lease for entry in found["pending"])
        return LeaseResult(has_lease, found["free_at"])

    async def count(self, key: str, limit: RateLimit, lease: str, now: datetime) -> None:
        """Release a lease and count its attempt."""
        later = {"$add": [{"$max": [_full_at(limit, now), now]}, limit.refill // MILLISECOND]}
        beyond = {"$subtract": [_used(limit, now), limit.free]}
        factor = {"$pow": [2, {"$min": [beyond, 60]}]}
        backoff = {"$multiply": [limit.first_wait // MILLISECOND, factor]}
        wait = {"$min": [limit.max_wait // MILLISECOND, backoff]}
        blocked_until = {"$max": ["$free_at", {"$add": [now, wait]}]}
        changes = {
            "pending": _without(lease),
            "free_at": {"$cond": [{"$gte": [beyond, 0]}, blocked_until, "$free_at"]},
            "expires_at": {"$max": ["$expires_at", "$full_at"]},
        }
        full_at = {"$min": [later, now + limit.memory]}
        await self._update(key, [{"$set": {"full_at": full_at}}, {"$set": changes}])

    async def release(self, keys: Sequence[str], lease: str) -> None:
        """Release a lease on some keys without counting its attempt."""
        await self._update_many(
            UpdateOne({"_id": key}, [{"$set": {"pending": _without(lease)}}]) for key in keys
        )

    async def renew(self, leases: Mapping[str, Sequence[str]], until: datetime) -> None:
        """Extend leases, each on its keys."""
        await self._update_many(
            UpdateOne({"_id": key, "pending.lease": lease}, {"$set": {"pending.$.until": until}})
            for lease, keys in leases.items()
            for key in keys
        )

    @staticmethod
    async def _update_many(updates: Iterable[UpdateOne]) -> None:
        # The driver retries this when the primary steps down, unlike update_many.
        with translate_driver_errors(writing=True):
            await AttemptDocument.get_pymongo_collection().bulk_write(list(updates), ordered=False)

    @staticmethod
    async def _update(key: str, update: list[dict[str, Any]]) -> dict[str, Any]:
        collection = AttemptDocument.get_pymongo_collection()
        with translate_driver_errors(writing=True):
            for _ in range(MAX_TRIES):
                try:
                    found = await collection.find_one_and_update(
                        {"_id": key}, update, upsert=True, return_document=ReturnDocument.AFTER
                    )
                except DuplicateKeyError as error:
                    # Another process has just created the document.
                    duplicate = error
                    await asyncio.sleep(SECONDS_BETWEEN_TRIES)
                else:
                    return cast("dict[str, Any]", found)
        raise Unavailable from duplicate


def _full_at(limit: RateLimit, now: datetime) -> dict[str, Any]:
    """Return when all attempts are given back; version 0.1.0 stored a number of failures."""
    failures = {"$multiply": ["$failures", limit.refill // MILLISECOND]}
    from_failures = {"$cond": [{"$gt": ["$forget_at", now]}, {"$add": [now, failures]}, now]}
    return {"$ifNull": ["$full_at", from_failures]}


def _used(limit: RateLimit, now: datetime) -> dict[str, Any]:
    left = {"$subtract": ["$full_at", now]}
    return {"$max": [0, {"$ceil": {"$divide": [left, limit.refill // MILLISECOND]}}]}


def _pending(condition: dict[str, Any]) -> dict[str, Any]:
    pending = {"$ifNull": ["$pending", []]}
    return {"$filter": {"input": pending, "cond": condition}}


def _without(lease: str) -> dict[str, Any]:
    return _pending({"$ne": ["$$this.lease", lease]})
