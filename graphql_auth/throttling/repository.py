"""The attempts collection: rate limits that all processes share."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from pymongo import ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError

from graphql_auth.errors import Unavailable
from graphql_auth.mongo.client import translate_driver_errors
from graphql_auth.throttling.backoff import RateLimit
from graphql_auth.throttling.document import AttemptDocument

LONG_AGO = datetime.fromtimestamp(0, UTC)
# When several processes create the document of a key at once, all but one try again.
MAX_TRIES = 5
SECONDS_BETWEEN_TRIES = 0.02


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
    """

    async def acquire(
        self, key: str, limit: RateLimit, lease: str, now: datetime, until: datetime
    ) -> LeaseResult:
        """Take a lease if the limit allows one more attempt besides those in progress."""
        in_progress = {"$size": "$pending"}
        granted = {
            "$and": [{"$lte": ["$free_at", now]}, {"$lt": [in_progress, limit.available(now)]}]
        }
        state = {
            "full_at": limit.full_at(now),
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
        changes = {
            "pending": _without(lease),
            "free_at": limit.free_at(now),
            "expires_at": {"$max": ["$expires_at", "$full_at"]},
        }
        full_at = {"full_at": limit.full_at_after_one_more(now)}
        await self._update(key, [{"$set": full_at}, {"$set": changes}])

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
        with translate_driver_errors(writing=AttemptDocument):
            await AttemptDocument.get_pymongo_collection().bulk_write(list(updates), ordered=False)

    @staticmethod
    async def _update(key: str, update: list[dict[str, Any]]) -> dict[str, Any]:
        collection = AttemptDocument.get_pymongo_collection()
        with translate_driver_errors(writing=AttemptDocument):
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


def _pending(condition: dict[str, Any]) -> dict[str, Any]:
    pending = {"$ifNull": ["$pending", []]}
    return {"$filter": {"input": pending, "cond": condition}}


def _without(lease: str) -> dict[str, Any]:
    return _pending({"$ne": ["$$this.lease", lease]})
