"""The time of the database: one clock for all of its servers."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from struct import pack

from beanie import PydanticObjectId

from graphql_auth.errors import Unavailable

# The clocks of a cluster that NTP keeps differ by milliseconds.
MAX_DIFFERENCE_SECONDS = 5.0

logger = logging.getLogger(__name__)


class DatabaseClock:
    """Returns the time of the database in seconds since 1970, without a command.

    It is the time of the last poll, plus the monotonic clock since. So it does not matter when the
    wall clock of this machine jumps. Raises Unavailable before the first poll.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._offset: float | None = None
        self._has_warned = False

    def __call__(self) -> float:
        if self._offset is None:
            raise Unavailable(retry_after=1)
        return self._offset + self._monotonic()

    def set(self, database_time: datetime, asked_at: float) -> None:
        """Set the clock to a time that was requested at ``asked_at`` and has just arrived.

        The database read its clock in between; taking the middle halves the error.
        """
        self._offset = database_time.timestamp() - (asked_at + self._monotonic()) / 2
        difference = time.time() - self()
        if abs(difference) > MAX_DIFFERENCE_SECONDS and not self._has_warned:
            self._has_warned = True
            logger.warning(
                "the clock of this machine differs from that of MongoDB by %+.1f s;"
                " the server uses MongoDB's, so only the times in this log are wrong",
                difference,
            )


def in_utc(clock: Callable[[], float]) -> Callable[[], datetime]:
    """Return a clock of datetimes for a clock of seconds since 1970."""
    return lambda: datetime.fromtimestamp(clock(), UTC)


def object_id_at(moment: datetime) -> PydanticObjectId:
    """Return a new id for a time; the driver would use the wall clock."""
    return PydanticObjectId(pack(">I", int(moment.timestamp())) + PydanticObjectId().binary[4:])
