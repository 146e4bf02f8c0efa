"""The attempts collection: rate limits, counted for all processes at once."""

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
# Processes that make the document of a key at the same time: all but one try again.
MAX_TRIES = 5
SECONDS_BETWEEN_TRIES = 0.02
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A rate limit with exponential backoff.

    ``free`` attempts count without a wait. Each further one has to wait, for ``first_wait``, then
    twice as long, up to ``longest_wait``. One attempt is given back every ``refill``, so a budget
    is whole again after ``memory`` at the latest.
    """

    free: int
    refill: timedelta
    first_wait: timedelta
    longest_wait: timedelta
    memory: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LeaseResult:
    """Whether a lease was granted; if not, the key is blocked until ``free_at`` or busy."""

    granted: bool
    free_at: datetime


class AttemptRepository:
    """Every method is one command to the database, and raises Unavailable.

    A lease is taken before an attempt, so that parallel attempts cannot exceed a budget. The
    attempt is counted after it, or not. The lease of a process that died expires uncounted, for
    nobody has learned how the attempt ended.

    How much of a budget is used is the time until it is whole again (``full_at``), divided by
    ``refill``: the generic cell rate algorithm (ITU-T I.371).
    """

    async def begin(
        self, key: str, budget: RateLimit, lease: str, now: datetime, until: datetime
    ) -> LeaseResult:
        """Take a lease if the budget allows one more attempt, beside those in progress."""
        used = _used(budget, now)
        room = {"$max": [1, {"$subtract": [budget.free, used]}]}
        granted = {"$and": [{"$lte": ["$free_at", now]}, {"$lt": [{"$size": "$pending"}, room]}]}
        mine = [{"lease": lease, "until": until}]
        found = await self._update(
            key,
            [
                {
                    "$set": {
                        "full_at": _full_at(budget, now),
                        "free_at": {"$ifNull": ["$free_at", LONG_AGO]},
                        "pending": _pending({"$gt": ["$$this.until", now]}),
                    }
                },
                {"$set": {"granted": granted}},
                {
                    "$set": {
                        "pending": {
                            "$cond": ["$granted", {"$concatArrays": ["$pending", mine]}, "$pending"]
                        },
                        "expires_at": {
                            "$cond": [
                                "$granted",
                                {"$max": ["$expires_at", "$full_at", until]},
                                "$expires_at",
                            ]
                        },
                    }
                },
                {"$unset": "granted"},
            ],
        )
        return LeaseResult(any(one["lease"] == lease for one in found["pending"]), found["free_at"])

    async def count(self, key: str, budget: RateLimit, lease: str, now: datetime) -> None:
        """Give a lease back and count the attempt, which can make the next one wait."""
        later = {"$add": [{"$max": [_full_at(budget, now), now]}, budget.refill // MILLISECOND]}
        beyond = {"$subtract": [_used(budget, now), budget.free]}
        doubled = {
            "$multiply": [budget.first_wait // MILLISECOND, {"$pow": [2, {"$min": [beyond, 60]}]}]
        }
        wait = {"$min": [budget.longest_wait // MILLISECOND, doubled]}
        blocked_until = {"$max": ["$free_at", {"$add": [now, wait]}]}
        await self._update(
            key,
            [
                {"$set": {"full_at": {"$min": [later, now + budget.memory]}}},
                {
                    "$set": {
                        "pending": _without(lease),
                        "free_at": {"$cond": [{"$gte": [beyond, 0]}, blocked_until, "$free_at"]},
                        "expires_at": {"$max": ["$expires_at", "$full_at"]},
                    }
                },
            ],
        )

    async def release(self, keys: Sequence[str], lease: str) -> None:
        """Give leases on some keys back as if there had been no attempt."""
        await self._update_many(
            UpdateOne({"_id": key}, [{"$set": {"pending": _without(lease)}}]) for key in keys
        )

    async def renew(self, leases: Mapping[str, Sequence[str]], until: datetime) -> None:
        """Extend leases, each on its keys, while their attempts are in progress."""
        await self._update_many(
            UpdateOne({"_id": key, "pending.lease": lease}, {"$set": {"pending.$.until": until}})
            for lease, keys in leases.items()
            for key in keys
        )

    @staticmethod
    async def _update_many(updates: Iterable[UpdateOne]) -> None:
        # Not update_many, which the driver does not retry when the primary steps down.
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
                    # Another process has made the document in the same moment; now it is there.
                    refused = error
                    await asyncio.sleep(SECONDS_BETWEEN_TRIES)
                else:
                    return cast("dict[str, Any]", found)
        raise Unavailable from refused


def _full_at(budget: RateLimit, now: datetime) -> dict[str, Any]:
    """Return when the budget is whole again; version 0.1.0 stored a number of failures."""
    failures = {"$multiply": ["$failures", budget.refill // MILLISECOND]}
    in_old_version = {"$cond": [{"$gt": ["$forget_at", now]}, {"$add": [now, failures]}, now]}
    return {"$ifNull": ["$full_at", in_old_version]}


def _used(budget: RateLimit, now: datetime) -> dict[str, Any]:
    left = {"$subtract": ["$full_at", now]}
    return {"$max": [0, {"$ceil": {"$divide": [left, budget.refill // MILLISECOND]}}]}


def _pending(condition: dict[str, Any]) -> dict[str, Any]:
    pending = {"$ifNull": ["$pending", []]}
    return {"$filter": {"input": pending, "cond": condition}}


def _without(lease: str) -> dict[str, Any]:
    return _pending({"$ne": ["$$this.lease", lease]})
