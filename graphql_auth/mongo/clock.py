"""The time of the database: the one clock that all servers of it share."""

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
    """Returns the time of the database in seconds since 1970, without asking it.

    It was read now and then; since then the monotonic clock of this machine has counted. The wall
    clock is not involved, so it may jump. Raises Unavailable until the time was read once.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._offset: float | None = None
        self._has_warned = False

    def __call__(self) -> float:
        """Return the present time."""
        if self._offset is None:
            raise Unavailable(retry_after=1)
        return self._offset + self._monotonic()

    def now(self) -> datetime:
        """Return the present time in UTC."""
        return datetime.fromtimestamp(self(), UTC)

    def set(self, database_time: datetime, asked_at: float) -> None:
        """Take over a reading that was asked for at ``asked_at`` and has come just now.

        The database looked at its clock in between; the middle halves the error.
        """
        self._offset = database_time.timestamp() - (asked_at + self._monotonic()) / 2
        difference = time.time() - self()
        if abs(difference) > MAX_DIFFERENCE_SECONDS and not self._has_warned:
            self._has_warned = True
            logger.warning(
                "the clock of this machine differs from that of MongoDB by %+.1f s;"
                " MongoDB's counts, so only the times in this log are wrong",
                difference,
            )


def object_id_at(seconds: float) -> PydanticObjectId:
    """Return a new id that carries a time, in seconds since 1970; a driver takes the wall clock."""
    return PydanticObjectId(pack(">I", int(seconds)) + PydanticObjectId().binary[4:])
