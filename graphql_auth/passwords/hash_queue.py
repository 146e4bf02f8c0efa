"""Where hashes are computed: threads of the lowest priority behind a bounded queue."""

import asyncio
import contextlib
import itertools
import logging
import math
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from enum import IntEnum
from queue import Empty, PriorityQueue
from typing import Any, TypeVar, cast

from graphql_auth.errors import StartError, Unavailable

LONGEST_QUEUE = 100
LOWEST_PRIORITY = 19
NO_THREADS = (
    "The system refuses to start more threads, and passwords are hashed on them;"
    " raise the limit (ulimit -u, TasksMax= of systemd, --pids-limit of a container)."
)

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Priority(IntEnum):
    """Who goes first: those who have shown before who they are."""

    TRUSTED_DEVICE = 0
    DEFAULT = 1


# The number decides between two of the same turn, so that work is never compared.
_Entry = tuple[Priority, int, Callable[[], Any] | None, Future[Any]]


class HashQueue:
    """Runs work on ``threads`` threads, while at most ``waiting`` more calls wait their turn.

    The threads have the lowest priority of the operating system, so that the event loop gets a
    core whenever it wants one: a login storm slows logins down, and nothing else. Known devices
    have a queue of their own, as long as that of strangers, and go before them.

    Raises StartError when the system refuses to start threads.
    """

    def __init__(self, threads: int, waiting: int = LONGEST_QUEUE) -> None:
        self._threads = threads
        self._room = threads + waiting
        self._pending: Counter[Priority] = Counter()
        self._seconds_each = 0.1
        self._queue: PriorityQueue[_Entry] = PriorityQueue()
        self._order = itertools.count()
        self._is_draining = False
        workers = [
            threading.Thread(target=self._work, name=f"hash_{number}", daemon=True)
            for number in range(threads)
        ]
        try:
            for worker in workers:
                worker.start()
        except RuntimeError:
            self.close()
            raise StartError(NO_THREADS) from None
        _lower_priority(workers)

    async def run(self, work: Callable[[], T], turn: Priority = Priority.DEFAULT) -> T:
        """Return what ``work`` returns; a call that is cancelled leaves the queue.

        Raises Unavailable at once when the queue is full, with the seconds until all that wait
        will have had their turn, and when the server ends.
        """
        if self._is_draining:
            raise Unavailable(retry_after=1)
        if self._pending[turn] >= self._room:
            raise Unavailable(retry_after=self._seconds_until_done())
        self._pending[turn] += 1
        future: Future[T] = Future()
        self._queue.put((turn, next(self._order), work, future))
        try:
            return await asyncio.wrap_future(future)
        finally:
            self._pending[turn] -= 1

    def drain(self) -> None:
        """Refuse all that waits and all that comes; what has begun goes on to its end."""
        self._is_draining = True
        with contextlib.suppress(Empty):
            while True:
                *_, future = self._queue.get_nowait()
                if future.set_running_or_notify_cancel():
                    future.set_exception(Unavailable(retry_after=1))

    def close(self) -> None:
        """End each thread after what it is at."""
        self.drain()
        for _ in range(self._threads):
            self._queue.put((Priority.DEFAULT, next(self._order), None, Future()))

    def _work(self) -> None:
        while True:
            _, _, work, future = self._queue.get()
            if work is None:
                return
            if future.set_running_or_notify_cancel():
                self._finish(work, future)

    def _finish(self, work: Callable[[], Any], future: Future[Any]) -> None:
        start = time.perf_counter()
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - the caller gets it, and the thread goes on
            future.set_exception(error)
        else:
            self._seconds_each = time.perf_counter() - start
            future.set_result(result)

    def _seconds_until_done(self) -> int:
        return max(1, math.ceil(self._pending.total() * self._seconds_each / self._threads))


def _lower_priority(threads: list[threading.Thread]) -> None:
    # On Linux a priority belongs to a thread, by its kernel id; elsewhere to a process.
    if sys.platform != "linux":  # pragma: no cover - the tests run on Linux
        return
    try:
        for thread in threads:
            native = cast("int", thread.native_id)
            os.setpriority(os.PRIO_PROCESS, native, LOWEST_PRIORITY)
            # sched(7): such a thread gives its core up at once to any other; of the lowest
            # priority alone, it first runs on for some milliseconds.
            os.sched_setscheduler(native, os.SCHED_IDLE, os.sched_param(0))
    except OSError as error:
        # seccomp refuses it, as under the SystemCallFilter=~@resources of systemd, or gVisor.
        logger.warning(
            "the system does not let hash threads run at the lowest priority (%s):"
            " many logins at once slow other requests down",
            error.strerror,
        )
