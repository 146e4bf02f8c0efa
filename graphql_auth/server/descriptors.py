"""File descriptors, of which each connection takes one: the limit, and a line at its end."""

import errno
import logging
import os
import resource
import time

SECONDS_BETWEEN_LINES = 60.0

NONE_LEFT = (
    "there are no file descriptors left (%s), so new connections are closed at once; this process"
    " may have %d: raise that (ulimit -n, LimitNOFILE= of systemd) or start more workers"
)

logger = logging.getLogger(__name__)


def raise_limit() -> None:
    """Take as many as the system lets this process and its children have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        logger.warning(
            "the limit of file descriptors stays at %d, for the system refuses to raise it:"
            " that many connections can be open at once",
            _limit(),
        )


class DescriptorWatch:
    """Says when there are none left, at most once a minute.

    Neither libuv nor uvloop does: they accept a connection and close it at once.
    """

    def __init__(self) -> None:
        self._last_line = -SECONDS_BETWEEN_LINES

    def check(self) -> None:
        """Log an error when no file can be opened, and none was logged a moment ago."""
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            now = time.monotonic()
            if error.errno not in {errno.EMFILE, errno.ENFILE}:
                return
            if now - self._last_line >= SECONDS_BETWEEN_LINES:
                self._last_line = now
                logger.error(NONE_LEFT, error.strerror, _limit())  # noqa: TRY400 - one line


def _limit() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
