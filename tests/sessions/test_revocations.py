import asyncio
import tracemalloc
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from beanie import Document
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from graphql_auth.errors import Unauthenticated, Unavailable
from graphql_auth.mongo.clock import DatabaseClock
from graphql_auth.sessions import revocations as module
from graphql_auth.sessions.document import RevocationDocument, SessionDocument
from graphql_auth.sessions.repository import BATCH, Revocation, RevocationBatch, SessionRepository
from graphql_auth.sessions.revocations import Revocations, RevocationSet

START = datetime(2026, 1, 1, tzinfo=UTC)
IDS = [str(ObjectId()) for _ in range(200)]
LIFETIME = timedelta(hours=1)


class Ended(NamedTuple):
    """A session that is stored as ended."""

    session_id: str
    at: datetime
    until: datetime


def id_set(*session_ids: str) -> set[int]:
    return {int(session_id, 16) for session_id in session_ids}


class Clocks:
    """The clock of the database, and time that has passed."""

    def __init__(self) -> None:
        self.database = START
        self.elapsed = 0.0

    def pass_time(self, minutes: float) -> None:
        self.database += timedelta(minutes=minutes)
        self.elapsed += minutes * 60

    def revocation_set(self) -> RevocationSet:
        return RevocationSet(LIFETIME.total_seconds(), lambda: self.database, lambda: self.elapsed)


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(IDS), st.integers(0, 90))))
def test_revoked_session_is_kept_until_its_tokens_expire(
    additions: list[tuple[int, str, int]],
) -> None:
    clocks = Clocks()
    known = clocks.revocation_set()
    kept_until: dict[str, datetime] = {}
    for minutes, session_id, until in additions:
        clocks.pass_time(minutes)
        known.forget_expired()
        kept_until.setdefault(session_id, clocks.database + timedelta(minutes=until))
        known.add(id_set(session_id), kept_until[session_id])
        live = {one for one, moment in kept_until.items() if moment > clocks.database}
        assert all(one in known for one in live)

    clocks.pass_time(300)
    known.forget_expired()
    assert len(known) == 0


@pytest.mark.parametrize("step", [timedelta(hours=3), timedelta(hours=-3)])
def test_revoked_session_survives_step_of_database_clock(step: timedelta) -> None:
    clocks = Clocks()
    known = clocks.revocation_set()
    in_an_hour = START + timedelta(minutes=60)
    known.add(id_set(IDS[0]), in_an_hour)
    clocks.database += step
    known.add(id_set(IDS[1]), in_an_hour)
    known.forget_expired()
    clocks.database -= step

    clocks.pass_time(59)
    known.forget_expired()

    assert IDS[0] in known
    assert IDS[1] in known


def test_100_000_revoked_sessions_take_less_than_10_mb() -> None:
    known = Clocks().revocation_set()
    tracemalloc.start()

    known.add(set(range(100_000)), START)

    assert tracemalloc.get_traced_memory()[0] < 10_000_000
    tracemalloc.stop()
    assert len(known) == 100_000
    assert f"{99_999:024x}" in known
    assert f"{100_000:024x}" not in known


class Source(SessionRepository):
    """Ended sessions that the tests put there, or a database that does not answer."""

    def __init__(self) -> None:
        self.ended: list[Ended] = []
        self.unpublished: list[Ended] = []
        self.fault: Exception | None = None
        self.has_lost_shard = False
        self.asked: list[datetime] = []
        self.asked_of: list[type[Document]] = []
        self.patience: list[float] = []
        self.batches = 0
        self.database_time = datetime.now(UTC)
        self.when_asked: Callable[[], None] = lambda: None

    async def now(self) -> datetime:
        return self.database_time

    async def revoked_between(
        self, start: datetime, end: datetime, seconds: float, source: type[Document]
    ) -> AsyncGenerator[RevocationBatch]:
        self.asked.append(start)
        self.asked_of.append(source)
        self.patience.append(seconds)
        self.when_asked()
        if self.fault:
            raise self.fault
        if source is SessionDocument and self.has_lost_shard:
            raise Unavailable
        stored = self.ended if source is RevocationDocument else self.unpublished
        found = [one for one in stored if start < one.at <= end]
        found.sort(key=lambda one: one.at, reverse=True)
        for first in range(0, len(found), BATCH):
            self.batches += 1
            batch = found[first : first + BATCH]
            ids = id_set(*(one.session_id for one in batch))
            yield RevocationBatch(ids, batch[-1].at, batch[0].at, max(one.until for one in batch))


class Now:
    time = 0.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def revocations(source: Source, now: Now) -> Revocations:
    clock = DatabaseClock(now)
    return Revocations(source, clock, timedelta(hours=2), timedelta(seconds=30), now)


