"""Logs an outage of MongoDB in a few lines: its cause, a count of failures, and its end."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError, WriteConcernError

from graphql_auth.logs import LogRateLimit

COUNT_INTERVAL = 10.0
REFUSAL_INTERVAL = 60.0
# A command that began in the outage can fail so much later: COMMAND_TIMEOUT in client.py.
SETTLE_TIME = 5.0
# Reads succeed on a primary that has lost its majority. They end an outage in which only writes
# failed after a longer silence, unless a write succeeds.
SETTLE_TIME_WITHOUT_WRITE = 60.0
# The poll for revoked sessions reads more often, if it can.
READ_INTERVAL = 1.0

# Phrases in the driver's messages. The messages themselves contain hosts and values.
_CAUSES = {
    "no primary": "no primary",
    "not primary": "no primary",
    "no replica set members": "no primary",
    "waiting for replication": "no majority acknowledges writes",
    "connection refused": "connection refused",
    "connection reset": "connection closed",
    "connection closed": "connection closed",
    "certificate": "TLS certificate refused",
    "name or service not known": "unknown host",
    "timed out": "timed out",
}

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Outage:
    began_at: float
    last_count_at: float
    failures: int = 1
    failures_counted: int = 1
    has_failed_to_read: bool = False
    has_failed_to_write: bool = False
    recovered_at: float | None = None


class OutageLog:
    """Logs an outage in a few lines, however many commands fail in it.

    It needs no timer: it sees each command that fails or succeeds, and the poll for revoked
    sessions is a command every 0.25 s.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget everything, for a new connection."""
        self._outage: _Outage | None = None
        self._last_read_at = -float("inf")
        self._refusals = LogRateLimit(REFUSAL_INTERVAL, self._clock)

    def record_failure(self, error: PyMongoError, *, writing: bool) -> None:
        if not _is_outage(error):
            reason = describe_error(error)
            if self._refusals.can_log(reason):
                logger.error("MongoDB refuses a command (%s)", reason)
            return
        now = self._clock()
        outage = self._outage
        if outage is None:
            outage = self._outage = _Outage(now, now)
            # A primary that has lost its majority lets a write time out, without a reason.
            has_read = now - self._last_read_at < READ_INTERVAL
            has_no_majority = writing and error.timeout and has_read
            reason = "no majority acknowledges writes" if has_no_majority else describe_error(error)
            logger.error("MongoDB does not answer (%s)", reason)
        else:
            outage.failures += 1
            outage.recovered_at = None
            _log_count(outage, now)
        outage.has_failed_to_write |= writing
        outage.has_failed_to_read |= not writing

    def record_success(self, *, writing: bool) -> None:
        now = self._clock()
        if not writing:
            self._last_read_at = now
        outage = self._outage
        if outage is None:
            return
        if outage.recovered_at is None:
            outage.recovered_at = now
        if writing:
            outage.has_failed_to_write = False
        needs_write = outage.has_failed_to_write and not outage.has_failed_to_read
        settle_time = SETTLE_TIME_WITHOUT_WRITE if needs_write else SETTLE_TIME
        if now - outage.recovered_at >= settle_time:
            logger.warning(
                "MongoDB answers again after %.0f s (failed commands: %d)",
                outage.recovered_at - outage.began_at,
                outage.failures,
            )
            self._outage = None


def _log_count(outage: _Outage, now: float) -> None:
    if now - outage.last_count_at >= COUNT_INTERVAL:
        logger.error(
            "MongoDB still does not answer (failed commands in %.0f s: %d)",
            now - outage.last_count_at,
            outage.failures - outage.failures_counted,
        )
        outage.failures_counted, outage.last_count_at = outage.failures, now


def describe_error(error: PyMongoError) -> str:
    """Return the class of an error and a short cause, without its message."""
    name = type(error).__name__
    if isinstance(error, OperationFailure) and not _is_outage(error):
        details = error.details or {}
        fields = " on " + ", ".join(details["keyPattern"]) if "keyPattern" in details else ""
        return f"{name}, {details.get('codeName', error.code)}{fields}"
    message = str(error).lower()
    cause = next((cause for phrase, cause in _CAUSES.items() if phrase in message), None)
    return f"{name}, {cause}" if cause else name


def _is_outage(error: PyMongoError) -> bool:
    """Whether the database is unavailable, rather than refusing one command."""
    return error.timeout or isinstance(error, ConnectionFailure | WriteConcernError)


# One for the process, like its connection.
outages = OutageLog()
