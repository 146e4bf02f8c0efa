"""The signals that ask a process to end, SIGINT and SIGTERM. None of them is lost.

An exception that a handler raises can get lost: in a destructor Python prints it and goes on, and
some libraries catch everything. So the handler only notes the signal, and the program checks for
it where it can end cleanly.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

logger = logging.getLogger(__name__)

HANDLED = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """A signal came before the work was done."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class StopSignals:
    """The signals that this process has got since ``install``."""

    def __init__(self, *, is_supervised: bool = False) -> None:
        self._is_supervised = is_supervised
        self._received: list[int] = []
        self._callback: Callable[[], object] | None = None

    def install(self, *others: signal.Signals) -> dict[int, Any]:
        """Note these signals too from now on, and return the previous handlers."""
        numbers = (*HANDLED, *others)
        previous: dict[int, Any] = {number: signal.signal(number, self.note) for number in numbers}
        # The supervisor blocks them while it starts a worker.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        return previous

    @contextmanager
    def install_temporarily(self) -> Iterator[None]:
        """Note the signals in the block, and raise them again after it."""
        previous = self.install()
        if previous[signal.SIGINT] is signal.SIG_IGN:
            # In the background of a script, Ctrl-C is for others.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            for number in self._received:
                signal.raise_signal(number)

    @property
    def has_come(self) -> bool:
        return bool(self._received)

    @property
    def allows_delay(self) -> bool:
        """Whether load balancers get time to notice: after one SIGTERM, and nothing else."""
        # Some programs send it to a supervisor and also to its workers.
        is_repeated = len(self._received) > 1 and not self._is_supervised
        return {*self._received} == {signal.SIGTERM} and not is_repeated

    @property
    def is_urgent(self) -> bool:
        """Whether Ctrl-C was pressed again: end without waiting for requests."""
        return self._received.count(signal.SIGINT) > 1 or signal.SIGQUIT in self._received

    def check(self) -> None:
        """Raise Stopped if a signal has come."""
        if self._received:
            raise Stopped(self._received[0])

    def log_stop(self) -> None:
        if not self._is_supervised:
            logger.info("%s: the server stops", signal.Signals(self._received[0]).name)

    def pause(self, seconds: float) -> None:
        """Sleep; raises Stopped if a signal has come."""
        time.sleep(seconds)
        self.check()

    @contextmanager
    def on_signal(self, callback: Callable[[], object]) -> Iterator[None]:
        """Call ``callback`` for each signal in the block, and at once if one has come before."""
        self._callback = callback
        try:
            if self._received:
                callback()
            yield
        finally:
            self._callback = None

    def note(self, number: int, _frame: FrameType | None) -> None:
        self._received.append(number)
        if self._callback is not None:
            self._callback()


def end_process(status: int) -> NoReturn:
    """End this process with an exit status, which no later signal changes."""
    for number in HANDLED:
        signal.signal(number, signal.SIG_IGN)
    if threading.active_count() > 1:
        # Python would wait for a DNS look-up. A thread in bcrypt that returns to a Python that has
        # ended aborts the process.
        sys.stdout.flush()
        os._exit(status)
    sys.exit(status)


@contextmanager
def block_signals() -> Iterator[None]:
    """Block the signals; a process that is started in the block gets them when it unblocks them."""
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)
