import asyncio
import gc
import signal
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


@pytest.mark.anyio
async def test_result_without_a_signal_is_returned() -> None:
    async def work() -> str:
        return "done"

    assert await cancel_on_signal(StopSignals(), work()) == "done"
