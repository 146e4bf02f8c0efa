"""Computes password hashes on low-priority threads, behind a bounded queue that is fair."""

import asyncio
import itertools
import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from enum import IntEnum
from heapq import heapify, heappop, heappush
from typing import Any, TypeVar

from graphql_auth.errors import StartError, Unavailable
from graphql_auth.runtime.linux import lower_thread_priority

MAX_WAITING = 100
# One of so many hashes is for an unknown device, if any waits.
SHARE = 4
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


# Its turn, and a number, so that work is never compared.
_Entry = tuple[int, int, Callable[[], Any], Future[Any]]


class HashQueue:
    """Runs work on ``threads`` threads, while at most ``max_waiting`` calls of a priority wait.

    The threads have the lowest priority of the operating system, so that the event loop gets a
    core whenever it needs one: many logins at once slow down logins only.

    Within a priority, networks take turns. When the queue is full, the network with the most calls
    gives up a place. So no client can block the others.
    """

    def __init__(self, threads: int, max_waiting: int = MAX_WAITING) -> None:
        self._threads = threads
        self._max_pending = threads + max_waiting
        # The calls that wait or run, by priority and network.
        self.pending: Counter[tuple[Priority, str]] = Counter()
        self._waiting: dict[Priority, list[_Entry]] = {priority: [] for priority in Priority}
        self._lock = threading.Lock()
        self._taken = 0
        # The turn of the last call that ran, and of the last one of each network that has any:
        # start-time fair queueing (Goyal, Vin and Cheng, 1996).
        self._turns = dict.fromkeys(Priority, 0)
        self._last: dict[tuple[Priority, str], int] = {}
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
        while entry := self._take():
            _refuse(entry, 1)

    async def run(
        self, work: Callable[[], T], priority: Priority = Priority.DEFAULT, network: str = ""
    ) -> T:
        """Return what ``work`` returns; a call that is cancelled leaves the queue.

        Raises Unavailable when the server ends, and when the queue is full. Then it has the seconds
        until all waiting calls will be done.
        """
        if self._is_draining:
            raise Unavailable(retry_after=1)
        owner, turn = (priority, network), self._turns[priority]
        if self.pending[owner]:
            turn = max(turn, self._last[owner] + 1)
        pending = sum(count for (other, _), count in self.pending.items() if other is priority)
        if pending >= self._max_pending and not self._displace(priority, turn):
            raise Unavailable(retry_after=self._seconds_until_done())
        self.pending[owner] += 1
        self._last[owner] = turn
        future: Future[T] = Future()
        with self._lock:
            heappush(self._waiting[priority], (turn, next(self._order), work, future))
        # For each call a thread takes the next one, whichever it is then.
        self._executor.submit(self._work)
        try:
            return await asyncio.wrap_future(future)
        finally:
            self.pending -= Counter([owner])
            if owner not in self.pending:
                del self._last[owner]

    def _create_executor(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads, "hash", _lower_priority, (threading.Lock(),))

    def _work(self) -> None:
        if (entry := self._take()) is None:
            return
        _, _, work, future = entry
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

    def _take(self) -> _Entry | None:
        with self._lock:
            self._taken += 1
            for priority in sorted(Priority, reverse=self._taken % SHARE == 0):
                if self._waiting[priority]:
                    entry = heappop(self._waiting[priority])
                    self._turns[priority] = entry[0]
                    return entry
        return None

    def _displace(self, priority: Priority, turn: int) -> bool:
        """Refuse the call with the latest turn, if it is later than ``turn``; return whether."""
        with self._lock:
            waiting = self._waiting[priority]
            # A call that was cancelled has given up its place already.
            waiting[:] = [entry for entry in waiting if not entry[-1].cancelled()]
            heapify(waiting)
            if not waiting or (last := max(waiting))[0] <= turn:
                return False
            waiting.remove(last)
            heapify(waiting)
        _refuse(last, self._seconds_until_done())
        return True

    def _seconds_until_done(self) -> int:
        return max(1, math.ceil(self.pending.total() * self._seconds_each / self._threads))


def _refuse(entry: _Entry, retry_after: int) -> None:
    *_, future = entry
    if future.set_running_or_notify_cancel():
        future.set_exception(Unavailable(retry_after))


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
