"""Starts several processes that share one listener, watches, replaces and ends them."""

import logging
import math
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from graphql_auth.errors import StartError
from graphql_auth.runtime.signals import StopSignals, block_signals
from graphql_auth.server.heartbeats import receive_heartbeat

if TYPE_CHECKING:
    from graphql_auth.operations.metrics import TotalMetrics

# The exit status of a worker that has logged why it cannot start.
CANNOT_START = 3

POLL_INTERVAL = 0.5
HEARTBEAT_TIMEOUT = 5.0
# Before the first heartbeat, for Python and its imports.
IMPORT_TIMEOUT = 60.0
# A worker needs at most 8 s for its requests, and half a second for the database.
STOP_TIMEOUT = 9.0
MIN_BACKOFF, MAX_BACKOFF = 1.0, 30.0
BACKOFF_RESET = 60.0

# It gets whether no other process is ready, too.
Work = Callable[[Connection, bool], object]

logger = logging.getLogger(__name__)
_spawn = multiprocessing.get_context("spawn")


class Worker:
    """A process that serves, and sends heartbeats through a pipe."""

    def __init__(self, work: Work, generation: int, *, is_alone: bool) -> None:
        self.generation = generation
        self.is_ready = False
        # As of its last heartbeat.
        self.metrics: list[Any] = []
        self.kill_at = math.inf
        self._silence, self._silence_limit = 0.0, IMPORT_TIMEOUT
        self.is_killed = False
        self._asked: set[signal.Signals] = set()
        self._heartbeats, theirs = _spawn.Pipe(duplex=False)
        self.process = _spawn.Process(target=work, args=[theirs, is_alone])
        # The worker gets the signals when it can note them, not in the middle of an import.
        with block_signals():
            self.process.start()
        self.pid = cast("int", self.process.pid)
        theirs.close()

    @property
    def has_ended(self) -> bool:
        return self.process.exitcode is not None

    @property
    def is_stopping(self) -> bool:
        return self.kill_at < math.inf

    def describe_end(self) -> str:
        status = self.process.exitcode or 0
        if self.is_killed:
            return "did not respond and was killed by SIGKILL"
        if status < 0:
            return f"was killed by {signal.Signals(-status).name}"
        return f"ended with exit status {status}"

    def check_heartbeats(self, elapsed: float) -> None:
        """Read the heartbeats, and kill the process when there are none for too long.

        ``elapsed`` is the time since the last check in which the supervisor itself ran.
        """
        self._silence += elapsed
        try:
            while self._heartbeats.poll():
                self.is_ready, self.metrics = receive_heartbeat(self._heartbeats)
                self._silence, self._silence_limit = 0.0, HEARTBEAT_TIMEOUT
        except (EOFError, OSError):
            # The process is ending.
            return
        if self._silence > self._silence_limit:
            self.kill()

    def terminate(self, number: signal.Signals, delay: float = 0.0) -> None:
        """Ask it to end: at SIGHUP without a delay, at SIGQUIT also without its requests."""
        if number in self._asked:
            return
        self._asked.add(number)
        self.kill_at = min(self.kill_at, time.monotonic() + delay + STOP_TIMEOUT)
        self.check_heartbeats(0)
        if self._silence_limit == IMPORT_TIMEOUT:
            self.process.kill()
        elif not self.has_ended:
            os.kill(self.pid, number)
            # A process that is stopped (SIGSTOP) gets SIGTERM only after SIGCONT.
            os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        self.is_killed = True
        self.process.kill()

    def close(self) -> None:
        self.process.join()
        self._heartbeats.close()