FAR = datetime.now(UTC) + timedelta(days=1)


def pass_time(source: Source, now: Now, seconds: float) -> None:
    now.time += seconds
    source.database_time += timedelta(seconds=seconds)


def soon(session_id: str, **at: float) -> Ended:
    moment = datetime.now(UTC)
    return Ended(session_id, moment + timedelta(**at), moment + timedelta(hours=2))


@pytest.mark.anyio
async def test_poll_reads_revocations_of_other_processes(
    revocations: Revocations, source: Source
) -> None:
    await revocations.poll()
    revocations.check(IDS[0])
    source.ended.append(soon(IDS[0]))

    await revocations.poll()

    with pytest.raises(Unauthenticated, check=lambda error: error.reason == "TOKEN_REVOKED"):
        revocations.check(IDS[0])
    revocations.check(IDS[1])


@pytest.mark.anyio
async def test_sweep_reads_late_revocation(
    revocations: Revocations, source: Source, now: Now
) -> None:
    await revocations.poll()
    await revocations.sweep()
    source.ended.append(soon(IDS[0]))
    await revocations.poll()
    for number, seconds in enumerate([9, 8, 1], start=1):
        pass_time(source, now, 5)
        source.ended.append(
            Ended(IDS[number], source.database_time - timedelta(seconds=seconds), FAR)
        )
        await revocations.sweep()
        with pytest.raises(Unauthenticated):
            revocations.check(IDS[number])


@pytest.mark.anyio
async def test_poll_after_timeout_has_longer_timeout(
    revocations: Revocations, source: Source, now: Now
) -> None:
    await revocations.poll()
    now.time += 0.25
    source.fault = Unavailable()
    with pytest.raises(Unavailable):
        await revocations.poll()
    now.time += module.INCREMENTAL_POLL_TIMEOUT
    source.fault = None

    for _ in range(2):
        await revocations.poll()

    first, news, late, on_time = source.patience
    assert first == late == module.FULL_POLL_TIMEOUT
    assert news == on_time == module.INCREMENTAL_POLL_TIMEOUT


@pytest.mark.anyio
async def test_poll_reads_little_and_sweep_reads_overlap(
    revocations: Revocations, source: Source, now: Now
) -> None:
    await revocations.poll()
    await revocations.sweep()
    start = source.database_time
    source.ended.append(Ended(IDS[0], start, FAR))
    await revocations.poll()
    pass_time(source, now, 5)
    await revocations.poll()
    await revocations.sweep()
    pass_time(source, now, 5)
    await revocations.sweep()

    overlap, delay = module.OVERLAP, module.MAX_DELAY
    everything = module.EPOCH - delay
    assert [*zip(source.asked, source.asked_of, strict=True)] == [
        (everything, RevocationDocument),
        (module.EPOCH, RevocationDocument),
        (module.EPOCH, SessionDocument),
        (everything, RevocationDocument),
        (start - delay, RevocationDocument),
        (start - overlap, RevocationDocument),
        (start - overlap, SessionDocument),
        (start + timedelta(seconds=5) - overlap, RevocationDocument),
        (start + timedelta(seconds=5) - overlap, SessionDocument),
    ]


def burst(source: Source, sessions: int) -> None:
    """End many sessions at once, a moment ago."""
    at = source.database_time - timedelta(seconds=0.1)
    source.ended += [Ended(f"{number:024x}", at, FAR) for number in range(sessions)]


@pytest.mark.anyio
async def test_polls_read_burst_once(revocations: Revocations, source: Source, now: Now) -> None:
    await revocations.poll()
    burst(source, 50 * BATCH)
    await revocations.poll()
    assert source.batches == 50

    for _ in range(4):
        pass_time(source, now, 0.25)
        await revocations.poll()

    assert source.batches == 50 + 4


@pytest.mark.anyio
@pytest.mark.parametrize("seconds", [0, 0.4, 1.5])
async def test_next_poll_reads_revocation_after_burst(
    revocations: Revocations, source: Source, now: Now, seconds: float
) -> None:
    await revocations.poll()
    burst(source, 50 * BATCH)
    await revocations.poll()
    pass_time(source, now, seconds + 0.25)
    source.ended.append(Ended(IDS[0], source.database_time, FAR))
    await revocations.poll()
    # This one has become visible late.
    late = source.database_time - timedelta(seconds=seconds)
    source.ended.append(Ended(IDS[1], late, FAR))
    await revocations.poll()

    for one in IDS[:2]:
        with pytest.raises(Unauthenticated):
            revocations.check(one)


