"""Which core does what, the same for every contender."""

import contextlib
import os
from pathlib import Path

ALL = sorted(os.sched_getaffinity(0))
# The clients get theirs; where there is one core only, everybody shares it.
FOR_LOAD = ALL[-1:]


def for_workers(workers: int) -> list[int]:
    """Return a core for each worker where the clients still have one; else all that there are."""
    return ALL[:workers] if workers < len(ALL) else ALL


def pin(pids: list[int], cores: list[int]) -> None:
    """Keep all threads of processes, and those that they make from now on, on some cores."""
    for pid in pids:
        for task in _tasks(pid):
            # A thread may end in between.
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(task, cores)


def become_load() -> None:
    """Move this process to the core of the clients, ahead of what else wants it, if allowed.

    A client that waits for its core would count that as time that the server took. sched(7): a
    nice value counts only among the processes of one session, so it takes a real-time policy.
    """
    os.sched_setaffinity(0, FOR_LOAD)
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def _tasks(pid: int) -> list[int]:
    try:
        return [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()]
    except FileNotFoundError:
        return []
