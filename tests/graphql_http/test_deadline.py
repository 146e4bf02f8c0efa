import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any

import pytest
import uvloop

from graphql_auth.graphql_http.deadline import within

LONG = 60
SHORT = 0.01
VARIABLE = ContextVar("VARIABLE", default="as it was")


async def as_asyncio_has_it(seconds: float, work: Awaitable[Any]) -> Any:
    async with asyncio.timeout(seconds):
        return await work


@pytest.fixture(params=[within, as_asyncio_has_it])
def limited(request: pytest.FixtureRequest) -> Any:
    """What is tested, and what it is to be the same as."""
    return request.param


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Awaitable[Any]], Any]:
    """Run a coroutine to its end, on each of the event loops that a server may have."""

    def run_one(work: Any) -> Any:
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(work)

    return run_one


Run = Callable[[Awaitable[Any]], Any]
Limited = Callable[[float, Awaitable[Any]], Awaitable[Any]]


@asynccontextmanager
async def begun(work: Any) -> AsyncIterator["asyncio.Task[Any]"]:
    """A task that has made its first step, and is to end in the block."""
    task = asyncio.ensure_future(work)
    await asyncio.sleep(0)
    assert not task.done()
    yield task
    assert task.done()


async def steps(number: int) -> str:
    for _ in range(number):
        await asyncio.sleep(0)
    return "done"


async def failing(error: BaseException, after: int) -> None:
    await steps(after)
    raise error


async def for_ever() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("number", [0, 1, 5])
def test_what_the_work_returns_is_returned(run: Run, limited: Limited, number: int) -> None:
    assert run(limited(LONG, steps(number))) == "done"


@pytest.mark.parametrize("after", [0, 1, 5])
@pytest.mark.parametrize(
    "error", [ValueError("x"), TimeoutError("its own"), asyncio.CancelledError()]
)
def test_what_the_work_raises_is_raised(
    run: Run, limited: Limited, error: BaseException, after: int
) -> None:
    async def catch() -> None:
        with pytest.raises(type(error)) as caught:
            await limited(LONG, failing(error, after))
        assert caught.value is error

    run(catch())


def test_work_that_waits_for_longer_is_cancelled_and_times_out(run: Run, limited: Limited) -> None:
    ended = []

    async def work() -> None:
        try:
            await for_ever()
        finally:
            ended.append("in good order")

    with pytest.raises(TimeoutError):
        run(limited(SHORT, work()))
    assert ended == ["in good order"]


@pytest.mark.alone
def test_the_time_is_what_was_asked_for(run: Run, limited: Limited) -> None:
    start = time.monotonic()

    with pytest.raises(TimeoutError):
        run(limited(0.1, for_ever()))
    assert 0.1 <= time.monotonic() - start < 0.5


@pytest.mark.parametrize("seconds", [0, -1])
def test_work_that_need_not_wait_is_done_without_any_time(
    run: Run, limited: Limited, seconds: float
) -> None:
    assert run(limited(seconds, steps(0))) == "done"
    with pytest.raises(TimeoutError):
        run(limited(seconds, for_ever()))


def test_a_task_that_timed_out_is_cancelled_no_more(run: Run, limited: Limited) -> None:
    async def go_on() -> tuple[int, str]:
        with pytest.raises(TimeoutError):
            await limited(SHORT, for_ever())
        task = asyncio.current_task()
        assert task
        return task.cancelling(), await limited(LONG, steps(2))

    assert run(go_on()) == (0, "done")


def test_work_may_end_in_good_order_after_its_time(run: Run, limited: Limited) -> None:
    async def work() -> str:
        with suppress(asyncio.CancelledError):
            await for_ever()
        return await steps(3)

    assert run(limited(SHORT, work())) == "done"


@pytest.mark.parametrize("more_steps", [0, 3])
def test_a_cancellation_from_outside_reaches_the_work(
    run: Run, limited: Limited, more_steps: int
) -> None:
    told: list[object] = []

    async def work() -> None:
        await steps(more_steps)
        try:
            await for_ever()
        except asyncio.CancelledError as error:
            told.extend(error.args)
            raise

    async def cancel() -> None:
        async with begun(limited(LONG, work())) as task:
            await steps(more_steps)
            task.cancel("enough")
            with pytest.raises(asyncio.CancelledError):
                await task
            assert task.cancelled()

    run(cancel())
    assert told == ["enough"]