@pytest.mark.anyio
async def test_sweep_reads_revocations_of_clock_that_is_ahead(
    revocations: Revocations, source: Source, now: Now
) -> None:
    await revocations.poll()
    ahead = source.database_time + timedelta(hours=1)
    source.ended += [Ended(f"{number:024x}", ahead, FAR) for number in range(2 * BATCH)]
    await revocations.poll()
    assert source.batches == 0
    await revocations.sweep()
    assert source.batches == 2

    pass_time(source, now, 0.25)
    source.ended.append(Ended(IDS[0], source.database_time, FAR))
    await revocations.poll()
    with pytest.raises(Unauthenticated):
        revocations.check(IDS[0])


@pytest.mark.anyio
async def test_first_sweep_that_succeeds_reads_everything(
    revocations: Revocations, source: Source
) -> None:
    source.unpublished.append(Ended(IDS[0], START, FAR))
    source.has_lost_shard = True
    with pytest.raises(Unavailable):
        await revocations.sweep()
    source.has_lost_shard = False
    for _ in range(2):
        await revocations.sweep()

    overlap = source.database_time - module.OVERLAP
    assert source.asked == [module.EPOCH] * 4 + [overlap] * 2
    assert IDS[0] in revocations.revoked


@pytest.mark.anyio
async def test_lost_shard_fails_sweeps_and_no_poll(
    revocations: Revocations, source: Source, now: Now
) -> None:
    await revocations.poll()
    await revocations.sweep()
    source.has_lost_shard = True
    for published in IDS[:2]:
        pass_time(source, now, 1800)
        await revocations.poll()
        late = source.database_time - timedelta(seconds=9)
        source.ended.append(Ended(published, late, FAR))
        with pytest.raises(Unavailable):
            await revocations.sweep()
        with pytest.raises(Unauthenticated):
            revocations.check(published)
        revocations.check(IDS[2])
    lost = source.database_time - timedelta(seconds=3600)
    source.unpublished.append(Ended(IDS[2], lost, FAR))
    source.has_lost_shard = False

    await revocations.sweep()

    with pytest.raises(Unauthenticated):
        revocations.check(IDS[2])


@pytest.mark.anyio
async def test_sweep_of_burst_pauses_between_batches(
    revocations: Revocations, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", pause)
    await revocations.poll()
    await revocations.sweep()
    source.ended = [
        Ended(f"{number:024x}", source.database_time, FAR) for number in range(2 * BATCH + 1)
    ]

    await revocations.sweep()

    assert pauses == [module.SECONDS_BETWEEN_BATCHES] * 2


@pytest.mark.anyio
@pytest.mark.parametrize("seconds", [-3600, 3600])
async def test_step_of_database_clock_hides_no_revocation(
    revocations: Revocations, source: Source, now: Now, seconds: float
) -> None:
    await revocations.poll()
    await revocations.sweep()
    before = source.database_time
    source.database_time += timedelta(seconds=seconds)
    after = source.database_time
    now.time += 1
    source.ended += [
        Ended(IDS[0], before, before + timedelta(hours=9)),
        Ended(IDS[1], after, after + timedelta(hours=9)),
    ]

    await revocations.sweep()

    for one in IDS[:2]:
        with pytest.raises(Unauthenticated):
            revocations.check(one)
    # Nor does it hide those that end later.
    source.ended.append(Ended(IDS[2], after + timedelta(seconds=1), FAR))
    pass_time(source, now, 2)
    await revocations.sweep()
    with pytest.raises(Unauthenticated):
        revocations.check(IDS[2])


def test_check_before_first_poll_is_unavailable(revocations: Revocations) -> None:
    with pytest.raises(Unavailable):
        revocations.check(IDS[0])


@pytest.mark.anyio
async def test_check_after_max_staleness_is_unavailable(
    revocations: Revocations, source: Source, now: Now
) -> None:
    await revocations.poll()
    source.fault = Unavailable()
    now.time = 20
    with pytest.raises(Unavailable):
        await revocations.poll()

    now.time = 30
    revocations.check(IDS[0])
    now.time = 30.001
    with pytest.raises(Unavailable):
        revocations.check(IDS[0])
    revocations.add([Revocation(IDS[1], FAR)])
    with pytest.raises(Unauthenticated):
        revocations.check(IDS[1])

    source.fault = None
    await revocations.poll()
    revocations.check(IDS[0])


@pytest.mark.anyio
async def test_staleness_counts_from_start_of_poll(
    revocations: Revocations, source: Source, now: Now
) -> None:
    def take_long() -> None:
        now.time += 31

    source.when_asked = take_long
    await revocations.poll()

    with pytest.raises(Unavailable):
        revocations.check(IDS[0])
