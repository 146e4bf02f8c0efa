"""What only Linux has. Where it is missing or refused, something else takes its place.

| on Linux | elsewhere |
| --- | --- |
| prctl: the kernel kills mongod with the server | a shell that reads a pipe does |
| prctl: the kernel kills a worker with its supervisor | a thread of the worker does |
| TCP_USER_TIMEOUT: a client has to read its response | TCP itself gives up after many minutes |
| a priority for each thread that hashes | the priority of the process |
| sched_getaffinity: the cores that we may use | the cores of the machine |

macOS too has flock, FIONREAD and uvloop. Nothing reads /proc.
"""

import ctypes
import functools
import logging
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

PR_SET_PDEATHSIG = 1
PR_GET_PDEATHSIG = 2
LOWEST_PRIORITY = 19
TCP_USER_TIMEOUT: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)
# It kills its process group when the kernel closes the other end of its standard input.
WARDEN = ("/bin/sh", "-c", "read _; kill -KILL 0")

logger = logging.getLogger(__name__)


@contextmanager
def tie_children() -> Iterator[dict[str, Any]]:
    """Yield arguments for Popen: the child is killed when this process ends, even by SIGKILL.

    Ctrl-C does not reach the child. The block has to end after it.
    """
    if _prctl(PR_GET_PDEATHSIG, ctypes.byref(ctypes.c_int())):
        # Safe, because only the main thread runs at this time.
        yield {
            "start_new_session": True,
            "preexec_fn": functools.partial(die_with_parent, os.getpid()),
        }
        return
    with subprocess.Popen(WARDEN, stdin=subprocess.PIPE, process_group=0) as warden:  # noqa: S603
        try:
            yield {"process_group": warden.pid}
        finally:
            warden.kill()


def die_with_parent(parent: int) -> None:
    """Have this process killed when the thread that started it ends.

    ``parent`` is the process id of the parent, which may have ended before this call. Without
    prctl(2) this works in children of multiprocessing, which inherit a pipe.
    """
    if _prctl(PR_SET_PDEATHSIG, signal.SIGKILL):
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)  # pragma: no cover - it ends before it is measured
    elif process := multiprocessing.parent_process():
        threading.Thread(target=_die_after, args=[process], daemon=True).start()


def _die_after(process: BaseProcess) -> None:
    process.join()
    os.kill(os.getpid(), signal.SIGKILL)  # pragma: no cover - it ends before it is measured


def _prctl(option: int, argument: object) -> bool:
    try:
        return bool(ctypes.CDLL(None).prctl(option, argument) == 0)
    except (OSError, AttributeError):
        return False


def limit_sending(listener: socket.socket, seconds: float) -> None:
    """Close connections whose client does not read its response; all connections inherit this.

    Uvicorn and asyncio have no timeout for sending.
    """
    if TCP_USER_TIMEOUT is None:
        return
    try:
        listener.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, int(seconds * 1000))
    except OSError as error:
        logger.warning(
            "the system refuses TCP_USER_TIMEOUT (%s): a client that does not read its response"
            " holds its connection for about 15 minutes",
            error.strerror,
        )


def lower_thread_priority() -> None:
    """Give this thread the lowest priority. Raises OSError where the kernel refuses that."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, LOWEST_PRIORITY)
        # sched(7): such a thread gives its core to any other at once. With the lowest priority
        # alone, it first runs on for some milliseconds.
        os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))


def count_cores() -> int:
    """Count the cores that this process may use, which a container can limit."""
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return os.cpu_count() or 1
