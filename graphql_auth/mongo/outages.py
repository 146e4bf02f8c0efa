"""Logs an outage of MongoDB in a few lines: its cause, a count of failures, and its end."""

import errno
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError, WriteConcernError

from graphql_auth.logs import LogRateLimit

COUNT_INTERVAL = 10.0
REFUSAL_INTERVAL = 60.0
# A command that began in the outage can fail up to COMMAND_TIMEOUT (client.py) later.
SETTLE_TIME = 5.0
# The poll for revoked sessions reads more often, if it can.
READ_INTERVAL = 1.0
MAX_REASON = 400
# The reply to a write does not have a codeName.
CODE_NAMES: dict[int | None, str] = {121: "DocumentValidationFailure"}

# Phrases in the driver's messages, the most specific first. The messages themselves contain hosts
# and values.
_CAUSES = {
    # The driver removes the servers of another replica set.
    "servers: []": "wrong replicaSet",
    "to a replica set named": "wrong replicaSet",
    "rsghost": "replica set not initiated",
    "no primary": "no primary",
    "not primary": "no primary",
    "no replica set members": "no primary",
    "waiting for replication": "no majority acknowledges writes",
    "mismatch, certificate": "TLS certificate for another host",
    "local issuer certificate": "TLS certificate of an unknown CA",
    "self-signed certificate": "TLS certificate of an unknown CA",
    "certificate has expired": "TLS certificate has expired",
    "certificate": "TLS certificate refused",
    "ssl handshake failed": "TLS handshake failed",
    "connection refused": "connection refused",
    f"[errno {errno.ECONNREFUSED}]": "connection refused",
    "connection reset": "connection closed",
    "connection closed": "connection closed",
    "connection is already closed": "connection closed",
    "name or service not known": "unknown host",
    # The resolver's own numbers are negative.
    "[errno -": "unknown host",
    "the dns ": "unknown host",
    "nameservers": "unknown host",
    "connect call failed": "unreachable host",
    "no such file or directory": "no such socket file",
    "af_unix path too long": "path of the socket is too long",
    "permission denied": "no permission for the socket",
    "label empty": "invalid host name",
    "label too long": "invalid host name",
    "dns label": "invalid host name",
    "message length": "not a MongoDB",
    "wire version": "unsupported version of MongoDB",
    "replicasetnoprimary": "no primary",
    "timed out": "timed out",
}

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Outage:
    began_at: float
    last_count_at: float
    failures: int = 0
    needs_write: bool = False
    recovered_at: float | None = None


class OutageLog:
    """Logs an outage in a few lines, however many commands fail in it.

    It needs no timer, because it sees each command that fails or succeeds: the poll for revoked
    sessions reads every 0.25 s, and the heartbeat writes every 2 s. A primary that has lost its
    majority still serves reads, so only a write ends an outage in which writes failed.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget everything, for a new connection."""
        self._outage: _Outage | None = None
        self._last_read_at = -float("inf")
        self._refusals = LogRateLimit(REFUSAL_INTERVAL, self._clock)

    def record_failure(self, error: PyMongoError, *, writing: bool, collection: str = "") -> None:
        reason = describe_error(error)
        if not is_outage(error):
            if self._refusals.can_log((reason, collection)):
                where = collection and f" in {collection}"
                logger.error("MongoDB refuses a command (%s)%s", reason, where)
            return
        now = self._clock()
        if self._outage is None:
            self._outage = _Outage(now, now)
            # A primary that has lost its majority lets a write time out, without a reason.
            if writing and error.timeout and now - self._last_read_at < READ_INTERVAL:
                reason = "no majority acknowledges writes"
            logger.error("MongoDB does not answer (%s)", reason)
        outage = self._outage
        outage.needs_write |= writing
        outage.failures += 1
        outage.recovered_at = None
        if now - outage.last_count_at >= COUNT_INTERVAL:
            outage.last_count_at = now
            logger.error(
                "MongoDB has not answered for %.0f s (failed commands: %d)",
                now - outage.began_at,
                outage.failures,
            )

    def record_success(self, *, writing: bool) -> None:
        now = self._clock()
        if not writing:
            self._last_read_at = now
        outage = self._outage
        if outage is None or (outage.needs_write and not writing):
            return
        outage.needs_write = False
        if outage.recovered_at is None:
            outage.recovered_at = now
        if now - outage.recovered_at >= SETTLE_TIME:
            logger.warning(
                "MongoDB answers again after %.0f s (failed commands: %d)",
                outage.recovered_at - outage.began_at,
                outage.failures,
            )
            self._outage = None


def describe_error(error: PyMongoError) -> str:
    """Return the class of an error and a short cause, without its message."""
    name = type(error).__name__
    if isinstance(error, OperationFailure) and not is_outage(error):
        details = error.details or {}
        fields = " on " + ", ".join(details["keyPattern"]) if "keyPattern" in details else ""
        code = details.get("codeName", CODE_NAMES.get(error.code, error.code))
        return f"{name}, {code}{fields}"
    cause = find_cause(str(error))
    return f"{name}, {cause}" if cause else name


def find_cause(message: str) -> str | None:
    message = message.lower()
    return next((cause for phrase, cause in _CAUSES.items() if phrase in message), None)


def describe_refusal(error: BaseException | None) -> str | None:
    """Return why MongoDB refuses a command, in one line and without the command's values.

    None for another error.
    """
    if not isinstance(error, OperationFailure) or is_outage(error):
        return None
    details = error.details or {}
    message = " ".join(details.get("errmsg", "").split())
    reason = re.sub(r"command \{ (\w+: [^,]*),.*", r"\1", message)
    code = details.get("codeName", error.code)
    role = "; the database user needs the role readWrite" if code == "Unauthorized" else ""
    return f"{reason[:MAX_REASON]} ({code}){role}"


def is_outage(error: PyMongoError) -> bool:
    """Whether the database is unavailable, rather than refusing one command."""
    return error.timeout or isinstance(error, ConnectionFailure | WriteConcernError)


# One for the process, like its connection.
outages = OutageLog()
