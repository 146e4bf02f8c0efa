"""Run a command of the command line again and again, and kill it before each line of its code.

    python crash.py DIRECTORY COPIES COMMAND …

Each crash leaves DIRECTORY as it is. It is moved into COPIES, and made as it was before.
"""

import os
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import graphql_auth
from graphql_auth.cli.main import run

PACKAGE = Path(graphql_auth.__file__).parent
TRACED = tuple(f"{PACKAGE / name}/" for name in ("cli", "tokens"))
MOST_LINES = 2_000


class Killer:
    """A trace function that kills the process before a line of the package."""

    def __init__(self, lines: int) -> None:
        self._left = lines

    def __call__(self, frame: FrameType, event: str, _: Any) -> "Killer | None":
        if not frame.f_code.co_filename.startswith(TRACED):
            return None
        if event == "line":
            self._left -= 1
            if self._left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


def is_killed(lines: int, arguments: list[str]) -> bool:
    """Run the command in a separate process, and kill that after so many lines."""
    if pid := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    sys.settrace(Killer(lines))
    try:
        run(arguments)
    finally:
        os._exit(0)


def main() -> None:
    directory, copies, *arguments = sys.argv[1:]
    before = Path(copies) / "before"
    shutil.copytree(directory, before)
    # It imports what the command needs, so that each of the processes takes milliseconds.
    run(["keys", "list"])
    for lines in range(MOST_LINES):
        was_killed = is_killed(lines, arguments)
        shutil.move(directory, Path(copies) / str(lines))
        shutil.copytree(before, directory)
        if not was_killed:
            return
    raise AssertionError(f"The command has more than {MOST_LINES} lines.")


if __name__ == "__main__":
    main()
