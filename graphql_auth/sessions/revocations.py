"""Revoked sessions in memory, so that authentication needs no database query."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from graphql_auth.errors import TokenReason, Unauthenticated, Unavailable
from graphql_auth.mongo.clock import DatabaseClock, in_utc
from graphql_auth.sessions.document import RevocationDocument, SessionDocument
from graphql_auth.sessions.repository import BATCH, Revocation, SessionRepository

SECONDS_BETWEEN_POLLS = 0.25
SECONDS_BETWEEN_SWEEPS = 0.5
# A revocation is stamped when its write starts, but visible only after the commit. The clocks of
# two members of one database can differ too. So every sweep reads the last 10 seconds again.
OVERLAP = timedelta(seconds=10)
# A batch takes about 4 ms. With this pause, the sweeps after a burst take 3 % of a core.
SECONDS_BETWEEN_BATCHES = 0.15
EPOCH = datetime.fromtimestamp(0, UTC)
FAR_FUTURE = datetime(9999, 1, 1, tzinfo=UTC)
# Most revocations become visible within this time. Then the next poll reads them.
MAX_DELAY = timedelta(seconds=2)
# A million at the start take half a minute at worst. Later polls read a few seconds only, except
# after a burst or an outage of the database.
FULL_POLL_TIMEOUT = 600.0
INCREMENTAL_POLL_TIMEOUT = 5.0
BUCKETS = 8


@dataclass(slots=True)
class _Bucket:
    """Ids that expire together."""

    ids: set[int] = field(default_factory=set)
    until: datetime = EPOCH


class RevocationSet:
    """A set of session ids that expire. A million take about 82 MB.

    ``lifetime`` is the one of access tokens, in seconds. An id is kept until its tokens have
    expired by the clock of the database. It is also kept for at least one lifetime by the monotonic
    clock. So no step of a clock makes a revoked token valid again.

    Ids that are added in the same eighth of a lifetime share a bucket. An expiry for each id would
    take 106 MB for a million, and 25 ms to find the expired ones.
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
        self._buckets: dict[int, _Bucket] = {}

    def __contains__(self, session_id: str) -> bool:
        key = int(session_id, 16)
        return any(key in bucket.ids for bucket in self._buckets.values())

    def __len__(self) -> int:
        return sum(len(bucket.ids) for bucket in self._buckets.values())

    def add(self, ids: set[int], until: datetime) -> bool:
        """Add sessions whose tokens expire at ``until`` or before; return whether any is new."""
        for bucket in self._buckets.values():
            ids = ids - bucket.ids
        if ids:
            bucket = self._buckets.setdefault(self._bucket_number(), _Bucket())
            bucket.ids |= ids
            bucket.until = max(bucket.until, until)
        return bool(ids)

    def forget_expired(self) -> None:
        """Drop the buckets whose tokens have expired by both clocks."""
        oldest = self._bucket_number() - BUCKETS
        for number, bucket in list(self._buckets.items()):
            if number < oldest and bucket.until <= self._now():
                del self._buckets[number]

    def _bucket_number(self) -> int:
        return int(self._monotonic() * BUCKETS // self._lifetime)


class Revocations:
    """The revoked sessions that this process knows, updated from the database.

    A poll reads what is published, backwards from now until it finds nothing new. It misses a
    revocation that becomes visible late behind a burst of later ones. A sweep finds that one: it
    reads the whole overlap again, slowly. Then it reads the sessions, which finds those that a
    crash or version 0.3.0 did not publish. Only this asks all shards of a cluster, so polls
    continue while one is lost. Polls and sweeps also set ``clock``. ``max_staleness`` is the
    longest time in which a process authenticates without a successful poll.
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
        self.revoked = RevocationSet(token_lifetime.total_seconds(), in_utc(clock), monotonic)
        self._max_staleness = max_staleness.total_seconds()
        self._monotonic = monotonic
        # By the monotonic clock.
        self.polled_at = -float("inf")
        self._latest = EPOCH
        # The start of the last sweep, by both clocks.
        self._swept: tuple[float, datetime] | None = None

    def check(self, session_id: str) -> None:
        """Raise Unauthenticated if a session is revoked, and Unavailable if that is unknown.

        It is unknown when the last poll is older than ``max_staleness``.
        """
        if session_id in self.revoked:
            raise Unauthenticated(TokenReason.TOKEN_REVOKED)
        if not self.are_current:
            raise Unavailable(retry_after=1)

    @property
    def are_current(self) -> bool:
        """Whether the last poll is at most ``max_staleness`` old."""
        return self._monotonic() - self.polled_at <= self._max_staleness

    def add(self, revocations: Sequence[Revocation]) -> None:
        """Add sessions that this process has ended itself."""
        ids = {int(revocation.session_id, 16) for revocation in revocations}
        until = max((revocation.until for revocation in revocations), default=EPOCH)
        self.revoked.add(ids, until)

    async def poll(self) -> None:
        """Read the revocations since the last poll; raises Unavailable."""
        asked_at, now = await self._read_clocks()
        # After a timeout the same timeout would be too short again.
        is_late = asked_at - self.polled_at > INCREMENTAL_POLL_TIMEOUT
        timeout = FULL_POLL_TIMEOUT if is_late else INCREMENTAL_POLL_TIMEOUT
        # A later time comes from a clock that was ahead; a sweep reads it.
        end = now + MAX_DELAY
        start = min(self._latest, now) - MAX_DELAY
        latest = self._latest
        published = self._sessions.revoked_between(start, end, timeout, RevocationDocument)
        async with aclosing(published) as batches:
            async for batch in batches:
                latest = max(latest, batch.latest)
                is_new = self.revoked.add(batch.ids, batch.until)
                if not is_new and batch.earliest <= self._latest:
                    break
        self._latest = latest
        self.polled_at = asked_at
        self.revoked.forget_expired()

    async def sweep(self) -> None:
        """Read the overlap before the last sweep, and all since then; raises Unavailable.

        The first sweep reads everything, without pauses.
        """
        asked_at, now = await self._read_clocks()
        start = EPOCH
        if self._swept:
            # The clock of the database may have been set forward or back since the last sweep.
            last_asked_at, last = self._swept
            start = min(now - timedelta(seconds=asked_at - last_asked_at), last) - OVERLAP
        for source in (RevocationDocument, SessionDocument):
            period = start, FAR_FUTURE, FULL_POLL_TIMEOUT
            async with aclosing(self._sessions.revoked_between(*period, source)) as batches:
                async for batch in batches:
                    self.revoked.add(batch.ids, batch.until)
                    if self._swept and len(batch.ids) == BATCH:
                        await asyncio.sleep(SECONDS_BETWEEN_BATCHES)
        self._swept = asked_at, now

    async def _read_clocks(self) -> tuple[float, datetime]:
        """Return the time by the monotonic clock, and by that of the database."""
        asked_at = self._monotonic()
        now = await self._sessions.now()
        self._clock.set(now, asked_at)
        return asked_at, now
