"""A million live revocations: what they take of a process, and what a check costs.

Run: .venv/bin/python -m benchmarks.revocations [how many]
"""

import asyncio
import random
import secrets
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from graphql_auth.embedded_mongo.data_directory import lock_data_directory
from graphql_auth.embedded_mongo.mongod import run_mongod
from graphql_auth.errors import Unauthenticated
from graphql_auth.mongo.client import connect
from graphql_auth.mongo.clock import DatabaseClock
from graphql_auth.sessions.document import SessionDocument
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.sessions.revocations import Revocations

BATCH = 20_000
CHECKS = 100_000
LIFETIME = timedelta(hours=2)


def main() -> None:
    """Measure, and print."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with (
        tempfile.TemporaryDirectory() as directory,
        lock_data_directory(Path(directory)) as data,
        run_mongod(data) as mongod,
    ):
        mongod.wait_until_ready()
        asyncio.run(_measure(mongod.uri, many))


async def _measure(uri: str, many: int) -> None:
    async with connect(uri):
        collection = SessionDocument.get_pymongo_collection()
        known = await _fill(collection, many)
        revocations = Revocations(SessionRepository(), DatabaseClock(), LIFETIME, LIFETIME)
        before, began = _resident_megabytes(), time.perf_counter()
        await revocations.poll()
        print(f"learned at the start     {time.perf_counter() - began:8.1f} s")
        print(f"resident memory          {_resident_megabytes() - before:8.1f} MB more")
        began = time.perf_counter()
        await revocations.poll()
        print(f"each look after that     {(time.perf_counter() - began) * 1e3:8.1f} ms")
        strangers = [str(ObjectId()) for _ in range(1000)]
        print(f"a check that lets pass   {_microseconds(revocations, strangers):8.2f} µs")
        print(f"a check that refuses     {_microseconds(revocations, known):8.2f} µs")


async def _fill(collection: AsyncCollection[dict[str, object]], many: int) -> list[str]:
    now = datetime.now(UTC)
    known: list[str] = []
    for start in range(0, many, BATCH):
        batch = [_ended(now, random.random()) for _ in range(BATCH)]  # noqa: S311
        await collection.insert_many(batch, ordered=False)
        known = [str(one["_id"]) for one in batch[:1000]]
        print(f"\r{start + BATCH:,} of {many:,} sessions stored", end="", flush=True)
    print()
    return known


def _ended(now: datetime, share: float) -> dict[str, object]:
    """Return a session that ended within the lifetime of its tokens, at a share of it."""
    ended_at = now - LIFETIME * (1 - share) - timedelta(minutes=1)
    began = ended_at - timedelta(days=1)
    return {
        "_id": ObjectId(),
        "user_id": ObjectId(),
        "password_changes": 0,
        "last_used_at": began,
        "expires_at": ended_at + LIFETIME * 1.1,
        "ends_at": began + timedelta(days=90),
        "access_until": ended_at + LIFETIME,
        "ended_at": ended_at,
        "ip_address": "192.0.2.1",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "family": secrets.token_bytes(32),
        "current": secrets.token_bytes(32),
        "previous": secrets.token_bytes(32),
        "salt": secrets.token_bytes(32),
        "rotated_at": began,
    }


def _microseconds(revocations: Revocations, session_ids: list[str]) -> float:
    rounds = CHECKS // len(session_ids)
    began = time.perf_counter()
    for _ in range(rounds):
        for session_id in session_ids:
            try:
                revocations.check(session_id)
            except Unauthenticated:
                continue
    return (time.perf_counter() - began) / (rounds * len(session_ids)) * 1e6


def _resident_megabytes() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1000


if __name__ == "__main__":
    main()
