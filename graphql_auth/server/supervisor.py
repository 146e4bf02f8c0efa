"""Several processes on one listener: started, watched, replaced, and ended together."""

import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path

from graphql_auth.errors import StartError
from graphql_auth.runtime.signals import StopSignals, blocked

# The exit status of a worker that said why it cannot start.
CANNOT_START = 3
STARTING, READY = b"starting", b"ready"

SECONDS_BETWEEN_ROUNDS = 0.5
SECONDS_OF_SILENCE = 5.0
# Before the first beat, for Python and its imports.
SECONDS_TO_IMPORT = 60.0
# A worker needs 8 s at the most for its requests, and half a second for the database.
SECONDS_TO_END = 9.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
SECONDS_UNTIL_FORGOTTEN = 60.0

Work = Callable[[Connection], object]

logger = logging.getLogger(__name__)
_spawn = multiprocessing.get_context("spawn")


class Worker:
    """A process that serves, and what it says through a pipe."""

    def __init__(self, work: Work, generation: int) -> None:
        self.generation = generation
        self.is_ready = False
        self._has_spoken = False
        self._silence = 0.0
        self._is_killed = False
        self.beats, theirs = _spawn.Pipe(duplex=False)
        self.process = _spawn.Process(target=work, args=[theirs])
        # The signals reach it when it can note them, and not in the middle of an import.
        with blocked():
            self.process.start()
        theirs.close()

    @property
    def pid(self) -> int | None:
        """The process id."""
        return self.process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self.process.exitcode is not None

    @property
    def end(self) -> str:
        """How it ended."""
        status = self.process.exitcode or 0
        if self._is_killed:
            return "did not respond and was killed by SIGKILL"
        if status < 0:
            return f"was killed by {signal.Signals(-status).name}"
        return f"ended with exit status {status}"

    def listen(self, seconds: float) -> None:
        """Take what it says; kill it when it has said nothing for too long.

        ``seconds`` have passed since the last call, in which this process ran.
        """
        self._silence += seconds
        try:
            while self.beats.poll():
                self.is_ready = self.beats.recv_bytes() == READY
                self._has_spoken, self._silence = True, 0.0
        except (EOFError, OSError):
            # It ends.
            return
        if self._silence > (SECONDS_OF_SILENCE if self._has_spoken else SECONDS_TO_IMPORT):
            self.kill()

    def terminate(self) -> None:
        """Ask it to end; one that has not begun ends at once."""
        self.listen(0)
        if not self._has_spoken:
            self.process.kill()
        elif not self.has_ended:
            self.process.terminate()
            # A process that is stopped (SIGSTOP) gets no other signal before this one.
            os.kill(self.process.pid or 0, signal.SIGCONT)

    def kill(self) -> None:
        """End it by force."""
        self._is_killed = True
        self.process.kill()

    def close(self) -> None:
        """Give back what an ended process leaves."""
        self.process.join()
        self.beats.close()


