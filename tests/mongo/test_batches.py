import asyncio
import gc
from collections.abc import Sequence

import pytest

from graphql_auth.mongo.batches import Batches

pytestmark = pytest.mark.anyio


class Store:
    """Answers reads when it is told to, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.values = {1: "one", 2: "two", 3: "three"}
        self.reads: list[list[int]] = []
        self.open = asyncio.Event()

    async def read(self, keys: Sequence[int]) -> dict[int, str]:
        self.reads.append(sorted(keys))
        await self.open.wait()
        return {key: self.values[key] for key in keys if key in self.values}


async def begun(batches: Batches[int, str], *keys: int) -> list[asyncio.Future[str | None]]:
    readings = [batches.reading(key) for key in keys]
    for _ in range(3):
        await asyncio.sleep(0)
    return readings


async def test_a_key_is_read_at_once() -> None:
    store = Store()
    store.open.set()

    assert await Batches(store.read).reading(1) == "one"
    assert await Batches(store.read).reading(4) is None


async def test_keys_that_are_asked_for_during_a_read_are_read_together() -> None:
    store = Store()
    batches = Batches(store.read)
    first = await begun(batches, 1)
    others = await begun(batches, 2, 3, 2, 4)

    store.open.set()

    assert await asyncio.gather(*first, *others) == ["one", "two", "three", "two", None]
    assert store.reads == [[1], [2, 3, 4]]


async def test_nobody_is_told_what_was_read_before_they_asked() -> None:
    store = Store()
    batches = Batches(store.read)
    first = await begun(batches, 1)
    second = await begun(batches, 1)

    store.open.set()
    await asyncio.gather(*first, *second)

    assert store.reads == [[1], [1]]


async def test_whoever_gives_up_takes_nothing_from_the_others() -> None:
    store = Store()
    batches = Batches(store.read)
    (first,) = await begun(batches, 1)
    impatient, patient = await begun(batches, 2, 2)

    first.cancel()
    impatient.cancel()
    store.open.set()

    assert await patient == "two"
    assert first.cancelled()
    assert impatient.cancelled()


async def test_a_read_that_fails_is_told_to_all_who_wait_for_it_and_to_nobody_else() -> None:
    store = Store()
    batches = Batches(store.read)
    first, given_up = await begun(batches, 1, 1)
    store.values = None  # type: ignore[assignment] # - what reading it raises matters not

    given_up.cancel()
    store.open.set()
    with pytest.raises(TypeError):
        await first
    store.values = {2: "two"}

    assert await batches.reading(2) == "two"


async def test_a_read_that_fails_and_that_nobody_waits_for_is_no_mistake() -> None:
    mistakes: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: mistakes.append(context))
    store = Store()
    store.values = None  # type: ignore[assignment] # - as above
    store.open.set()

    await begun(Batches(store.read), 1, 2)
    gc.collect()

    assert not mistakes