@dataclass(eq=False, repr=False)
class Supervisor:
    """Keeps ``number`` workers running until a signal comes.

    A worker that ends is replaced, with exponential backoff. SIGHUP and a changed file in ``code``
    replace all of them: each is asked to end when its successor is ready. With ``code``, one that
    cannot start is replaced after the next change. ``on_ready`` is called when the first worker is
    ready. ``metrics`` gets those of the workers.
    """

    work: Work
    number: int
    signals: StopSignals
    on_ready: Callable[[], object]
    code: Path | None = None
    shutdown_delay: float = 0.0
    metrics: "TotalMetrics | None" = None

    def __post_init__(self) -> None:
        self._file_times = _file_times(self.code)
        self._generation = 0
        self._workers: list[Worker] = []
        self._backoff = _Backoff()
        self._has_served = False
        self._woken, self._wake = os.pipe()

    def run(self, listener: socket.socket) -> None:
        """Supervise. Raises StartError when none of the first workers can start."""
        # The resource tracker unblocks signals when it starts. Start it now, not with a worker.
        resource_tracker.ensure_running()
        signal.signal(signal.SIGHUP, lambda *_: self._restart())
        last_check = time.monotonic()
        with self.signals.on_signal(lambda: os.write(self._wake, b".")):
            try:
                while not self.signals.has_come:
                    now = time.monotonic()
                    # While this process itself was stopped, it could read no heartbeat.
                    self._check_heartbeats(min(now - last_check, 2 * POLL_INTERVAL))
                    last_check = now
                    self._reap()
                    self._start_missing()
                    self._stop_outdated()
                    self._restart_after_changes()
                    self._wait()
                self.signals.log_stop()
            finally:
                # First, so that new connections are refused as soon as the workers close theirs.
                listener.close()
                self._stop_all()

    def _restart(self) -> None:
        self._generation += 1
        self._backoff = _Backoff()
        os.write(self._wake, b".")

    def _check_heartbeats(self, elapsed: float) -> None:
        for worker in self._running():
            was_ready = worker.is_ready
            worker.check_heartbeats(elapsed)
            if self.metrics:
                self.metrics.update(worker.pid, worker.metrics)
            if worker.is_ready and not was_ready:
                if not self._has_served:
                    self.on_ready()
                self._has_served = True
                logger.info("worker %s is ready", worker.pid)

    def _reap(self) -> None:
        """Remove the workers that have ended, and kill those that take too long to stop."""
        for worker in list(self._workers):
            if worker.has_ended:
                self._workers.remove(worker)
                worker.check_heartbeats(0)
                if self.metrics:
                    self.metrics.end(worker.pid, worker.metrics)
                worker.close()
                if not worker.is_stopping:
                    self._note_end(worker)
            elif time.monotonic() > worker.kill_at and not worker.is_killed:
                logger.warning("worker %s did not end and is killed by SIGKILL", worker.pid)
                worker.kill()

    def _note_end(self, worker: Worker) -> None:
        if worker.process.exitcode == CANNOT_START and not self._has_served:
            raise StartError("A worker cannot start; the line above says why.")
        if self.code and not worker.is_ready and worker.generation == self._generation:
            self._backoff = _Backoff(next_start=math.inf)
            when = "after the next change"
            when += "; until then, the code before it answers" if self._running() else ""
        else:
            pause = self._backoff.next_pause()
            when = f"in {pause:.0f} s" if pause else "now"
        if self.metrics:
            self.metrics.replaced_workers.inc()
        logger.warning(
            "worker %s %s; another one starts %s", worker.pid, worker.describe_end(), when
        )

    def _start_missing(self) -> None:
        """Start all workers at first, and later one at a time beside those it replaces."""
        while (
            sum(worker.generation == self._generation for worker in self._running()) < self.number
            and len(self._running()) <= self.number
            and self._backoff.allows_start
        ):
            is_alone = not any(worker.is_ready for worker in self._running())
            try:
                self._workers.append(Worker(self.work, self._generation, is_alone=is_alone))
            except OSError as error:
                reason = f"no worker can be started: {error.strerror}"
                if not self._has_served:
                    raise StartError(f"{reason}.") from None
                logger.warning("%s; trying again in %.0f s", reason, self._backoff.next_pause())

    def _stop_outdated(self) -> None:
        """Ask an outdated worker to end when another one is ready in its place."""
        running = self._running()
        outdated = [worker for worker in running if worker.generation < self._generation]
        if len(running) > self.number and all(
            worker.is_ready for worker in running if worker not in outdated
        ):
            # After two changes, the one between them is not ready, and the first one still serves.
            min(outdated, key=lambda worker: worker.is_ready).terminate(signal.SIGHUP)

    def _restart_after_changes(self) -> None:
        before, self._file_times = self._file_times, _file_times(self.code)
        if changed := before.items() ^ self._file_times.items():
            logger.warning("detected changes in %s; restarting", min(changed)[0])
            self._restart()

    def _running(self) -> list[Worker]:
        return [worker for worker in self._workers if not worker.is_stopping]

    def _wait(self) -> None:
        sentinels = (worker.process.sentinel for worker in self._workers)
        if self._woken in wait([self._woken, *sentinels], POLL_INTERVAL):
            os.read(self._woken, 4096)

    def _stop_all(self) -> None:
        while self._workers:
            for worker in self._workers:
                if self.signals.allows_delay:
                    worker.terminate(signal.SIGTERM, self.shutdown_delay)
                else:
                    worker.terminate(signal.SIGQUIT if self.signals.is_urgent else signal.SIGHUP)
            self._wait()
            self._reap()


class _Backoff:
    """Exponential backoff for the replacement of workers that have ended."""

    def __init__(self, next_start: float = 0.0) -> None:
        self._ends, self._last_end = 0, 0.0
        self._next_start = next_start

    @property
    def allows_start(self) -> bool:
        return time.monotonic() >= self._next_start

    def next_pause(self) -> float:
        """Note that a worker has ended, and return the seconds until the next start."""
        now = time.monotonic()
        if now - self._last_end > BACKOFF_RESET:
            self._ends = 0
        pause = min(MAX_BACKOFF, MIN_BACKOFF * 2 ** (self._ends - 1)) if self._ends else 0.0
        self._ends += 1
        self._last_end, self._next_start = now, now + pause
        return pause


def _file_times(directory: Path | None) -> dict[Path, int]:
    """Return when each Python file in a directory was last changed."""
    times: dict[Path, int] = {}
    for folder, folders, names in os.walk(directory) if directory else ():
        # Not virtual environments, whose thousands of files would take half a core.
        folders[:] = {one for one in folders if one[0] != "."} - {"node_modules", "site-packages"}
        for file in (Path(folder, name) for name in names if name.endswith(".py")):
            # An editor can be replacing it, or links to nothing.
            with suppress(OSError):
                times[file] = file.stat().st_mtime_ns
    return times
