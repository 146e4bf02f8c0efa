"""The files in which the processes of ``graphql-auth serve`` count, if METRICS_PORT is set.

prometheus-client adds them up (multiprocess mode). Their names have the smallest number that no
live process has, not the process id: so a worker continues the files of one that has ended.
"""

import fcntl
import functools
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING

from graphql_auth.errors import StartError

if TYPE_CHECKING:
    from graphql_auth.operations.metrics import Metrics

# prometheus-client reads it when it is imported.
DIRECTORY, PREFIX = "PROMETHEUS_MULTIPROC_DIR", "graphql-auth-metrics-"
COUNTER, GAUGES = "counter", ("gauge_livemax", "gauge_livemin", "gauge_livesum")
# Three times what our own fields can need. All of it is allocated at the start: a write to a mapped
# file for which the disk has no space kills the process (SIGBUS).
FILE_SIZE = 262_144


@contextmanager
def share_metrics(port: int | None) -> Iterator[None]:
    """Let this process and its children count, if there is a port. Raises StartError."""
    if port is None:
        yield
        return
    _remove_leftovers()
    with TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as path:
        os.environ[DIRECTORY] = path
        get_metrics(port)
        yield


@functools.cache
def get_metrics(port: int | None) -> "Metrics | None":
    """Return the metrics of this process, if there is a port. Raises StartError.

    For metrics that an application makes, call it before the application is imported.
    """
    if port is None:
        return None
    try:
        number = _create_files(Path(os.environ[DIRECTORY]))
    except OSError as error:
        raise StartError(
            f"METRICS_PORT needs space for temporary files: {error.strerror}."
            " Set TMPDIR to a directory that has some, or unset METRICS_PORT."
        ) from None
    from prometheus_client import values  # noqa: PLC0415 - see DIRECTORY

    values.ValueClass = values.MultiProcessValue(lambda: number)  # type: ignore[no-untyped-call]
    from graphql_auth.operations.metrics import Metrics  # noqa: PLC0415 - after the line above

    return Metrics(port)


def find_files() -> list[Path]:
    """Return the files to add up: no gauges of processes that have ended."""
    # A process that starts can have created a file, and not filled it yet.
    files = [path for path in Path(os.environ[DIRECTORY]).glob("*.db") if path.stat().st_size]
    ended: set[str] = set()
    for path in files:
        if path.name.startswith(COUNTER) and _has_ended(path):
            ended |= {path.name.replace(COUNTER, kind) for kind in GAUGES}
    return [path for path in files if path.name not in ended]


def _create_files(directory: Path) -> int:
    """Create the files of this process, or continue older ones, and return their number."""
    # A program that cleans /tmp can have removed it.
    directory.mkdir(mode=0o700, exist_ok=True)
    for number in itertools.count():  # pragma: no branch - it does not end
        # Open, and so locked, until the process ends.
        if _lock(directory / f"{COUNTER}_{number}.db") is not None:
            break
    for kind in (COUNTER, "histogram", *GAUGES):
        path = directory / f"{kind}_{number}.db"
        path.touch()
        if kind in GAUGES or path.stat().st_size < FILE_SIZE:
            # Without truncating it, which would need the space again.
            with path.open("r+b") as file:
                file.write(bytes(FILE_SIZE))
    return number


def _remove_leftovers() -> None:
    """Remove the directories of servers that were killed."""
    for path in Path(gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            # A server that starts has an empty file, or none. Another user can make a link.
            counters = [one for one in path.glob(f"{COUNTER}_*") if one.stat().st_size]
            is_ours = path.lstat().st_uid == os.geteuid()
            if is_ours and counters and all(map(_has_ended, counters)):
                rmtree(path)


def _has_ended(counter: Path) -> bool:
    """Whether the process that counts in this file has ended."""
    if (descriptor := _lock(counter)) is not None:
        os.close(descriptor)
    return descriptor is not None


def _lock(path: Path) -> int | None:
    """Open and lock a file; return None if a live process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
