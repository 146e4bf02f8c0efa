"""Where hashes are computed: threads of the lowest priority behind a bounded queue."""

import asyncio
import heapq
import itertools
import math
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from enum import IntEnum
from typing import Any, TypeVar

from graphql_auth.errors import Unavailable

LONGEST_QUEUE = 100
LOWEST_PRIORITY = 19

T = TypeVar("T")


class Turn(IntEnum):
    """Who goes first: those who have shown before who they are."""

    KNOWN = 0
    STRANGER = 1


class HashQueue:
    """Runs work on ``threads`` threads, while at most ``waiting`` more calls wait their turn.

    The threads have the lowest priority of the operating system, so that the event loop gets a
    core whenever it wants one: a login storm slows logins down, and nothing else. Known devices
    have a queue of their own, as long as that of strangers, and go before them.
    """

    def __init__(self, threads: int, waiting: int = LONGEST_QUEUE) -> None:
        self._threads = threads
        self._room = threads + waiting
        self._pending: Counter[Turn] = Counter()
        self._seconds_each = 0.1
        self._heap: list[tuple[Turn, int, Callable[[], Any], Future[Any]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        self._workers = [
            threading.Thread(target=self._work, name=f"hash_{number}", daemon=True)
            for number in range(threads)
        ]
        for worker in self._workers:
            worker.start()

    async def run(self, work: Callable[[], T], turn: Turn = Turn.STRANGER) -> T:
        """Return what ``work`` returns; whoever gives up waiting leaves the queue.

        Raises Unavailable at once when the queue is full, with the seconds until all that wait
        will have had their turn.
        """
        if self._pending[turn] >= self._room:
            raise Unavailable(retry_after=self._seconds_until_done())
        self._pending[turn] += 1
        try:
            return await asyncio.wrap_future(self._enqueued(work, turn))
        finally:
            self._pending[turn] -= 1

    def close(self) -> None:
        """End the threads; what has not begun is given up."""
        with self._changed:
            self._closed = True
            for *_, future in self._heap:
                future.cancel()
            self._heap.clear()
            self._changed.notify_all()
        for worker in self._workers:
            worker.join()

    def _enqueued(self, work: Callable[[], T], turn: Turn) -> Future[T]:
        future: Future[T] = Future()
        with self._changed:
            heapq.heappush(self._heap, (turn, next(self._order), work, future))
            self._changed.notify()
        return future

    def _work(self) -> None:
        _lower_priority()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._heap or self._closed)
                if self._closed:
                    return
                _, _, work, future = heapq.heappop(self._heap)
            if future.set_running_or_notify_cancel():
                self._finish(work, future)

    def _finish(self, work: Callable[[], Any], future: Future[Any]) -> None:
        start = time.perf_counter()
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - it is the caller's, and reaches them
            future.set_exception(error)
        else:
            self._seconds_each = time.perf_counter() - start
            future.set_result(result)

    def _seconds_until_done(self) -> int:
        return max(1, math.ceil(self._pending.total() * self._seconds_each / self._threads))


def _lower_priority() -> None:
    # On Linux a priority belongs to a thread, by its kernel id; elsewhere to a process.
    if sys.platform != "linux":  # pragma: no cover - the tests run on Linux
        return
    thread = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, thread, LOWEST_PRIORITY)
    # sched(7): such a thread gives its core up at once to any other; of the lowest priority alone,
    # it first runs on for some milliseconds.
    os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))
