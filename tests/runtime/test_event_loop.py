import asyncio
import gc
import signal
from contextlib import suppress
from typing import NoReturn

import pytest

from graphql_auth.runtime import event_loop
from graphql_auth.runtime.event_loop import cancel_on_signal, run
from graphql_auth.runtime.signals import StopSignals


def test_tasks_end_with_the_run(caplog: pytest.LogCaptureFixture) -> None:
    begun: list[asyncio.Task[None]] = []

    async def begin() -> None:
        begun.append(asyncio.create_task(asyncio.sleep(60)))
        await asyncio.sleep(0)

    run(begin())

    assert begun[0].cancelled()
    begun.clear()
    gc.collect()
    assert caplog.text == ""


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_task_that_raises_system_exit_does_not_end_the_run(error: type[BaseException]) -> None:
    async def fail() -> None:
        raise error

    async def wait() -> BaseException | None:
        task = asyncio.create_task(fail())
        await asyncio.sleep(0.01)
        return task.exception()

    assert isinstance(run(wait()), error)


class Interrupting:
    """Gets a signal where Python prints what a handler raises, and goes on."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __del__(self) -> None:
        signal.raise_signal(self._number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_wherever_it_comes(number: int) -> None:
    class Revocation(Exception):
        pass

    def end(*_: object) -> NoReturn:
        raise Revocation

    cancelled: list[bool] = []

    async def interrupted() -> None:
        Interrupting(number)
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    before = signal.signal(number, end)
    try:
        with pytest.raises(Revocation):
            run(interrupted())
        assert signal.getsignal(number) is end
    finally:
        signal.signal(number, before)
    assert cancelled


def test_ctrl_c_that_is_ignored_does_not_end_the_run() -> None:
    async def work() -> str:
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(0.01)
        return "done"

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert run(work()) == "done"
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.anyio
async def test_lost_cancellation_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_loop, "CANCEL_INTERVAL", 0.01)
    signals, lost = StopSignals(), list[bool]()

    async def lose_some() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if len(lost) == 3:
                    raise
                lost.append(True)

    task = asyncio.create_task(cancel_on_signal(signals, lose_some()))
    await asyncio.sleep(0.01)
    signals.note(signal.SIGTERM, None)

    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(30):
            await task
    assert len(lost) == 3


def test_task_that_swallows_each_cancellation_delays_the_end_for_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(event_loop, "CANCEL_INTERVAL", 0.01)
    monkeypatch.setattr(event_loop, "CANCEL_TIMEOUT", 0.05, raising=False)
    swallowed: list[bool] = []

    async def swallow() -> None:
        # Bounded, so that the test fails without the time-out.
        while len(swallowed) < 1_000:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            swallowed.append(True)

    async def begin() -> None:
        asyncio.create_task(swallow(), name="the hook main.swallow")  # noqa: RUF006
        await asyncio.sleep(0)

    run(begin())

    assert 0 < len(swallowed) < 1_000
    (record,) = caplog.records
    assert record.getMessage().startswith("the hook main.swallow ignores")


@pytest.mark.anyio
async def test_result_without_a_signal_is_returned() -> None:
    async def work() -> str:
        return "done"

    assert await cancel_on_signal(StopSignals(), work()) == "done"