def test_work_may_swallow_a_cancellation(run: Run, limited: Limited) -> None:
    async def work() -> str:
        try:
            await for_ever()
        except asyncio.CancelledError:
            await steps(2)
        return "done"

    async def cancel() -> Any:
        async with begun(limited(LONG, work())) as task:
            task.cancel()
            return await task

    assert run(cancel()) == "done"


def test_work_that_cancels_itself_at_its_first_step_is_cancelled(
    run: Run, limited: Limited
) -> None:
    async def work() -> None:
        task = asyncio.current_task()
        assert task
        task.cancel()
        await for_ever()

    async def catch() -> None:
        with pytest.raises(asyncio.CancelledError):
            await limited(LONG, work())

    run(catch())


@pytest.mark.parametrize(("outer", "inner"), [(SHORT, LONG), (LONG, SHORT), (0, 0)])
@pytest.mark.parametrize("first", [0, 1])
def test_of_two_limits_the_shorter_one_counts(
    run: Run, limited: Limited, outer: float, inner: float, first: int
) -> None:
    raised_by = []

    async def work() -> None:
        await steps(first)
        try:
            await limited(inner, for_ever())
        except TimeoutError:
            raised_by.append("inner")
            raise

    with pytest.raises(TimeoutError):
        run(limited(outer, work()))
    if outer != inner:
        assert raised_by == (["inner"] if inner < outer else [])


def test_an_event_wakes_the_work(run: Run, limited: Limited) -> None:
    async def woken() -> Any:
        event = asyncio.Event()

        async def work() -> str:
            await event.wait()
            return await steps(1)

        async with begun(limited(LONG, work())) as task:
            event.set()
            return await task

    assert run(woken()) == "done"


def test_what_a_future_holds_reaches_the_work(run: Run, limited: Limited) -> None:
    async def work(future: "asyncio.Future[str]", again: "asyncio.Future[str]") -> str:
        with pytest.raises(ValueError, match="first"):
            await future
        return await again

    async def fulfilled() -> Any:
        loop = asyncio.get_running_loop()
        first, second = loop.create_future(), loop.create_future()
        async with begun(limited(LONG, work(first, second))) as task:
            first.set_exception(ValueError("first"))
            await asyncio.sleep(0)
            second.set_result("second")
            return await task

    assert run(fulfilled()) == "second"


@pytest.mark.parametrize("when", [0, 1])
def test_a_context_variable_is_that_of_the_caller(run: Run, limited: Limited, when: int) -> None:
    async def work() -> str:
        await steps(when)
        before = VARIABLE.get()
        VARIABLE.set("set inside")
        return before

    async def both() -> tuple[str, str]:
        VARIABLE.set("set outside")
        return await limited(LONG, work()), VARIABLE.get()

    assert run(both()) == ("set outside", "set inside")


def test_what_is_closed_closes_the_work_and_goes_on_no_more(run: Run, limited: Limited) -> None:
    seen = []

    async def work() -> None:
        try:
            await for_ever()
        except GeneratorExit:
            # To end without raising it again is allowed; to be gone on from is not.
            seen.append("closed")

    # Python closes what nobody holds any more by itself.
    held = work()

    async def around() -> None:
        try:
            await limited(LONG, held)
            seen.append("gone on")
        finally:
            seen.append("and then who waits for it")

    async def close() -> None:
        coroutine = around()
        coroutine.send(None)
        coroutine.close()

    run(close())
    assert seen == ["closed", "and then who waits for it"]


def test_an_error_after_one_that_was_caught_does_not_name_it(run: Run, limited: Limited) -> None:
    async def work() -> None:
        with suppress(asyncio.CancelledError):
            await for_ever()
        raise ValueError

    async def cancel() -> BaseException | None:
        async with begun(limited(LONG, work())) as task:
            task.cancel()
            await asyncio.wait([task])
            return task.exception()

    error = run(cancel())
    assert isinstance(error, ValueError)
    assert error.__context__ is None


@pytest.mark.parametrize("seconds", [SHORT, LONG])
@pytest.mark.parametrize("number", [0, 2])
def test_no_coroutine_is_left_over(
    run: Run,
    limited: Limited,
    recwarn: pytest.WarningsRecorder,
    seconds: float,
    number: int,
) -> None:
    run(limited(seconds, steps(number)))
    gc.collect()

    assert not list(recwarn)


def test_no_timer_is_set_for_work_that_need_not_wait(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asyncio, "timeout", None)

    assert run(within(LONG, steps(0))) == "done"
