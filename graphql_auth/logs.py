"""Log lines on standard error: UTC time, level, logger, request id, message.

A message cannot forge a line (log injection).
"""

import logging
import time
import traceback
from collections.abc import Callable, Hashable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from graphql_auth.characters import INVISIBLE

INNERMOST_FRAMES = 6

# The id of the current request, for every line that is logged during it.
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)


def escape_invisible(text: str) -> str:
    """Escape the characters that can forge a line or control a terminal."""
    return INVISIBLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def describe_exception(error: BaseException) -> str:
    """Return type and place of an exception, without its message, which can contain a secret.

    The innermost frame comes first. Causes follow.
    """
    frames = " < ".join(
        f"{frame.filename}:{frame.lineno} {frame.name}"
        for frame in reversed(traceback.extract_tb(error.__traceback__)[-INNERMOST_FRAMES:])
    )
    said = f"{type(error).__module__}.{type(error).__qualname__} at {frames or 'no frame'}"
    earlier = error.__cause__ or error.__context__
    return f"{said}; from {describe_exception(earlier)}" if earlier is not None else said


class LineFormatter(logging.Formatter):
    """Formats a record as one line, with ``describe_exception`` in place of a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = f"{time.replace('+00:00', 'Z')} {record.levelname} {record.name}: "
        request_id = REQUEST_ID.get()
        if request_id:
            line += f"request {request_id}: "
        message = record.getMessage()
        if not record.name.startswith("graphql_auth"):
            # Libraries log tracebacks as text, whose messages can contain a secret.
            first, *others = message.splitlines() or [""]
            message = f"{first} (more lines are left out)" if others else first
        line += message
        if record.exc_info and record.exc_info[1] is not None:
            line += f" ({describe_exception(record.exc_info[1])})"
        return escape_invisible(line)


class LogRateLimit:
    """Allows one line of a kind per interval, so that repeated errors do not fill the disk.

    A kind is one of few causes and names, never a value from a client.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._logged_at: dict[Hashable, float] = {}

    def can_log(self, kind: Hashable) -> bool:
        """Whether to log a line of this kind now; True counts as logged."""
        now = self._clock()
        if now - self._logged_at.get(kind, -float("inf")) < self._seconds:
            return False
        self._logged_at[kind] = now
        return True

    def forget(self, kind: Hashable) -> bool:
        """Allow the next line of this kind at once; return whether one was logged."""
        return self._logged_at.pop(kind, None) is not None


LOG_CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": LineFormatter}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "stream": "ext://sys.stderr",
        }
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"graphql_auth": {"level": "INFO"}},
}
