"""Where hashes are computed: threads of the lowest priority behind a bounded queue."""

import asyncio
import math
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from graphql_auth.errors import Unavailable

LONGEST_QUEUE = 100
LOWEST_PRIORITY = 19

T = TypeVar("T")


class HashQueue:
    """Runs work on ``threads`` threads, while at most ``waiting`` more calls wait their turn.

    The threads have the lowest priority of the operating system, so that the event loop gets a
    core whenever it wants one: a login storm slows logins down, and nothing else.
    """

    def __init__(self, threads: int, waiting: int = LONGEST_QUEUE) -> None:
        self._threads = threads
        self._room = threads + waiting
        self._pending = 0
        self._seconds_each = 0.1
        self._pool = ThreadPoolExecutor(threads, "hash", initializer=_lower_priority)

    async def run(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns; whoever gives up waiting leaves the queue.

        Raises Unavailable at once when the queue is full, with the seconds until all that wait
        will have had their turn.
        """
        if self._pending >= self._room:
            raise Unavailable(retry_after=self._seconds_until_done())
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._timed, work)
        finally:
            self._pending -= 1

    def close(self) -> None:
        """End the threads; what has not begun is given up."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _timed(self, work: Callable[[], T]) -> T:
        start = time.perf_counter()
        try:
            return work()
        finally:
            self._seconds_each = time.perf_counter() - start

    def _seconds_until_done(self) -> int:
        return max(1, math.ceil(self._pending * self._seconds_each / self._threads))


def _lower_priority() -> None:
    # On Linux a priority belongs to a thread, by its kernel id; elsewhere to a process.
    if sys.platform != "linux":  # pragma: no cover - the tests run on Linux
        return
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST_PRIORITY)
