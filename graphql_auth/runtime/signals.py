"""The signals that ask a process to end: SIGINT and SIGTERM. None of them is lost.

What a handler raises can get lost: Python prints what is raised in a destructor and goes on, and
some libraries catch everything. So the handler only notes the signal, and the program asks for it
where it can end cleanly.
"""

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

HANDLED = (signal.SIGINT, signal.SIGTERM)
SECONDS_BETWEEN_CANCELLATIONS = 1.0

T = TypeVar("T")


class Stopped(BaseException):
    """A signal asked for the end before the work was done."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class StopSignals:
    """The signals that this process has got since ``install``."""

    def __init__(self) -> None:
        self._received: list[int] = []
        self._callback: Callable[[], object] | None = None

    def install(self) -> dict[int, Any]:
        """Note the signals from now on, and return the handlers that were there before."""
        before: dict[int, Any] = {one: signal.signal(one, self.note) for one in HANDLED}
        # A parent can have blocked them; the supervisor does while it starts a worker.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        return before

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Note the signals for a while, and raise them again after it."""
        before = self.install()
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            for received in self._received:
                signal.raise_signal(received)

    @property
    def has_come(self) -> bool:
        """Whether the process is to end."""
        return bool(self._received)

    @property
    def is_urgent(self) -> bool:
        """Whether Ctrl-C was pressed again: end without waiting for requests."""
        return self._received.count(signal.SIGINT) > 1

    def check(self) -> None:
        """Raise Stopped when a signal has come."""
        if self._received:
            raise Stopped(self._received[0])

    def pause(self, seconds: float) -> None:
        """Sleep; raises Stopped when a signal has come."""
        time.sleep(seconds)
        self.check()

    @contextmanager
    def calling(self, callback: Callable[[], object]) -> Iterator[None]:
        """Call ``callback`` for each signal, and at once when one has come already."""
        before, self._callback = self._callback, callback
        try:
            if self._received:
                callback()
            yield
        finally:
            self._callback = before

    async def unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what ``work`` returns; a signal cancels it."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(work)

        def cancel() -> None:
            # More than once: PyMongo can lose a cancellation that comes together with an answer.
            if not task.done():
                task.cancel()
                loop.call_later(SECONDS_BETWEEN_CANCELLATIONS, cancel)

        with self.calling(lambda: loop.call_soon_threadsafe(cancel)):
            return await task

    def note(self, number: int, _frame: FrameType | None) -> None:
        """Note a signal, as the handler of it."""
        self._received.append(number)
        if self._callback is not None:
            self._callback()


@contextmanager
def blocked() -> Iterator[None]:
    """Hold the signals back; a process that is started meanwhile gets them when it unblocks."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
