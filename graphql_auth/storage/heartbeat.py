"""When the database could not acknowledge writes: outages, recorded for all servers of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from pymongo import ReturnDocument

from graphql_auth.storage.documents import Meta
from graphql_auth.storage.mongo import BACKGROUND, outages_translated

SECONDS_BETWEEN_BEATS = 2.0
# A longer time between two acknowledged beats is an outage.
LONGEST_GAP = timedelta(seconds=5)
OUTAGES_KEPT = 100
HEARTBEAT = {"_id": "heartbeat"}


class Heartbeat:
    """Writes to the database every two seconds, and records the gaps between acknowledged writes.

    A primary without a majority applies writes that it cannot acknowledge. So a write carries the
    time of the last one that was acknowledged, and a gap is recorded only after its end was.
    A server that starts continues from the time that the others have stored.

    Every method raises Unavailable.
    """

    def __init__(self, longest_gap: timedelta = LONGEST_GAP) -> None:
        self._longest_gap = longest_gap
        self._acknowledged_at: datetime | None = None

    async def beat(self) -> None:
        """Write once, and record an outage if the last acknowledged write is too long ago."""
        stored = await self._write(
            [
                {
                    "$set": {
                        "written_at": "$$NOW",
                        "acknowledged_at": {"$max": ["$acknowledged_at", self._acknowledged_at]},
                    }
                }
            ]
        )
        now = cast("datetime", stored["written_at"])
        last = self._acknowledged_at or stored["acknowledged_at"] or now
        if now - last > self._longest_gap:
            await self._write(_recording(last, now, self._longest_gap))
        self._acknowledged_at = now

    async def outage_since(self, moment: datetime) -> timedelta:
        """Return how long the database could not answer between a moment and now."""
        # An outage that has just ended may not be recorded yet.
        await self.beat()
        with outages_translated():
            stored = await Meta.get_pymongo_collection().find_one(HEARTBEAT)
        outages = (stored or {}).get("outages", [])
        lost = (outage["to"] - max(outage["from"], moment) for outage in outages)
        return sum((time for time in lost if time > timedelta()), timedelta())

    @staticmethod
    async def _write(update: list[dict[str, Any]]) -> Mapping[str, Any]:
        with outages_translated(writing=True):
            return cast(
                "Mapping[str, Any]",
                await Meta.get_pymongo_collection().find_one_and_update(
                    HEARTBEAT,
                    update,
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                    comment=BACKGROUND,
                ),
            )


def _recording(start: datetime, end: datetime, longest_gap: timedelta) -> list[dict[str, Any]]:
    """Return the update that records an outage, less what other servers have recorded of it."""
    outages = {"$ifNull": ["$outages", []]}
    unrecorded = {"$max": [start, {"$max": "$outages.to"}]}
    is_new = {"$gt": [{"$subtract": [end, unrecorded]}, longest_gap // timedelta(milliseconds=1)]}
    added = {"$concatArrays": [outages, [{"from": unrecorded, "to": end}]]}
    kept = {"$cond": [is_new, {"$slice": [added, -OUTAGES_KEPT]}, outages]}
    return [{"$set": {"outages": kept}}]
