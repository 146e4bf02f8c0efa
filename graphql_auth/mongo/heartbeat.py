"""Records outages of the database, in which it acknowledges no write, for all of its servers."""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Self, cast

from pymongo import ReturnDocument

from graphql_auth.mongo.client import BACKGROUND, translate_driver_errors
from graphql_auth.mongo.meta import MetaDocument

# An outage is a gap between acknowledged writes above 5 s, or above a quarter of a shorter grace.
MAX_GAP = timedelta(seconds=5)
MIN_GAP = timedelta(seconds=0.5)
MAX_OUTAGES = 100
HEARTBEAT = {"_id": "heartbeat"}


class Heartbeat:
    """Writes to the database at an interval, and records the gaps between acknowledged writes.

    A primary without a majority applies writes that it cannot acknowledge. So each write stores the
    time of the last acknowledged one, and a gap is recorded after an acknowledged write.
    A server that starts continues from the time that other servers have stored.

    Every method raises Unavailable.
    """

    def __init__(self, max_gap: timedelta = MAX_GAP) -> None:
        self.max_gap = max_gap
        self._acknowledged_at: datetime | None = None

    @classmethod
    def for_grace(cls, grace: timedelta) -> Self:
        """Return a heartbeat that detects outages of a quarter of ``grace``."""
        return cls(min(MAX_GAP, max(MIN_GAP, grace / 4)))

    @property
    def interval(self) -> float:
        """Seconds between two calls of ``beat``."""
        return self.max_gap.total_seconds() * 0.4

    async def beat(self) -> None:
        """Write once, and record an outage if the last acknowledged write is too long ago."""
        start = time.monotonic()
        stored = await self._write(
            [
                {
                    "$set": {
                        "written_at": "$$NOW",
                        "acknowledged_at": {
                            # The clock of a member may have been ahead, so at most now.
                            "$max": [{"$min": ["$acknowledged_at", "$$NOW"]}, self._acknowledged_at]
                        },
                    }
                }
            ]
        )
        now = cast("datetime", stored["written_at"])
        last = self._acknowledged_at or stored["acknowledged_at"] or now
        if now - last > self.max_gap:
            await self._write(_record_outage(last, now, self.max_gap))
        # The acknowledgement that has just arrived ends the gap.
        self._acknowledged_at = now + timedelta(seconds=time.monotonic() - start)

    async def outage_since(self, moment: datetime) -> timedelta:
        """Return the total length of the outages between a moment and now."""
        # An outage that has just ended may not be recorded yet.
        await self.beat()
        with translate_driver_errors():
            found = await MetaDocument.get_pymongo_collection().find_one(HEARTBEAT)
        stored = cast("Mapping[str, Any]", found)
        now = stored["written_at"]
        lengths = (
            min(outage["to"], now) - max(outage["from"], moment)
            for outage in stored.get("outages", [])
        )
        return sum((length for length in lengths if length > timedelta()), timedelta())

    @staticmethod
    async def _write(update: list[dict[str, Any]]) -> Mapping[str, Any]:
        # PyMongo's collection, because one atomic command writes and returns the document.
        with translate_driver_errors(writing=MetaDocument):
            return cast(
                "Mapping[str, Any]",
                await MetaDocument.get_pymongo_collection().find_one_and_update(
                    HEARTBEAT,
                    update,
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                    comment=BACKGROUND,
                ),
            )


def _record_outage(start: datetime, end: datetime, max_gap: timedelta) -> list[dict[str, Any]]:
    """Return the update that records the part of an outage that no other server has recorded."""
    outages = {"$ifNull": ["$outages", []]}
    ends = {
        "$filter": {"input": {"$ifNull": ["$outages.to", []]}, "cond": {"$lte": ["$$this", end]}}
    }
    unrecorded = {"$max": [start, {"$max": ends}]}
    is_new = {"$gt": [{"$subtract": [end, unrecorded]}, max_gap // timedelta(milliseconds=1)]}
    added = {"$concatArrays": [outages, [{"from": unrecorded, "to": end}]]}
    kept = {"$cond": [is_new, {"$slice": [added, -MAX_OUTAGES]}, outages]}
    return [{"$set": {"outages": kept}}]
