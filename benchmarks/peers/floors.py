"""Floors: the least work that does the same, as the documentation of each library shows it."""

import asyncio
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import bcrypt
import uvloop
from bson import ObjectId
from pymongo import AsyncMongoClient, ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection

from benchmarks.measurements import percentiles

PASSWORD = b"correct horse battery staple"
MAX_SECONDS_OF_LOGINS = 60


def raw_bcrypt(rounds: int, _mongo_uri: str, count: float) -> dict[str, float]:
    """Verify a password on every core, until so many are counted or the time is over."""
    stored = bcrypt.hashpw(PASSWORD, bcrypt.gensalt(rounds))
    # bcrypt releases the GIL.
    threads = len(os.sched_getaffinity(0))
    began = time.perf_counter()

    def rate(_thread: int) -> float:
        hashes, thread_began = 0, time.perf_counter()
        while hashes < count / threads and time.perf_counter() - began < MAX_SECONDS_OF_LOGINS:
            bcrypt.checkpw(PASSWORD, stored)
            hashes += 1
        return hashes / (time.perf_counter() - thread_began)

    with ThreadPoolExecutor(threads) as pool:
        return {"per second": sum(pool.map(rate, range(threads)))}


def bare_refreshes(concurrency: int, mongo_uri: str, seconds: float) -> dict[str, float]:
    """Rotate tokens by one ``find_one_and_update`` each, with the write concern of graphql-auth."""
    return uvloop.run(_bare_refreshes(concurrency, mongo_uri, seconds))


async def _bare_refreshes(concurrency: int, mongo_uri: str, seconds: float) -> dict[str, float]:
    async with AsyncMongoClient[dict[str, Any]](mongo_uri, w="majority", journal=True) as client:
        sessions = client["bare"]["sessions"]
        began = time.perf_counter()
        loops = [_refresh(sessions, began + seconds) for _ in range(concurrency)]
        times = [one for times in await asyncio.gather(*loops) for one in times]
        rate = len(times) / (time.perf_counter() - began)
        await sessions.drop()
    return {"per second": rate, **percentiles(times)}


async def _refresh(sessions: AsyncCollection[dict[str, Any]], deadline: float) -> list[float]:
    session_id, current, times = ObjectId(), secrets.token_bytes(32), []
    await sessions.insert_one({"_id": session_id, "current": current})
    while (began := time.perf_counter()) < deadline:
        successor = secrets.token_bytes(32)
        found = await sessions.find_one_and_update(
            {"_id": session_id, "current": current},
            {"$set": {"current": successor, "rotated_at": datetime.now(UTC)}},
            return_document=ReturnDocument.AFTER,
        )
        if found is None:
            raise ValueError("a session was not found by its current token")
        current = successor
        times.append(time.perf_counter() - began)
    return times
