"""Log lines on standard error: UTC time, level, logger, ids of request and trace, message.

A message cannot forge a line (log injection).
"""

import json
import logging
import os
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable, Hashable
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum

from graphql_auth.characters import INVISIBLE
from graphql_auth.errors import StartError

INNERMOST_FRAMES = 6
_LIBRARY = re.compile(r"[/\\](site-packages|python3\.\d+)[/\\]")
SECURITY_LOGGER = "graphql_auth.security"

logger = logging.getLogger(__name__)

# The id of the current request, for every line that is logged during it, and that of its trace.
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
TRACE_ID: ContextVar[str | None] = ContextVar("trace_id", default=None)


class LogFormat(StrEnum):
    LINE = "line"
    JSON = "json"


def escape_invisible(text: str) -> str:
    """Escape the characters that can forge a line or control a terminal."""
    return INVISIBLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def describe_exception(error: BaseException) -> str:
    """Return type and place of an exception, without its message, which can contain a secret.

    The message of a StartError is for the operator, and follows the type.
    The innermost frame comes first. If all of the innermost are those of libraries, the one that
    called them follows. Then causes follow.
    """
    stack = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in stack if not _LIBRARY.search(frame.filename)]
    shown = stack[-INNERMOST_FRAMES:]
    shown = [*(frame for frame in own[-1:] if frame not in shown), *shown]
    frames = " < ".join(f"{one.filename}:{one.lineno} {one.name}" for one in reversed(shown))
    message = f" ({error})" if isinstance(error, StartError) else ""
    name = f"{type(error).__module__}.{type(error).__qualname__}{message}"
    said = f"{name} at {frames or 'no frame'}"
    earlier = error.__cause__ or error.__context__
    return f"{said}; from {describe_exception(earlier)}" if earlier is not None else said


def describe_record(record: logging.LogRecord) -> dict[str, str | None]:
    """Return what a line says, with ``describe_exception`` in place of a traceback."""
    time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    try:
        message = record.getMessage()
    except Exception as failure:  # noqa: BLE001 - logging would print the values
        message = f"{record.msg} (without its values: {describe_exception(failure)})"
    if not record.name.startswith("graphql_auth"):
        # Libraries log tracebacks as text, whose messages can contain a secret.
        first, *others = message.splitlines() or [""]
        message = f"{first} (more lines are left out)" if others else first
    error = record.exc_info[1] if record.exc_info else None
    return {
        "time": time.replace("+00:00", "Z"),
        "level": record.levelname,
        "logger": record.name,
        "request_id": REQUEST_ID.get(),
        "trace_id": TRACE_ID.get(),
        "message": message,
        "error": describe_exception(error) if error else None,
    }


class LineFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        it = describe_record(record)
        line = f"{it['time']} {it['level']} {it['logger']}: "
        line += f"request {it['request_id']}: " if it["request_id"] else ""
        line += f"trace {it['trace_id']}: " if it["trace_id"] else ""
        line += f"{it['message']} ({it['error']})" if it["error"] else f"{it['message']}"
        return escape_invisible(line)


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object on one line, with the fields of a security event."""

    def format(self, record: logging.LogRecord) -> str:
        values = describe_record(record)
        if record.name == SECURITY_LOGGER:
            values |= record.__dict__["fields"]
        return json.dumps({name: value for name, value in values.items() if value is not None})


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


def configure_logging(log_format: LogFormat = LogFormat.LINE) -> None:
    """Log to standard error: our lines from INFO on, those of libraries from WARNING on.

    Also what Python else prints, such as warnings, and exceptions of threads and destructors.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format is LogFormat.JSON else LineFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("graphql_auth").setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    # Otherwise Strawberry replaces the hooks when it is imported.
    os.environ["STRAWBERRY_DISABLE_RICH_ERRORS"] = "1"
    threading.excepthook = sys.unraisablehook = _log_unhandled
    if log_format is LogFormat.JSON:
        sys.excepthook = lambda *found: logger.critical("the process fails", exc_info=found[1])


def _log_unhandled(found: "threading.ExceptHookArgs | sys.UnraisableHookArgs") -> None:
    if not isinstance(found.exc_value, SystemExit):
        logger.error("an exception is not handled", exc_info=found.exc_value)
