"""Revoked sessions, known in memory to every process, so that a request asks no database."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from graphql_auth.auth.clock import DatabaseClock
from graphql_auth.errors import TokenFault, Unauthenticated, Unavailable
from graphql_auth.storage.sessions import Ended, Sessions

SECONDS_BETWEEN_POLLS = 0.25
# How much later than its time an end may become visible: it is written with the time at which the
# command began; and the clocks of two members of one database may differ.
OVERLAP = timedelta(seconds=10)
CLOCK_STEP = timedelta(seconds=1)
EPOCH = datetime.fromtimestamp(0, UTC)
# A million at the start take half a minute at the worst. Later polls read those of a moment, unless
# many ended at once, or the database was away for a while.
FULL_POLL_TIMEOUT = 600.0
INCREMENTAL_POLL_TIMEOUT = 5.0
# The overlap is read again with each poll, unless it holds more than these; then at this rate.
MAX_REREAD = 1_000
REREAD_PER_SECOND = 10_000
BUCKETS = 8


class RevocationSet:
    """A set of session ids that forgets; a million take some 75 MB.

    ``lifetime`` is how long a token works, in seconds. A session is kept until the clock of the
    database says that its tokens have expired, and at least for one lifetime by the monotonic
    clock. So no step of a clock brings a revoked token back.
    """

    def __init__(
        self,
        lifetime: float,
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lifetime = lifetime
        self._now = now
        self._monotonic = monotonic
        # Sessions that were added in the same part of a lifetime, to be forgotten together.
        self._buckets: dict[int, _Bucket] = {}

    def __contains__(self, session_id: str) -> bool:
        key = int(session_id, 16)
        return any(key in bucket.ids for bucket in self._buckets.values())

    def __len__(self) -> int:
        return sum(len(bucket.ids) for bucket in self._buckets.values())

    def add(self, ended: Iterable[Ended]) -> None:
        """Add sessions, and forget those whose time has come."""
        number = int(self._monotonic() * BUCKETS // self._lifetime)
        bucket = self._buckets.get(number)
        for one in ended:
            if one.session_id not in self:
                bucket = bucket or self._buckets.setdefault(number, _Bucket())
                bucket.ids.add(int(one.session_id, 16))
                bucket.until = max(bucket.until, one.until)

    def forget_expired(self) -> None:
        """Forget the sessions whose tokens have expired by both clocks."""
        full_lifetime_ago = self._monotonic() * BUCKETS // self._lifetime - BUCKETS
        for number, bucket in list(self._buckets.items()):
            if number < full_lifetime_ago and bucket.until <= self._now():
                del self._buckets[number]


class _Bucket:
    def __init__(self) -> None:
        self.ids: set[int] = set()
        self.until = EPOCH


class Revocations:
    """Says whether a session is revoked, and polls the database for those that ended elsewhere.

    Each poll also sets ``clock``. ``max_staleness`` is how long a process goes on without one.
    """

    def __init__(
        self,
        sessions: Sessions,
        clock: DatabaseClock,
        token_lifetime: timedelta,
        max_staleness: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._revoked = RevocationSet(token_lifetime.total_seconds(), clock.now, monotonic)
        self._max_staleness = max_staleness.total_seconds()
        self._monotonic = monotonic
        self._polled_at = -float("inf")
        self._window = PollWindow()

    def check(self, session_id: str) -> None:
        """Let a session pass that is not known to be revoked.

        Raises Unauthenticated if it is, and Unavailable if the last poll is too long ago.
        """
        if session_id in self._revoked:
            raise Unauthenticated(TokenFault.TOKEN_REVOKED)
        if self._monotonic() - self._polled_at > self._max_staleness:
            raise Unavailable(retry_after=1)

    def add(self, ended: Iterable[Ended]) -> None:
        """Revoke sessions that this process itself has ended."""
        self._revoked.add(ended)

    async def poll(self) -> None:
        """Read the sessions that ended since the last poll; raises Unavailable."""
        began = self._monotonic()
        present = await self._sessions.now()
        self._clock.set(present, began)
        # A poll that took too long would take too long again: the next one has more time.
        is_late = began - self._polled_at > INCREMENTAL_POLL_TIMEOUT
        timeout = FULL_POLL_TIMEOUT if is_late else INCREMENTAL_POLL_TIMEOUT
        recent: list[datetime] = []
        async for ended in self._sessions.ended_since(self._window.start(began, present), timeout):
            self._revoked.add(ended)
            recent += [one.at for one in ended if one.at > present - OVERLAP]
        self._window.advance(began, present, recent)
        self._polled_at = began
        self._revoked.forget_expired()


class PollWindow:
    """Since when a poll reads: the last one, and the overlap before it.

    After a burst of ends the overlap holds so many sessions that it cannot be read four times a
    second. Then most polls read only what is newer, and a few, at a bounded rate, all of it.
    """

    def __init__(self) -> None:
        # When the last poll read the whole overlap: by the monotonic clock and by the database.
        self._whole: tuple[float, datetime] | None = None
        self._is_whole = True
        self._next_whole = -float("inf")
        self._newest = EPOCH

    def start(self, began: float, present: datetime) -> datetime:
        """Return since when to read, in a poll that begins at these two times."""
        if self._whole is None:
            return EPOCH
        whole_began, whole_present = self._whole
        # The clock of the database may have been set, forward or back, since then.
        unchanged = present - timedelta(seconds=began - whole_began)
        has_stepped = abs(unchanged - whole_present) > CLOCK_STEP
        self._is_whole = has_stepped or began >= self._next_whole
        start = min(unchanged, whole_present) - OVERLAP
        return start if self._is_whole else max(start, self._newest)

    def advance(self, began: float, present: datetime, recent: list[datetime]) -> None:
        """Note what a poll has read: the times of those ends that the overlap still holds."""
        if self._is_whole:
            self._whole = began, present
        if len(recent) > MAX_REREAD:
            self._newest = min(max(recent), present)
            self._next_whole = began + len(recent) / REREAD_PER_SECOND
