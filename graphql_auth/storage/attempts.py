"""The attempts collection: how often something failed, counted for all processes at once."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError

from graphql_auth.storage.documents import Attempt
from graphql_auth.storage.mongo import outages_translated

LONG_AGO = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Budget:
    """How many failures are free of charge, and how the wait grows after each further one.

    A key is forgotten ``memory`` after its last failure.
    """

    free: int
    first_wait: timedelta
    longest_wait: timedelta
    memory: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether an attempt may be made: granted; or blocked until then; or others are under way."""

    granted: bool
    free_at: datetime


class Attempts:
    """Every method is one command to the database, and raises Unavailable.

    A lease is taken before an attempt, so that those made at once count as what they are. One that
    is never settled, for its process has died, lapses and counts as a failure.
    """

    async def begin(
        self, key: str, budget: Budget, lease: str, now: datetime, until: datetime
    ) -> Standing:
        """Take a lease if the budget allows one more attempt, beside those under way."""
        pending = {"$ifNull": ["$pending", []]}
        alive = {"$filter": {"input": pending, "cond": {"$gt": ["$$this.until", now]}}}
        failures = {"$cond": [{"$gt": ["$forget_at", now]}, "$failures", 0]}
        lapsed = {"$subtract": [{"$size": pending}, {"$size": alive}]}
        room = {"$max": [1, {"$subtract": [budget.free, "$failures"]}]}
        granted = {"$and": [{"$lte": ["$free_at", now]}, {"$lt": [{"$size": "$pending"}, room]}]}
        mine = [{"lease": lease, "until": until}]
        found = await self._changed(
            key,
            [
                {
                    "$set": {
                        "failures": {"$add": [failures, lapsed]},
                        "free_at": {"$ifNull": ["$free_at", LONG_AGO]},
                        "pending": alive,
                    }
                },
                {"$set": {"granted": granted}},
                {
                    "$set": {
                        "pending": {
                            "$cond": ["$granted", {"$concatArrays": ["$pending", mine]}, "$pending"]
                        },
                        "expires_at": {
                            "$cond": ["$granted", {"$max": ["$forget_at", until]}, "$expires_at"]
                        },
                    }
                },
                {"$unset": "granted"},
            ],
        )
        return Standing(any(one["lease"] == lease for one in found["pending"]), found["free_at"])

    async def fail(self, key: str, budget: Budget, lease: str, now: datetime) -> None:
        """Give a lease back after a failure, and make the next attempt wait."""
        beyond = {"$subtract": ["$failures", budget.free]}
        seconds = {
            "$min": [
                budget.longest_wait.total_seconds(),
                {
                    "$multiply": [
                        budget.first_wait.total_seconds(),
                        {"$pow": [2, {"$min": [beyond, 60]}]},
                    ]
                },
            ]
        }
        later = {"$max": ["$free_at", {"$add": [now, {"$multiply": [1000, seconds]}]}]}
        await self._changed(
            key,
            [
                {"$set": {"failures": {"$add": [{"$ifNull": ["$failures", 0]}, 1]}}},
                {
                    "$set": {
                        "pending": _without(lease),
                        "free_at": {"$cond": [{"$gte": [beyond, 0]}, later, "$free_at"]},
                        "forget_at": now + budget.memory,
                        "expires_at": now + budget.memory,
                    }
                },
            ],
        )

    async def release(self, keys: Sequence[str], lease: str) -> None:
        """Give leases under some keys back as if there had been no attempt."""
        # Not update_many, which the driver does not try again when the primary steps down.
        returned = [
            UpdateOne({"_id": key}, [{"$set": {"pending": _without(lease)}}]) for key in keys
        ]
        with outages_translated():
            await Attempt.get_pymongo_collection().bulk_write(returned, ordered=False)

    async def _changed(self, key: str, update: list[dict[str, Any]]) -> dict[str, Any]:
        collection = Attempt.get_pymongo_collection()
        with outages_translated():
            found: dict[str, Any] | None = None
            while found is None:
                # Another process may make the document in the same moment; then it is there.
                with contextlib.suppress(DuplicateKeyError):
                    found = await collection.find_one_and_update(
                        {"_id": key}, update, upsert=True, return_document=ReturnDocument.AFTER
                    )
            return found


def _without(lease: str) -> dict[str, Any]:
    pending = {"$ifNull": ["$pending", []]}
    return {"$filter": {"input": pending, "cond": {"$ne": ["$$this.lease", lease]}}}
