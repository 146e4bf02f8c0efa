"""The order of calls in the queue, and which call gives up its place."""

import asyncio
import threading

import pytest

from graphql_auth.errors import Unavailable
from graphql_auth.passwords.hash_queue import HashQueue, Priority

pytestmark = pytest.mark.anyio


class Busy:
    """A queue whose only thread is busy; then it notes the order in which calls run."""

    def __init__(self, queue: HashQueue) -> None:
        self._queue = queue
        self._release = threading.Event()
        self._begun = threading.Event()
        self._calls: list[asyncio.Task[None]] = []
        self.order: list[str] = []

    def _hold(self) -> None:
        self._begun.set()
        assert self._release.wait(10)

    async def begin(self) -> None:
        self._calls.append(asyncio.create_task(self._queue.run(self._hold)))
        await asyncio.to_thread(self._begun.wait, 10)

    async def add(
        self, name: str, priority: Priority = Priority.DEFAULT, network: str = ""
    ) -> asyncio.Task[None]:
        def work() -> None:
            self.order.append(name)

        call = asyncio.create_task(self._queue.run(work, priority, network))
        await asyncio.sleep(0)
        self._calls.append(call)
        return call

    async def end(self) -> list[str]:
        self._release.set()
        await asyncio.gather(*self._calls, return_exceptions=True)
        return self.order


async def test_trusted_devices_have_their_own_limit_and_three_of_four_turns(
    queue: HashQueue,
) -> None:
    busy = Busy(queue)
    await busy.begin()
    for _ in range(2):
        await busy.add("stranger")
    with pytest.raises(Unavailable):
        await queue.run(lambda: None)
    for _ in range(3):
        await busy.add("known", Priority.TRUSTED_DEVICE)

    # The call that keeps the thread busy is the first of four.
    assert await busy.end() == ["known", "known", "stranger", "known", "stranger"]


@pytest.mark.parametrize("priority", Priority)
async def test_networks_take_turns(priority: Priority) -> None:
    queue = HashQueue(threads=1, max_waiting=9)
    queue.start()
    busy = Busy(queue)
    await busy.begin()
    for number in range(3):
        await busy.add(f"many {number}", priority, "192.0.2.1")
    await busy.add("one", priority, "198.51.100.1")
    await busy.add("two", priority, "203.0.113.1")

    assert await busy.end() == ["many 0", "one", "two", "many 1", "many 2"]
    assert not queue.pending
    queue.close()


async def test_cancelled_calls_take_no_turn() -> None:
    queue = HashQueue(threads=1, max_waiting=9)
    queue.start()
    busy = Busy(queue)
    await busy.begin()
    cancelled = [await busy.add("cancelled", network="192.0.2.1") for _ in range(3)]
    for network in ("198.51.100.1", "203.0.113.1"):
        await busy.add(f"other {network}", network=network)
    await busy.add("same network", network="192.0.2.1")
    for call in cancelled:
        call.cancel()
    await asyncio.sleep(0)

    assert await busy.end() == ["same network", "other 198.51.100.1", "other 203.0.113.1"]
    queue.close()


async def test_later_call_does_not_overtake_an_earlier_one_of_its_network() -> None:
    queue = HashQueue(threads=1, max_waiting=9)
    queue.start()
    busy = Busy(queue)
    await busy.begin()
    calls = [await busy.add(f"call {number}", network="192.0.2.1") for number in range(3)]
    for call in calls[:2]:
        call.cancel()
    await asyncio.sleep(0)
    await busy.add("later", network="192.0.2.1")

    assert await busy.end() == ["call 2", "later"]
    queue.close()


async def test_cancelled_call_is_no_place_to_give_up(queue: HashQueue) -> None:
    busy = Busy(queue)
    await busy.begin()
    cancelled = [await busy.add("cancelled", network="192.0.2.1") for _ in range(2)]
    for call in cancelled:
        call.cancel()
    await asyncio.sleep(0)
    for network in ("198.51.100.1", "203.0.113.1"):
        await busy.add("waits", network=network)

    with pytest.raises(Unavailable):
        await queue.run(lambda: None, network="198.51.100.2")
    assert await busy.end() == ["waits", "waits"]


@pytest.mark.parametrize("priority", Priority)
async def test_network_with_most_calls_gives_up_a_place_of_a_full_queue(
    priority: Priority,
) -> None:
    queue = HashQueue(threads=1, max_waiting=4)
    queue.start()
    busy = Busy(queue)
    await busy.begin()
    many = [await busy.add(f"many {number}", priority, "192.0.2.1") for number in range(5)]
    await busy.add("one", priority, "198.51.100.1")
    await busy.add("two", priority, "203.0.113.1")

    with pytest.raises(Unavailable):
        await queue.run(lambda: None, priority, "192.0.2.1")
    assert await busy.end() == ["many 0", "one", "two", "many 1", "many 2"][: len(busy.order)]
    refused = [call.exception() for call in many if call.exception()]
    assert [type(error) for error in refused] == [Unavailable] * len(refused)
    assert {"one", "two"} <= {*busy.order}
    queue.close()
