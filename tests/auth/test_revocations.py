import asyncio
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from graphql_auth.auth import revocations as module
from graphql_auth.auth.revocations import EndedSessions, Revocations
from graphql_auth.errors import Unauthenticated, Unavailable
from graphql_auth.storage.sessions import Ended, Sessions

START = datetime(2026, 1, 1, tzinfo=UTC)
IDS = [str(ObjectId()) for _ in range(200)]


def ended(session_id: str, minutes: float = 0) -> Ended:
    return Ended(session_id, START, START + timedelta(minutes=minutes))


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(IDS), st.integers(0, 30)), max_size=100), max_size=5
    ),
    st.integers(0, 40),
)
def test_it_holds_what_was_added_until_its_time(
    batches: list[list[tuple[str, int]]], minutes: int
) -> None:
    known = EndedSessions(60)
    for batch in batches:
        known.add(ended(session_id, until) for session_id, until in batch)
    every = {pair for batch in batches for pair in batch}

    assert {one for one in IDS if one in known} == {session_id for session_id, _ in every}
    assert len(known) == len(every)

    known.forget_before((START + timedelta(minutes=minutes)).timestamp())

    kept = {session_id for session_id, until in every if until >= minutes}
    assert {one for one in IDS if one in known} == kept


@pytest.mark.parametrize("batch", [100, 40_000])
def test_forty_thousand_take_little_more_than_half_a_megabyte(batch: int) -> None:
    known = EndedSessions(3600)
    many = [ended(str(number)) for number in range(40_000)]
    tracemalloc.start()

    for start in range(0, len(many), batch):
        known.add(many[start : start + batch])

    assert tracemalloc.get_traced_memory()[0] < 600_000
    tracemalloc.stop()
    assert len(known) == 40_000
    assert "39999" in known
    assert "40000" not in known


class Source(Sessions):
    """Ended sessions that the tests put there, or a database that does not answer."""

    def __init__(self) -> None:
        self.ended: list[Ended] = []
        self.fault: Exception | None = None
        self.asked: list[datetime] = []
        self.patience: list[float] = []
        self.database_time = datetime.now(UTC)
        self.when_asked: Callable[[], None] = lambda: None

    async def now(self) -> datetime:
        return self.database_time

    async def ended_since(self, moment: datetime, seconds: float) -> AsyncIterator[list[Ended]]:
        self.asked.append(moment)
        self.patience.append(seconds)
        self.when_asked()
        if self.fault:
            raise self.fault
        yield [one for one in self.ended if one.at > moment]


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
    return Revocations(source, timedelta(hours=2), timedelta(seconds=30), now)


def soon(session_id: str, **at: float) -> Ended:
    moment = datetime.now(UTC)
    return Ended(session_id, moment + timedelta(**at), moment + timedelta(hours=2))


@pytest.mark.anyio
async def test_what_ended_elsewhere_is_known_after_a_look(
    revocations: Revocations, source: Source
) -> None:
    await revocations.look()
    revocations.check(IDS[0])
    source.ended.append(soon(IDS[0]))

    await revocations.look()

    with pytest.raises(Unauthenticated, match="TOKEN_REVOKED"):
        revocations.check(IDS[0])
    revocations.check(IDS[1])


@pytest.mark.anyio
async def test_an_end_that_shows_later_than_its_time_is_seen_all_the_same(
    revocations: Revocations, source: Source
) -> None:
    await revocations.look()
    source.ended.append(soon(IDS[1], seconds=-9))

    await revocations.look()

    with pytest.raises(Unauthenticated):
        revocations.check(IDS[1])


@pytest.mark.anyio
async def test_a_look_behind_one_that_took_too_long_may_take_longer(
    revocations: Revocations, source: Source, now: Now
) -> None:
    await revocations.look()
    now.time += 0.25
    source.fault = Unavailable()
    with pytest.raises(Unavailable):
        await revocations.look()
    now.time += module.SECONDS_FOR_NEWS
    source.fault = None

    for _ in range(2):
        await revocations.look()

    first, news, late, on_time = source.patience
    assert first == late == module.SECONDS_FOR_ALL
    assert news == on_time == module.SECONDS_FOR_NEWS


@pytest.mark.anyio
async def test_only_the_first_look_asks_for_all(
    revocations: Revocations, source: Source, now: Now
) -> None:
    source.ended.append(soon(IDS[0], seconds=60))
    await revocations.look()
    for _ in range(2):
        now.time += 5
        source.database_time += timedelta(seconds=5)
        await revocations.look()

    assert source.asked[0] == module.EVER
    for since, later in ((source.asked[1], 5), (source.asked[2], 0)):
        assert since == source.database_time - timedelta(seconds=later + 5) - module.OVERLAP


@pytest.mark.anyio
@pytest.mark.parametrize("seconds", [-3600, 3600])
async def test_a_clock_of_the_database_that_is_set_hides_no_end(
    revocations: Revocations, source: Source, now: Now, seconds: float
) -> None:
    await revocations.look()
    before = source.database_time
    source.database_time += timedelta(seconds=seconds)
    after = source.database_time
    now.time += 1
    source.ended += [
        Ended(IDS[0], before, before + timedelta(hours=9)),
        Ended(IDS[1], after, after + timedelta(hours=9)),
    ]

    await revocations.look()

    for one in IDS[:2]:
        with pytest.raises(Unauthenticated):
            revocations.check(one)


@pytest.mark.anyio
async def test_an_entry_is_forgotten_when_its_tokens_have_expired(
    revocations: Revocations, source: Source
) -> None:
    source.ended.append(Ended(IDS[0], datetime.now(UTC), datetime.now(UTC) - timedelta(hours=1)))

    await revocations.look()

    revocations.check(IDS[0])


def test_nobody_is_let_in_before_the_first_look(revocations: Revocations) -> None:
    with pytest.raises(Unavailable):
        revocations.check(IDS[0])


@pytest.mark.anyio
async def test_what_is_too_old_is_not_trusted(
    revocations: Revocations, source: Source, now: Now
) -> None:
    await revocations.look()
    source.fault = Unavailable()
    now.time = 20
    with pytest.raises(Unavailable):
        await revocations.look()

    now.time = 30
    revocations.check(IDS[0])
    now.time = 30.001
    with pytest.raises(Unavailable):
        revocations.check(IDS[0])
    revocations.add([soon(IDS[1])])
    with pytest.raises(Unauthenticated):
        revocations.check(IDS[1])

    source.fault = None
    await revocations.look()
    revocations.check(IDS[0])


@pytest.mark.anyio
async def test_what_is_known_is_as_old_as_the_question(
    revocations: Revocations, source: Source, now: Now
) -> None:
    def take_long() -> None:
        now.time += 31

    source.when_asked = take_long
    await revocations.look()

    with pytest.raises(Unavailable):
        revocations.check(IDS[0])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LOOKS", 0.001)


@pytest.mark.anyio
@pytest.mark.usefixtures("quick")
async def test_it_keeps_looking_and_tells_of_an_outage_once(
    revocations: Revocations, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    async def looks(more: int) -> None:
        wanted, deadline = len(source.asked) + more, time.monotonic() + 10
        while len(source.asked) < wanted:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.001)

    following = asyncio.create_task(revocations.follow())
    for fault in (None, Unavailable(), None, KeyError("expires_at")):
        source.fault = fault
        await looks(5)
    following.cancel()

    told = [record for record in caplog.records if "which sessions end" in record.getMessage()]
    assert len(told) == 2
