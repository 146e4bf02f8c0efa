"""What every process knows of ended sessions, so that a request asks no database."""

import asyncio
import logging
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from graphql_auth.errors import TokenFault, Unauthenticated, Unavailable
from graphql_auth.logs import cause_of
from graphql_auth.storage.sessions import Ended, Sessions

SECONDS_BETWEEN_LOOKS = 0.25
# How much later than its time an end may come to be seen: it is written under that time, but shows
# when it is done; and the clocks of two servers of one database may differ.
OVERLAP = timedelta(seconds=10)
EVER = datetime.fromtimestamp(0, UTC)
# A million at the start take half a minute at the worst; later, there are those of a moment, unless
# many were ended at once, or nobody could look for a while.
SECONDS_FOR_ALL = 600.0
SECONDS_FOR_NEWS = 5.0
FEW = 64

logger = logging.getLogger(__name__)


class EndedSessions:
    """A set of session ids, each until its time; a million of them take some 12 MB.

    Of an id only a hash of 64 bits is kept, in one stretch of time with all that are to be
    forgotten together. Another session has the hash of one of a million with a probability of
    5e-14.
    """

    def __init__(self, seconds_a_stretch: float) -> None:
        self._seconds = seconds_a_stretch
        self._stretches: dict[int, _Stretch] = {}

    def __contains__(self, session_id: str) -> bool:
        key = hash(session_id)
        return any(key in stretch for stretch in self._stretches.values())

    def __len__(self) -> int:
        return sum(map(len, self._stretches.values()))

    def add(self, ended: Iterable[Ended]) -> None:
        """Remember sessions; those that are there already stay as they are."""
        for one in ended:
            number = int(one.until.timestamp() // self._seconds)
            self._stretches.setdefault(number, _Stretch()).add(hash(one.session_id))

    def forget_before(self, moment: float) -> None:
        """Forget all whose time had come at a moment, in seconds since 1970."""
        over = [number for number in self._stretches if (number + 1) * self._seconds <= moment]
        for number in over:
            del self._stretches[number]


class _Stretch:
    """Numbers in a sorted array, and the latest in a set until they are worth sorting anew."""

    def __init__(self) -> None:
        self._sorted = array("q")
        self._latest: set[int] = set()

    def __contains__(self, key: int) -> bool:
        index = bisect_left(self._sorted, key)
        found = index < len(self._sorted) and self._sorted[index] == key
        return found or key in self._latest

    def __len__(self) -> int:
        return len(self._sorted) + len(self._latest)

    def add(self, key: int) -> None:
        if key in self:
            return
        self._latest.add(key)
        if len(self._latest) > max(FEW, len(self._sorted) // 16):
            self._sorted = array("q", sorted([*self._sorted, *self._latest]))
            self._latest = set()


class Revocations:
    """Says whether a session has ended, and keeps looking for those that ended elsewhere.

    ``max_staleness`` is how long a process trusts what it knows when it cannot look.
    """

    def __init__(
        self,
        sessions: Sessions,
        token_lifetime: timedelta,
        max_staleness: timedelta,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions = sessions
        self._ended = EndedSessions(max(60.0, token_lifetime.total_seconds() / 8))
        self._max_staleness = max_staleness.total_seconds()
        self._clock = clock
        self._looked_at = -float("inf")
        self._database_time: datetime | None = None

    def check(self, session_id: str) -> None:
        """Let a session pass that has not ended, as far as is known.

        Raises Unauthenticated when it has, and Unavailable when what is known is too old.
        """
        if session_id in self._ended:
            raise Unauthenticated(TokenFault.TOKEN_REVOKED)
        if self._clock() - self._looked_at > self._max_staleness:
            raise Unavailable(retry_after=1)

    def add(self, ended: Iterable[Ended]) -> None:
        """Know at once of what this process itself has ended."""
        self._ended.add(ended)

    async def look(self) -> None:
        """Learn of all that ended since the last look; raises Unavailable."""
        began = self._clock()
        present = await self._sessions.now()
        if self._database_time is None:
            since = EVER
        else:
            # The clock of the database may have been set, forward or back, since the last look.
            unchanged = present - timedelta(seconds=began - self._looked_at)
            since = min(unchanged, self._database_time) - OVERLAP
        # A look that was too long would be too long again: the next one goes as far back.
        is_late = began - self._looked_at > SECONDS_FOR_NEWS
        seconds = SECONDS_FOR_ALL if is_late else SECONDS_FOR_NEWS
        async for ended in self._sessions.ended_since(since, seconds):
            self._ended.add(ended)
        self._looked_at, self._database_time = began, present
        self._ended.forget_before(time.time())

    async def follow(self) -> None:
        """Look again and again, until it is cancelled."""
        failing = False
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look may succeed
                if not failing:
                    logger.warning("cannot learn which sessions end (%s)", cause_of(error))
                failing = True
            else:
                failing = False
