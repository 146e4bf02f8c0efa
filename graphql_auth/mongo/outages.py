"""The log of an outage of MongoDB: when it begins and why, how much fails, and when it ends."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError, WriteConcernError

from graphql_auth.logs import LogRateLimit

SECONDS_BETWEEN_COUNTS = 10.0
SECONDS_BETWEEN_REFUSALS = 60.0
# A command that began in the outage can fail so much later: mongo.SECONDS_FOR_A_COMMAND.
SECONDS_TO_SETTLE = 5.0
# Reads succeed on a primary that lacks a majority. They end an outage in which only writes failed
# after a longer silence, unless a write succeeds.
SECONDS_TO_SETTLE_WITHOUT_A_WRITE = 60.0
# The poll for ended sessions reads more often, if it can.
SECONDS_BETWEEN_READS = 1.0

# Phrases in the driver's messages. The messages themselves name hosts and repeat values.
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
    counted_at: float
    failures: int = 1
    counted: int = 1
    has_failed_to_read: bool = False
    has_failed_to_write: bool = False
    recovered_at: float | None = None


class OutageLog:
    """Logs an outage in a few lines, however many commands fail in it.

    It needs no timer: each command that fails or succeeds is recorded, and the poll for ended
    sessions is a command every 0.25 s.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget what was recorded: it was of another connection."""
        self._outage: _Outage | None = None
        self._read_at = -float("inf")
        self._refusals = LogRateLimit(SECONDS_BETWEEN_REFUSALS, self._clock)

    def record_failure(self, error: PyMongoError, *, writing: bool) -> None:
        """Record a command that failed."""
        if not _is_outage(error):
            self._record_refusal(error)
            return
        now = self._clock()
        outage = self._outage
        if outage is None:
            # A primary that lacks a majority lets a write time out, without a reason.
            has_read = now - self._read_at < SECONDS_BETWEEN_READS
            is_lonely = writing and error.timeout and has_read
            reason = "no majority acknowledges writes" if is_lonely else reason_of(error)
            logger.error("MongoDB does not answer (%s)", reason)
            outage = self._outage = _Outage(now, now)
        else:
            outage.failures += 1
            outage.recovered_at = None
            self._count(outage, now)
        outage.has_failed_to_write |= writing
        outage.has_failed_to_read |= not writing

    def record_success(self, *, writing: bool) -> None:
        """Record a command that succeeded."""
        now = self._clock()
        if not writing:
            self._read_at = now
        outage = self._outage
        if outage is None:
            return
        if outage.recovered_at is None:
            outage.recovered_at = now
        if writing:
            outage.has_failed_to_write = False
        is_settled_by_reads = outage.has_failed_to_read or not outage.has_failed_to_write
        patience = SECONDS_TO_SETTLE if is_settled_by_reads else SECONDS_TO_SETTLE_WITHOUT_A_WRITE
        if now - outage.recovered_at >= patience:
            logger.warning(
                "MongoDB answers again after %.0f s (failed commands: %d)",
                outage.recovered_at - outage.began_at,
                outage.failures,
            )
            self._outage = None

    def _count(self, outage: _Outage, now: float) -> None:
        if now - outage.counted_at >= SECONDS_BETWEEN_COUNTS:
            logger.error(
                "MongoDB still does not answer (failed commands in %.0f s: %d)",
                now - outage.counted_at,
                outage.failures - outage.counted,
            )
            outage.counted, outage.counted_at = outage.failures, now

    def _record_refusal(self, error: PyMongoError) -> None:
        reason = reason_of(error)
        if self._refusals.can_log(reason):
            logger.error("MongoDB refuses a command (%s)", reason)


def reason_of(error: PyMongoError) -> str:
    """Return the class of an error and a short cause, and nothing of its message."""
    name = type(error).__name__
    if isinstance(error, OperationFailure) and not _is_outage(error):
        details = error.details or {}
        fields = " on " + ", ".join(details["keyPattern"]) if "keyPattern" in details else ""
        return f"{name}, {details.get('codeName', error.code)}{fields}"
    message = str(error).lower()
    causes = (cause for phrase, cause in _CAUSES.items() if phrase in message)
    cause = next(causes, None)
    return f"{name}, {cause}" if cause else name


def _is_outage(error: PyMongoError) -> bool:
    """Whether the database does not do its work; else it refuses one command."""
    return error.timeout or isinstance(error, ConnectionFailure | WriteConcernError)


# One for the process, as its connection is.
outages = OutageLog()