class Supervisor:
    """Keeps ``number`` workers at work until a signal comes.

    A worker that ends is replaced, with exponential backoff. SIGHUP and a change of the files
    replace all of them, each once its successor serves.
    """

    def __init__(
        self,
        work: Work,
        number: int,
        signals: StopSignals,
        changes: "FileChanges | None" = None,
    ) -> None:
        self._work = work
        self._number = number
        self._signals = signals
        self._changes = changes
        self._generation = 0
        self._workers: list[Worker] = []
        self._leaving: dict[Worker, float] = {}
        self._backoff = _Backoff()
        self._has_served = False
        self._woken, self._wake = os.pipe()

    def run(self, listener: socket.socket) -> None:
        """Supervise. Raises StartError when none of the first workers can start."""
        # It starts another process, and unblocks the signals that a worker is started without.
        resource_tracker.ensure_running()
        signal.signal(signal.SIGHUP, lambda *_: self._restart())
        try:
            with self._signals.calling(lambda: os.write(self._wake, b".")):
                self._supervise()
        finally:
            # First, so that new connections are refused as soon as the workers close theirs.
            listener.close()
            self._end()

    def _supervise(self) -> None:
        before = time.monotonic()
        while not self._signals.has_come:
            now = time.monotonic()
            # While this process itself was stopped, no worker could be heard.
            self._listen(min(now - before, 2 * SECONDS_BETWEEN_ROUNDS))
            before = now
            self._bury()
            self._start()
            self._retire()
            if self._changes is not None and (changed := self._changes.find()):
                logger.warning("detected changes in %s; restarting", changed)
                self._restart()
            self._wait()

    def _restart(self) -> None:
        self._generation += 1
        os.write(self._wake, b".")

    def _listen(self, seconds: float) -> None:
        for worker in self._workers:
            was_ready = worker.is_ready
            worker.listen(seconds)
            if worker.is_ready and not was_ready:
                logger.info("worker %s is ready", worker.pid)
                self._has_served = True

    def _bury(self) -> None:
        """Take leave of the workers that have ended, and of those that take too long to."""
        for worker in [worker for worker in self._workers if worker.has_ended]:
            self._workers.remove(worker)
            worker.close()
            if worker.process.exitcode == CANNOT_START and not self._has_served:
                raise StartError("A worker cannot start; the line above says why.")
            pause = self._backoff.next_pause()
            logger.warning(
                "worker %s %s; another one starts %s",
                worker.pid,
                worker.end,
                f"in {pause:.0f} s" if pause else "now",
            )
        for worker, deadline in list(self._leaving.items()):
            if worker.has_ended:
                worker.close()
                del self._leaving[worker]
            elif time.monotonic() > deadline:
                logger.warning("worker %s did not end and is killed by SIGKILL", worker.pid)
                worker.kill()

    def _start(self) -> None:
        """Start what is missing: all at first, and one at a time beside those that it replaces."""
        while (
            self._count_current() < self._number
            and len(self._workers) <= self._number
            and self._backoff.allows_start
        ):
            self._workers.append(Worker(self._work, self._generation))

    def _retire(self) -> None:
        """Ask an outdated worker to end once another one serves in its place."""
        outdated = [one for one in self._workers if one.generation < self._generation]
        current = [one for one in self._workers if one.generation == self._generation]
        if outdated and len(self._workers) > self._number and all(one.is_ready for one in current):
            self._workers.remove(outdated[0])
            self._leaving[outdated[0]] = time.monotonic() + SECONDS_TO_END
            outdated[0].terminate()

    def _count_current(self) -> int:
        return sum(worker.generation == self._generation for worker in self._workers)

    def _wait(self) -> None:
        everyone = [*self._workers, *self._leaving]
        ready = wait(
            [self._woken, *(one.process.sentinel for one in everyone)], SECONDS_BETWEEN_ROUNDS
        )
        if self._woken in ready:
            os.read(self._woken, 4096)

    def _end(self) -> None:
        deadline = time.monotonic() + SECONDS_TO_END
        everyone = [*self._workers, *self._leaving]
        for worker in everyone:
            worker.terminate()
        for worker in everyone:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            if not worker.has_ended:
                logger.warning("worker %s did not end and is killed by SIGKILL", worker.pid)
                worker.kill()
            worker.close()


class _Backoff:
    """Exponential backoff: how long to wait before a worker that has ended is replaced."""

    def __init__(self) -> None:
        self._ends = 0
        self._last_end = 0.0
        self._next_start = 0.0

    @property
    def allows_start(self) -> bool:
        return time.monotonic() >= self._next_start

    def next_pause(self) -> float:
        """Return the seconds until the next start, after one more worker has ended."""
        now = time.monotonic()
        if now - self._last_end > SECONDS_UNTIL_FORGOTTEN:
            self._ends = 0
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self._ends - 1)) if self._ends else 0.0
        self._ends += 1
        self._last_end = now
        self._next_start = now + pause
        return pause


class FileChanges:
    """The Python files in a directory, and whether one has changed since the last look."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen = self._times()

    def find(self) -> Path | None:
        """Return a file that has changed, or None."""
        before, self._seen = self._seen, self._times()
        changed = (file for file in self._seen if self._seen[file] != before.get(file))
        return next(changed, None)

    def _times(self) -> dict[Path, int]:
        found: dict[Path, int] = {}
        for file in self._directory.rglob("*.py"):
            try:
                found[file] = file.stat().st_mtime_ns
            except FileNotFoundError:  # pragma: no cover - an editor replaces it at this moment
                continue
        return found
