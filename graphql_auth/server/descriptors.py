"""File descriptors: the limit of the process, and a log line when none is left."""

import errno
import logging
import os
import resource

from graphql_auth.logs import LogRateLimit

# OPEN_MAX of macOS: more is refused there, although the hard limit is infinite.
MACOS_LIMIT = 10_240

logger = logging.getLogger(__name__)
_rate_limit = LogRateLimit(seconds=60.0)


def raise_limit() -> None:
    """Raise the limit of this process and its children to the hard limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = MACOS_LIMIT if hard == resource.RLIM_INFINITY else hard
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    except (OSError, ValueError):
        logger.warning(
            "the system does not let this process raise its limit of file descriptors;"
            " at most %d connections can be open at once",
            _limit(),
        )


def check() -> None:
    """Log when no file descriptor is left, at most once a minute.

    libuv and uvloop do not: they accept a connection and close it at once.
    """
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        if error.errno in {errno.EMFILE, errno.ENFILE} and _rate_limit.can_log(None):
            logger.error(  # noqa: TRY400 - one line
                "no file descriptor is left (%s), so new connections are closed at once;"
                " the limit of this process is %d: raise it (ulimit -n, LimitNOFILE= of"
                " systemd) or start more workers",
                error.strerror,
                _limit(),
            )


def _limit() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
