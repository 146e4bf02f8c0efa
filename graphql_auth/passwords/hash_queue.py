"""Computes password hashes on low-priority threads, behind a bounded queue that is fair."""

import asyncio
import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from enum import IntEnum
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


_Calls = dict[Future[Any], Callable[[], Any]]


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
        # The calls that wait, by network. The first network has the next turn.
        self._waiting: dict[Priority, dict[str, _Calls]] = {priority: {} for priority in Priority}
        self._lock = threading.Lock()
        self._taken = 0
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
        while call := self._take():
            _refuse(call[0], 1)

    async def run(
        self, work: Callable[[], T], priority: Priority = Priority.DEFAULT, network: str = ""
    ) -> T:
        """Return what ``work`` returns; a call that is cancelled leaves the queue.

        Raises Unavailable when the server ends, and when the queue is full. Then it has the seconds
        until all waiting calls will be done.
        """
        if self._is_draining:
            raise Unavailable(retry_after=1)
        owner, networks = (priority, network), self._waiting[priority]
        pending = sum(count for (other, _), count in self.pending.items() if other is priority)
        if pending >= self._max_pending and not self._displace(priority, network):
            raise Unavailable(retry_after=self._seconds_until_done())
        self.pending[owner] += 1
        future: Future[T] = Future()
        with self._lock:
            networks.setdefault(network, {})[future] = work
        # For each call a thread takes the next one, whichever it is then.
        self._executor.submit(self._work)
        try:
            return await asyncio.wrap_future(future)
        finally:
            self.pending -= Counter([owner])
            with self._lock:
                # It still waits if it was cancelled.
                if networks.get(network, {}).pop(future, None) and not networks[network]:
                    del networks[network]

    def _create_executor(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads, "hash", _lower_priority, (threading.Lock(),))

    def _work(self) -> None:
        call = self._take()
        if call is None or not call[0].set_running_or_notify_cancel():
            return
        future, work = call
        start = time.perf_counter()
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - the caller gets it
            future.set_exception(error)
        else:
            self._seconds_each = time.perf_counter() - start
            future.set_result(result)

    def _take(self) -> tuple[Future[Any], Callable[[], Any]] | None:
        with self._lock:
            self._taken += 1
            for priority in sorted(Priority, reverse=self._taken % SHARE == 0):
                if networks := self._waiting[priority]:
                    network = next(iter(networks))
                    calls = networks.pop(network)
                    future = next(iter(calls))
                    work = calls.pop(future)
                    if calls:
                        networks[network] = calls
                    return future, work
        return None

    def _displace(self, priority: Priority, network: str) -> bool:
        """Refuse a call of the network with the most, if it has more than ``network`` will have."""
        with self._lock:
            most = max(self._waiting[priority].values(), key=len, default={})
            if len(most) <= self.pending[priority, network] + 1:
                return False
            future, _ = most.popitem()
        _refuse(future, self._seconds_until_done())
        return True

    def _seconds_until_done(self) -> int:
        return max(1, math.ceil(self.pending.total() * self._seconds_each / self._threads))


def _refuse(future: Future[Any], retry_after: int) -> None:
    # Its caller may cancel it at this moment.
    with suppress(InvalidStateError):
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
