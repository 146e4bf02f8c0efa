"""How a process ends: with its parent, and without waiting for threads."""

import ctypes
import logging
import os
import signal
import sys
import threading
from typing import NoReturn

from graphql_auth.runtime.signals import HANDLED

PR_SET_PDEATHSIG = 1
PR_GET_PDEATHSIG = 2

logger = logging.getLogger(__name__)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends.

    ``parent`` is the process id of the parent, which may have ended before this call. Linux only
    (prctl(2), PR_SET_PDEATHSIG). Without it, a parent that is killed leaves the child running.
    """
    if sys.platform != "linux":  # pragma: no cover - the tests run on Linux
        return
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)  # pragma: no cover - it ends before it is measured


def warn_if_children_can_outlive_us() -> None:
    """Log a warning where the kernel refuses what ``die_with_parent`` needs."""
    if sys.platform == "linux" and not _prctl(PR_GET_PDEATHSIG, ctypes.byref(ctypes.c_int())):
        logger.warning(
            "the system refuses prctl: if this process is killed, its mongod keeps running;"
            " stop that mongod before the next start"
        )


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


def _prctl(option: int, argument: object) -> bool:
    try:
        return bool(ctypes.CDLL(None).prctl(option, argument) == 0)
    except (OSError, AttributeError):  # pragma: no cover - a C library without it, such as none
        return False
