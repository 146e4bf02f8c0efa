import asyncio

import pytest

from graphql_auth.errors import Unavailable
from graphql_auth.runtime.periodic import run_periodically

pytestmark = pytest.mark.anyio


class Work:
    """Work that does not always succeed."""

    def __init__(self) -> None:
        self.times = 0
        self.fault: Exception | None = None

    async def work(self) -> None:
        self.times += 1
        if self.fault:
            raise self.fault

    async def wait(self, times: int) -> None:
        wanted = self.times + times
        async with asyncio.timeout(30):
            while self.times < wanted:  # noqa: ASYNC110 - the work sets no event
                await asyncio.sleep(0.001)


async def test_work_is_repeated_until_the_block_ends() -> None:
    one, other = Work(), Work()
    async with run_periodically((0.001, one.work), (0.001, other.work)):
        await one.wait(3)
        await other.wait(3)
    done = one.times, other.times
    await asyncio.sleep(0.01)

    assert (one.times, other.times) == done


async def test_failure_is_logged_once_and_work_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    job = Work()
    async with run_periodically((0.001, job.work)):
        # An outage is logged where the error of the driver is translated.
        for fault in (Unavailable(), KeyError("secret"), None, KeyError("secret")):
            job.fault = fault
            await job.wait(3)

    assert len(caplog.records) == 2
    assert "work failed" in caplog.text
    assert "secret" not in caplog.text


async def test_job_that_loses_a_cancellation_ends_all_the_same() -> None:
    begun = asyncio.Event()

    async def lose_a_cancellation() -> None:
        try:
            begun.set()
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if begun.is_set():
                begun.clear()
                return
            raise

    async with asyncio.timeout(30):
        async with run_periodically((60, lose_a_cancellation)):
            await begun.wait()
