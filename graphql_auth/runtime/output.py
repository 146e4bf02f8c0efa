"""Standard output and standard error, wherever they lead: a closed pipe, a full disk, nowhere."""

import os
import signal
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO, cast

from graphql_auth.errors import StartError
from graphql_auth.logs import escape_invisible
from graphql_auth.runtime.signals import Stopped


def open_closed_streams() -> None:
    """Open the standard streams that are closed (``>&-``), which else the next file becomes.

    Writing to such an output fails; errors are discarded.
    """
    for number, flags in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, flags), True)  # noqa: FBT003
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
    # A path that the terminal cannot show is printed with escapes.
    cast("TextIOWrapper", sys.stdout).reconfigure(errors="backslashreplace")


def write_line(text: str) -> None:
    """Write a line, with escapes for what can control a terminal."""
    write(escape_invisible(text) + "\n")


def write(text: str) -> None:
    """Write to standard output at once.

    Raises StartError if that fails, and Stopped (SIGPIPE) if nobody reads the pipe any longer.
    """
    try:
        _write(sys.stdout, text)
    except BrokenPipeError:
        raise Stopped(signal.SIGPIPE) from None
    except OSError as error:
        raise StartError(f"Cannot write to standard output: {error.strerror}.") from None


def write_error(text: str) -> None:
    """Write to standard error at once, if that is possible."""
    with suppress(OSError):
        _write(sys.stderr, text)


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        # When the interpreter ends, it writes the rest: that must not change the exit status.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise
