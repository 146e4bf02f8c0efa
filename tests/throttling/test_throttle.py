import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.errors import InvalidCredentials, TooManyAttempts, Unavailable
from graphql_auth.throttling import throttle as module
from graphql_auth.throttling.backoff import RateLimit
from graphql_auth.throttling.repository import AttemptRepository
from graphql_auth.throttling.throttle import HOUR, LEASE_DURATION, Throttle, ThrottleKey
from tests.services import Clock

pytestmark = pytest.mark.anyio


KEY = ThrottleKey(
    "test",
    RateLimit(free=2, refill=HOUR, first_wait=timedelta(seconds=1), max_wait=timedelta(1)),
)


async def counted(database: AsyncDatabase[dict[str, Any]], clock: Clock) -> tuple[int, int]:
    """How many attempts count, and how many are in progress."""
    found = await database["graphql_auth_attempts"].find_one({"_id": "test"})
    assert found is not None
    used = (found["full_at"].timestamp() - clock.time) / HOUR.total_seconds()
    return round(used), len(found["pending"])


@pytest.mark.parametrize("end", [Unavailable(), KeyError(), InvalidCredentials(), None])
@pytest.mark.parametrize("is_counted", [True, False])
@pytest.mark.usefixtures("service")
async def test_attempt_is_counted_only_on_request(
    throttle: Throttle,
    database: AsyncDatabase[dict[str, Any]],
    clock: Clock,
    end: Exception | None,
    is_counted: bool,  # noqa: FBT001
) -> None:
    with pytest.raises(type(end)) if end else contextlib.nullcontext():
        async with throttle.attempt([KEY]) as attempt:
            attempt.is_counted = is_counted
            if end:
                raise end

    assert await counted(database, clock) == (int(is_counted), 0)


@pytest.mark.usefixtures("service")
async def test_cancelled_attempt_is_not_counted(
    throttle: Throttle, database: AsyncDatabase[dict[str, Any]], clock: Clock
) -> None:
    began = asyncio.Event()

    async def hang() -> None:
        async with throttle.attempt([KEY]):
            began.set()
            await asyncio.sleep(60)

    hanging = asyncio.create_task(hang())
    await began.wait()
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging

    assert await counted(database, clock) == (0, 0)


@pytest.mark.usefixtures("service")
async def test_clock_that_goes_back_a_little_counts_no_attempt_twice(
    throttle: Throttle, clock: Clock
) -> None:
    limit = RateLimit(free=5, refill=HOUR, first_wait=HOUR, max_wait=HOUR)
    for _ in range(limit.free):
        async with throttle.attempt([ThrottleKey("test", limit)]) as attempt:
            attempt.is_counted = True
        clock.time -= 1

    with pytest.raises(TooManyAttempts):
        async with throttle.attempt([ThrottleKey("test", limit)]):
            pass


@pytest.mark.usefixtures("service")
async def test_lease_of_killed_process_expires_uncounted(
    throttle: Throttle, database: AsyncDatabase[dict[str, Any]], clock: Clock
) -> None:
    now = datetime.fromtimestamp(clock.time, UTC)
    await AttemptRepository().acquire("test", KEY.limit, "dead", now, now + LEASE_DURATION)
    async with throttle.attempt([KEY]):
        pass
    assert await counted(database, clock) == (0, 1)

    clock.time += LEASE_DURATION.total_seconds()
    async with throttle.attempt([KEY]):
        pass

    assert await counted(database, clock) == (0, 0)


@pytest.mark.usefixtures("service")
async def test_lease_is_renewed_while_its_attempt_is_in_progress(
    throttle: Throttle, database: AsyncDatabase[dict[str, Any]], clock: Clock
) -> None:
    await throttle.renew_leases()
    async with throttle.attempt([KEY]):
        clock.time += LEASE_DURATION.total_seconds() - 1
        await throttle.renew_leases()
        clock.time += LEASE_DURATION.total_seconds() - 1
        async with throttle.attempt([KEY]):
            assert await counted(database, clock) == (0, 2)

    assert await counted(database, clock) == (0, 0)


@pytest.mark.usefixtures("service")
async def test_retries_after_duplicate_key_are_limited(
    throttle: Throttle, database: AsyncDatabase[dict[str, Any]]
) -> None:
    await database["graphql_auth_attempts"].create_index("kind", unique=True)
    async with throttle.attempt([KEY]):
        pass

    with pytest.raises(Unavailable):
        async with throttle.attempt([ThrottleKey("another", KEY.limit)]):
            pass


@pytest.mark.usefixtures("service")
async def test_waiting_time_and_waiting_attempts_are_limited(
    throttle: Throttle, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ACQUIRE_TIMEOUT", 2.0)
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    now = datetime.fromtimestamp(clock.time, UTC)
    for lease in ("one", "two"):
        await AttemptRepository().acquire("test", KEY.limit, lease, now, now + LEASE_DURATION)

    async def wait() -> int:
        with pytest.raises(TooManyAttempts) as refused:
            async with throttle.attempt([KEY]):
                pass
        return refused.value.retry_after

    attempts = [asyncio.create_task(wait()) for _ in range(9)]
    _, waiting = await asyncio.wait(attempts, timeout=1)

    assert len(waiting) == 3
    async with throttle.attempt([ThrottleKey("another", KEY.limit)]):
        pass
    assert await asyncio.gather(*attempts) == [1] * 9


@pytest.mark.usefixtures("service")
async def test_refused_attempt_writes_nothing(
    throttle: Throttle, database: AsyncDatabase[dict[str, Any]]
) -> None:
    for _ in range(2):
        async with throttle.attempt([KEY]) as attempt:
            attempt.is_counted = True
    before = await database["graphql_auth_attempts"].find_one()

    with pytest.raises(TooManyAttempts):
        async with throttle.attempt([KEY]):
            pass

    assert await database["graphql_auth_attempts"].find_one() == before


@pytest.mark.usefixtures("service")
async def test_cancelled_wait_for_a_lease_leaves_none(
    throttle: Throttle,
    database: AsyncDatabase[dict[str, Any]],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin = AttemptRepository.acquire

    async def begin_and_lose_the_answer(*arguments: Any) -> NoReturn:
        await begin(*arguments)
        raise asyncio.CancelledError

    monkeypatch.setattr(AttemptRepository, "acquire", begin_and_lose_the_answer)
    with pytest.raises(asyncio.CancelledError):
        async with throttle.attempt([KEY]):
            pass

    assert await counted(database, clock) == (0, 0)
