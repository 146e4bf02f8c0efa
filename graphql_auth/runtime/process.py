"""How a process ends, without waiting for threads."""

import os
import signal
import sys
import threading
from typing import NoReturn

from graphql_auth.runtime.signals import HANDLED


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
