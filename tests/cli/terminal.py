"""Commands with something on standard input, or at a terminal."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.process import SECONDS_TO_START, environment

COMMAND = [sys.executable, "-m", "graphql_auth"]


def run_with_input(
    directory: Path, given: bytes, *arguments: str, **settings: str
) -> tuple[int, str, str]:
    """Run a command with a pipe as its input; return exit status, output and errors."""
    ended = subprocess.run(
        [*COMMAND, *arguments],
        cwd=directory,
        env=environment(**settings),
        input=given,
        capture_output=True,
        timeout=SECONDS_TO_START,
        check=False,
    )
    return ended.returncode, ended.stdout.decode(), ended.stderr.decode()


class Terminal:
    """A command at a separate terminal, and somebody who types."""

    def __init__(self, descriptor: int, process: subprocess.Popen[bytes]) -> None:
        self._descriptor = descriptor
        self._process = process
        self.shown = ""

    def wait_for(self, pattern: str) -> None:
        """Wait until the terminal shows something."""
        deadline = time.monotonic() + SECONDS_TO_START
        while not re.search(pattern, self.shown):
            assert time.monotonic() < deadline, self.shown
            self._read()

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode(errors="surrogateescape"))

    def wait(self) -> int:
        """Wait for the end of the command, and return its exit status."""
        while self._read():
            pass
        return self._process.wait(SECONDS_TO_START)

    def _read(self) -> bool:
        readable, _, _ = select.select([self._descriptor], [], [], SECONDS_TO_START)
        assert readable, self.shown
        try:
            read = os.read(self._descriptor, 4096)
        except OSError:
            # Linux says EIO when no process has the terminal any longer.
            return False
        self.shown += read.decode()
        return bool(read)


@contextmanager
def run_at_terminal(directory: Path, *arguments: str, **settings: str) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    # The leader of a session gets the terminal that it opens, for Ctrl-C and /dev/tty.
    opening = ["sh", "-c", 'exec "$@" <"$0"', os.ttyname(theirs)]
    try:
        process = subprocess.Popen(
            [*opening, *COMMAND, *arguments],
            cwd=directory,
            env=environment(**settings),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            # In the background of a script, Ctrl-C is ignored, and the child would inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )
        os.close(theirs)
        try:
            yield Terminal(ours, process)
        finally:
            process.kill()
            process.wait()
    finally:
        os.close(ours)
