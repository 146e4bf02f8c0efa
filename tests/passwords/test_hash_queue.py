import asyncio
import errno
import os
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from graphql_auth.errors import StartError, Unavailable
from graphql_auth.passwords.hash_queue import HashQueue, Priority

pytestmark = pytest.mark.anyio


def hash_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("hash_")}


def may_be_idle() -> bool:
    """Whether this system grants SCHED_IDLE; sandboxes do not always."""

    def ask() -> None:
        os.sched_setscheduler(threading.get_native_id(), os.SCHED_IDLE, os.sched_param(0))

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(ask).exception() is None


async def test_work_runs_on_a_thread_of_the_lowest_priority(queue: HashQueue) -> None:
    def where() -> tuple[int, int, int]:
        native = threading.get_native_id()
        priority = os.getpriority(os.PRIO_PROCESS, native)
        return native, priority, os.sched_getscheduler(native)

    here = where()
    native, priority, scheduler = await queue.run(where)

    assert native != here[0]
    assert priority == 19
    assert scheduler == (os.SCHED_IDLE if may_be_idle() else os.SCHED_OTHER)
    assert where() == here


async def test_the_event_loop_goes_on_meanwhile(queue: HashQueue) -> None:
    release = threading.Event()
    work = asyncio.create_task(queue.run(lambda: release.wait(10)))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not work.done()

    release.set()
    assert await work is True


async def test_full_queue_refuses_with_retry_after(queue: HashQueue) -> None:
    release = threading.Event()
    accepted = [asyncio.create_task(queue.run(lambda: release.wait(10))) for _ in range(3)]
    await asyncio.sleep(0)

    with pytest.raises(Unavailable) as refused:
        await queue.run(lambda: release.wait(10))
    release.set()

    assert refused.value.retry_after is not None
    assert refused.value.retry_after >= 1
    assert await asyncio.gather(*accepted) == [True] * 3
    assert await queue.run(lambda: "room again") == "room again"


async def test_the_wait_is_estimated_from_the_last_hash() -> None:
    queue = HashQueue(threads=1, max_waiting=9)
    queue.start()
    await queue.run(lambda: time.sleep(0.3))
    release = threading.Event()
    accepted = [asyncio.create_task(queue.run(lambda: release.wait(10))) for _ in range(10)]
    await asyncio.sleep(0)

    with pytest.raises(Unavailable) as refused:
        await queue.run(lambda: release.wait(10))
    release.set()
    await asyncio.gather(*accepted)
    queue.close()

    assert refused.value.retry_after is not None
    assert refused.value.retry_after >= 3


async def test_cancelled_call_leaves_the_queue(queue: HashQueue) -> None:
    release = threading.Event()
    accepted = [asyncio.create_task(queue.run(lambda: release.wait(10))) for _ in range(3)]
    await asyncio.sleep(0)
    accepted[2].cancel()
    await asyncio.sleep(0)

    newcomer = asyncio.create_task(queue.run(lambda: "in"))
    await asyncio.sleep(0)
    release.set()

    assert await newcomer == "in"


async def test_exception_of_the_work_reaches_the_caller(queue: HashQueue) -> None:
    def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await queue.run(fail)


@pytest.mark.parametrize("error", [LookupError, SystemExit, KeyboardInterrupt, MemoryError])
async def test_a_thread_outlives_what_its_work_raises(
    queue: HashQueue, error: type[BaseException]
) -> None:
    def fail() -> None:
        raise error

    waiting = asyncio.ensure_future(asyncio.wait_for(_settled(queue.run(fail)), 10))

    assert isinstance(await waiting, error)
    assert await queue.run(lambda: "on") == "on"


async def _settled(work: Coroutine[Any, Any, object]) -> BaseException | None:
    try:
        await work
    except BaseException as error:  # noqa: BLE001 - some would end the event loop
        return error
    return None


async def test_drain_refuses_waiting_work_and_finishes_running_work() -> None:
    queue = HashQueue(threads=1)
    queue.start()
    begun, release = threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        release.wait(10)
        return "done"

    first = asyncio.create_task(queue.run(work))
    await asyncio.to_thread(begun.wait, 10)
    waiting = [asyncio.create_task(queue.run(work, turn)) for turn in Priority for _ in range(20)]
    cancelled = asyncio.create_task(queue.run(work))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.sleep(0)

    queue.drain()

    refused = await asyncio.gather(*waiting, queue.run(work), return_exceptions=True)
    assert [type(error) for error in refused] == [Unavailable] * 41
    assert {error.retry_after for error in refused if isinstance(error, Unavailable)} == {1}
    release.set()
    assert await first == "done"
    queue.close()


async def test_close_ends_the_threads_after_their_work() -> None:
    before = hash_threads()
    queue = HashQueue(threads=2)
    queue.start()
    threads = hash_threads() - before
    begun, release = threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        release.wait(10)
        return "done"

    first = asyncio.create_task(queue.run(work))
    await asyncio.get_running_loop().run_in_executor(None, begun.wait, 10)
    await asyncio.get_running_loop().shutdown_default_executor()
    queue.close()
    release.set()

    assert await first == "done"
    for thread in threads:
        thread.join(10)
    assert len(threads) == 2
    assert not any(thread.is_alive() for thread in threads)


def test_a_system_without_threads_refuses_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def refuse(thread: threading.Thread) -> None:
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)

    with pytest.raises(StartError, match="refuses to start more threads"):
        HashQueue(threads=3).start()

    started[0].join(10)
    assert not started[0].is_alive()


async def test_a_system_that_refuses_a_low_priority_is_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    queue = HashQueue(threads=3)
    queue.start()

    assert await queue.run(lambda: "hashed") == "hashed"

    queue.close()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "lowest priority (Operation not permitted)" in caplog.text


async def test_closed_queue_can_be_started_again(queue: HashQueue) -> None:
    queue.close()

    queue.start()

    assert await queue.run(lambda: "hashed") == "hashed"
