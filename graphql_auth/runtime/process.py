"""How a process ends: not without its parent, and not before its own last line."""

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
    """Have the kernel kill this process as soon as the thread that started it is gone.

    ``parent`` is the process id of the parent, which may have ended before this call. Linux only
    (prctl(2), PR_SET_PDEATHSIG); elsewhere, or where it is refused, only an orderly end of the
    parent ends the child.
    """
    if sys.platform != "linux":  # pragma: no cover - the tests run on Linux
        return
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)  # pragma: no cover - nobody is left to count it


def warn_if_children_can_outlive_us() -> None:
    """Say it, once, where the kernel refuses what ``die_with_parent`` needs."""
    if sys.platform == "linux" and not _prctl(PR_GET_PDEATHSIG, ctypes.byref(ctypes.c_int())):
        logger.warning(
            "the system refuses prctl: if this process is killed, its mongod goes on;"
            " stop that one before the next start"
        )


def end_process(status: int) -> NoReturn:
    """End this process with an exit status, which no signal changes any more."""
    for number in HANDLED:
        signal.signal(number, signal.SIG_IGN)
    if threading.active_count() > 1:
        # Python would wait for a DNS look-up that nobody needs any more, and bcrypt aborts the
        # process when it comes back to an interpreter that is gone.
        sys.stdout.flush()
        os._exit(status)
    sys.exit(status)


def _prctl(option: int, argument: object) -> bool:
    try:
        return bool(ctypes.CDLL(None).prctl(option, argument) == 0)
    except (OSError, AttributeError):  # pragma: no cover - a C library without it, such as none
        return False
