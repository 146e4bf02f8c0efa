"""A floor for refreshes: one ``find_one_and_update`` each, as PyMongo's documentation shows it.

A write waits for the journal of a majority, as those of graphql-auth do (graphql_auth/storage).

Run: MONGO_URI=mongodb://… .venv/bin/python -m benchmarks.peers.bare_refresh CONCURRENCY SECONDS
"""

import asyncio
import json
import os
import secrets
import statistics
import sys
import time
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo import AsyncMongoClient, ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection

Sessions = AsyncCollection[dict[str, Any]]


def main() -> None:
    """Refresh in so many loops at once for so long, and print the rate and the times as JSON."""
    concurrency, seconds = int(sys.argv[1]), float(sys.argv[2])
    print(json.dumps(asyncio.run(_measured(os.environ["MONGO_URI"], concurrency, seconds))))


async def _measured(uri: str, concurrency: int, seconds: float) -> dict[str, float]:
    async with AsyncMongoClient[dict[str, Any]](uri, w="majority", journal=True) as client:
        sessions = client.get_default_database()["bare_sessions"]
        try:
            began = time.perf_counter()
            loops = [_refreshes(sessions, began + seconds) for _ in range(concurrency)]
            taken = sorted(one for times in await asyncio.gather(*loops) for one in times)
            elapsed = time.perf_counter() - began
        finally:
            await sessions.drop()
    return {
        "refreshes_per_second": len(taken) / elapsed,
        "p50_ms": statistics.median(taken) * 1e3,
        "p99_ms": taken[int(len(taken) * 0.99)] * 1e3,
        "concurrency": concurrency,
        "seconds": seconds,
    }


async def _refreshes(sessions: Sessions, deadline: float) -> list[float]:
    """Replace the token of a session of its own again and again, and return how long each took."""
    session_id, current = ObjectId(), secrets.token_bytes(32)
    await sessions.insert_one({"_id": session_id, "current": current})
    taken = []
    while (began := time.perf_counter()) < deadline:
        successor = secrets.token_bytes(32)
        found = await sessions.find_one_and_update(
            {"_id": session_id, "current": current},
            {"$set": {"current": successor, "rotated_at": datetime.now(UTC)}},
            return_document=ReturnDocument.AFTER,
        )
        if found is None:
            raise SystemExit("a session was not found by its current token")
        current = successor
        taken.append(time.perf_counter() - began)
    return taken


if __name__ == "__main__":
    main()
