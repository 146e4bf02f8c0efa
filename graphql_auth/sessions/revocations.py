"""Revoked sessions, known in memory to every process, so that a request asks no database."""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from graphql_auth.errors import TokenReason, Unauthenticated, Unavailable
from graphql_auth.mongo.clock import DatabaseClock
from graphql_auth.sessions.repository import BATCH, Revocation, SessionRepository

SECONDS_BETWEEN_POLLS = 0.25
SECONDS_BETWEEN_SWEEPS = 0.5
# How much later than its time an end may become visible: it is written with the time at which the
# command began; and the clocks of two members of one database may differ.
OVERLAP = timedelta(seconds=10)
# A batch takes some 4 ms. After a burst of ends a sweep has many, and takes 3 % of a core.
SECONDS_BETWEEN_BATCHES = 0.15
EPOCH = datetime.fromtimestamp(0, UTC)
FAR_FUTURE = datetime(9999, 1, 1, tzinfo=UTC)
# Most ends become visible within this time, and are read by the next poll.
MAX_DELAY = timedelta(seconds=2)
# A million at the start take half a minute at the worst. Later polls read those of a moment, unless
# many ended at once, or the database was away for a while.
FULL_POLL_TIMEOUT = 600.0
INCREMENTAL_POLL_TIMEOUT = 5.0
BUCKETS = 8


class RevocationSet:
    """A set of session ids that forgets; a million take some 82 MB.

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

    def add(self, ended: Iterable[Revocation]) -> bool:
        """Add sessions; return whether any of them is new."""
        new = [one for one in ended if one.session_id not in self]
        if new:
            number = int(self._monotonic() * BUCKETS // self._lifetime)
            bucket = self._buckets.setdefault(number, _Bucket())
            bucket.ids.update(int(one.session_id, 16) for one in new)
            bucket.until = max(bucket.until, *(one.until for one in new))
        return bool(new)

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
    """Says whether a session is revoked, and reads which sessions have ended elsewhere.

    A poll reads backwards from now, until it finds nothing new. So an end that becomes visible
    late is seen, unless a burst of later ones hides it. A sweep reads the whole overlap again, and
    does not hurry. Each of them also sets ``clock``. ``max_staleness`` is how long a process goes
    on without a poll.
    """

    def __init__(
        self,
        sessions: SessionRepository,
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
        self._newest = EPOCH
        # When the last sweep began, or before the first one the first poll.
        self._swept: Reading | None = None

    def check(self, session_id: str) -> None:
        """Let a session pass that is not known to be revoked.

        Raises Unauthenticated if it is, and Unavailable if the last poll is too long ago.
        """
        if session_id in self._revoked:
            raise Unauthenticated(TokenReason.TOKEN_REVOKED)
        if self._monotonic() - self._polled_at > self._max_staleness:
            raise Unavailable(retry_after=1)

    def add(self, ended: Iterable[Revocation]) -> None:
        """Revoke sessions that this process itself has ended."""
        self._revoked.add(ended)

    async def poll(self) -> None:
        """Read the sessions that ended since the last poll; raises Unavailable."""
        reading = await self._read_clocks()
        # A poll that took too long would take too long again: the next one has more time.
        is_late = reading.monotonic - self._polled_at > INCREMENTAL_POLL_TIMEOUT
        timeout = FULL_POLL_TIMEOUT if is_late else INCREMENTAL_POLL_TIMEOUT
        # What has a later time comes of a clock that was ahead; a sweep reads it.
        end = reading.database + MAX_DELAY
        start = min(self._newest, reading.database) - MAX_DELAY if self._swept else EPOCH
        newest = self._newest
        async with aclosing(self._sessions.revoked_between(start, end, timeout)) as batches:
            async for ended in batches:
                newest = max(newest, ended[0].at)
                if not self._revoked.add(ended) and ended[-1].at <= self._newest:
                    break
        self._newest = newest
        self._swept = self._swept or reading
        self._polled_at = reading.monotonic
        self._revoked.forget_expired()

    async def sweep(self) -> None:
        """Read the overlap before the last sweep, and what came since; raises Unavailable."""
        reading = await self._read_clocks()
        before = self._swept or reading
        # The clock of the database may have been set, forward or back, since then.
        unchanged = reading.database - timedelta(seconds=reading.monotonic - before.monotonic)
        start = min(unchanged, before.database) - OVERLAP
        all_later = self._sessions.revoked_between(start, FAR_FUTURE, FULL_POLL_TIMEOUT)
        async with aclosing(all_later) as batches:
            async for ended in batches:
                self._revoked.add(ended)
                if len(ended) == BATCH:
                    await asyncio.sleep(SECONDS_BETWEEN_BATCHES)
        self._swept = reading

    async def _read_clocks(self) -> "Reading":
        asked_at = self._monotonic()
        database = await self._sessions.now()
        self._clock.set(database, asked_at)
        return Reading(asked_at, database)


@dataclass(frozen=True, slots=True)
class Reading:
    """One moment, by the monotonic clock and by the clock of the database."""

    monotonic: float
    database: datetime
