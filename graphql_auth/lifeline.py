"""A child process that cannot outlive its parent, however the parent ends."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process as soon as the thread that started it is gone.

    ``parent`` is the process id of the parent, which may have ended before this call. Linux only
    (prctl(2), PR_SET_PDEATHSIG); elsewhere it does nothing, and only an orderly end of the parent
    ends the child.
    """
    if sys.platform != "linux":  # pragma: no cover - the tests run on Linux
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)  # pragma: no cover - nobody is left to count it
