"""Computes password hashes on low-priority threads, behind a bounded priority queue."""

import asyncio
import contextlib
import itertools
import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from enum import IntEnum
from queue import Empty, PriorityQueue
from typing import Any, TypeVar

from graphql_auth.errors import StartError, Unavailable
from graphql_auth.runtime.linux import lower_thread_priority

MAX_WAITING = 100
NO_THREADS = (
    "The system refuses to start more threads, and passwords are hashed on them;"
    " raise the limit (ulimit -u, TasksMax= of systemd, --pids-limit of a container)."
)

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Priority(IntEnum):
    """Trusted devices first: those that have signed in before."""

    TRUSTED_DEVICE = 0
    DEFAULT = 1


# The number decides between two of the same priority, so that work is never compared.
_Entry = tuple[Priority, int, Callable[[], Any], Future[Any]]


class HashQueue:
    """Runs work on ``threads`` threads, while at most ``max_waiting`` calls of a priority wait.

    The threads have the lowest priority of the operating system, so that the event loop gets a
    core whenever it needs one: many logins at once slow down logins only.
    """

    def __init__(self, threads: int, max_waiting: int = MAX_WAITING) -> None:
        self._threads = threads
        self._max_pending = threads + max_waiting
        # The calls that wait or run.
        self.pending: Counter[Priority] = Counter()
        self._waiting: PriorityQueue[_Entry] = PriorityQueue()
        self._order = itertools.count()
        self._seconds_each = 0.1
        self._is_draining = False
        self._executor = self._create_executor()

    def start(self) -> None:
        """Start the threads; raises StartError when the system refuses."""
        if self._is_draining:
            self._is_draining, self._executor = False, self._create_executor()
        # The executor starts a thread for each job, as long as no thread is idle.
        barrier = threading.Barrier(self._threads)
        try:
            for _ in range(self._threads):
                self._executor.submit(barrier.wait)
        except RuntimeError:
            barrier.abort()
            self.close()
            raise StartError(NO_THREADS) from None

    def close(self) -> None:
        """End the threads, each after its present work."""
        self.drain()
        self._executor.shutdown(wait=False)

    def drain(self) -> None:
        """Refuse all waiting and new calls; work in progress is completed."""
        self._is_draining = True
        with contextlib.suppress(Empty):
            while True:
                *_, future = self._waiting.get_nowait()
                if future.set_running_or_notify_cancel():
                    future.set_exception(Unavailable(retry_after=1))

    async def run(self, work: Callable[[], T], priority: Priority = Priority.DEFAULT) -> T:
        """Return what ``work`` returns; a call that is cancelled leaves the queue.

        Raises Unavailable when the server ends, and at once when the queue is full. Then it has the
        seconds until all waiting calls will be done.
        """
        if self._is_draining:
            raise Unavailable(retry_after=1)
        if self.pending[priority] >= self._max_pending:
            raise Unavailable(retry_after=self._seconds_until_done())
        self.pending[priority] += 1
        future: Future[T] = Future()
        self._waiting.put((priority, next(self._order), work, future))
        # For each call a thread takes the next one, whichever it is then.
        self._executor.submit(self._work)
        try:
            return await asyncio.wrap_future(future)
        finally:
            self.pending[priority] -= 1

    def _create_executor(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads, "hash", _lower_priority, (threading.Lock(),))

    def _work(self) -> None:
        try:
            _, _, work, future = self._waiting.get_nowait()
        except Empty:
            return
        if not future.set_running_or_notify_cancel():
            return
        start = time.perf_counter()
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - the caller gets it
            future.set_exception(error)
        else:
            self._seconds_each = time.perf_counter() - start
            future.set_result(result)

    def _seconds_until_done(self) -> int:
        return max(1, math.ceil(self.pending.total() * self._seconds_each / self._threads))


def _lower_priority(first_warning: threading.Lock) -> None:
    try:
        lower_thread_priority()
    except OSError as error:
        # seccomp refuses it, as under SystemCallFilter=~@resources of systemd, or gVisor.
        if first_warning.acquire(blocking=False):
            logger.warning(
                "the system does not let hash threads run at the lowest priority (%s):"
                " many logins at once slow other requests down",
                error.strerror,
            )
