"""Processes of a run: none outlives it, and what they take of memory."""

import contextlib
import functools
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from graphql_auth.runtime.process import die_with_parent

SECONDS_TO_STOP = 20.0
KILOBYTES_A_MEGABYTE = 1000
# What a program needs to run at all; no setting of whoever measures reaches a contender.
KEPT = {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "PYENV_ROOT", "TMPDIR"}


@contextmanager
def running(
    command: list[str], environment: Mapping[str, str], directory: Path, log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a process in a session of its own, and end it and all that it started."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT}
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command,
            cwd=directory,
            env=kept | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C reaches the benchmark only, which then ends them in order.
            start_new_session=True,
            # Safe: no other thread of a benchmark runs while it starts processes.
            preexec_fn=functools.partial(die_with_parent, os.getpid()),  # noqa: PLW1509
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    # The session is its own, so that this reaches its children, and nobody else.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def tree(pid: int) -> list[int]:
    """Return the ids of a process and of all that descend from it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, task.read_text(encoding="ascii").split())
    return found


def seconds_of_work(pids: list[int]) -> float:
    """Return how much time processes have had on a core, all together."""
    return sum(map(_ticks, pids)) / os.sysconf("SC_CLK_TCK")


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0
    # proc(5): utime and stime, the 14th and 15th field; the first two stand before the bracket.
    return int(fields[11]) + int(fields[12])


def resident_megabytes(pids: list[int]) -> float:
    """Return how much memory processes hold, all together."""
    return sum(map(_resident_kilobytes, pids)) / KILOBYTES_A_MEGABYTE


def _resident_kilobytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    return int(status.partition("VmRSS:")[2].split()[0])
