import asyncio
import gc
from collections.abc import Sequence

import pytest

from graphql_auth.mongo.batch_loader import BatchLoader

pytestmark = pytest.mark.anyio


class Store:
    """A store whose reads wait for ``open``."""

    def __init__(self) -> None:
        self.values = {1: "one", 2: "two", 3: "three"}
        self.reads: list[list[int]] = []
        self.open = asyncio.Event()

    async def read(self, keys: Sequence[int]) -> dict[int, str]:
        self.reads.append(sorted(keys))
        await self.open.wait()
        return {key: self.values[key] for key in keys if key in self.values}


async def start(loader: BatchLoader[int, str], *keys: int) -> list[asyncio.Future[str | None]]:
    reads = [loader.load(key) for key in keys]
    for _ in range(3):
        await asyncio.sleep(0)
    return reads


async def test_key_is_read_at_once() -> None:
    store = Store()
    store.open.set()

    assert await BatchLoader(store.read).load(1) == "one"
    assert await BatchLoader(store.read).load(4) is None


async def test_keys_requested_during_a_read_share_the_next_read() -> None:
    store = Store()
    loader = BatchLoader(store.read)
    first = await start(loader, 1)
    others = await start(loader, 2, 3, 2, 4)

    store.open.set()

    assert await asyncio.gather(*first, *others) == ["one", "two", "three", "two", None]
    assert store.reads == [[1], [2, 3, 4]]


async def test_result_is_never_older_than_its_request() -> None:
    store = Store()
    loader = BatchLoader(store.read)
    first = await start(loader, 1)
    second = await start(loader, 1)

    store.open.set()
    await asyncio.gather(*first, *second)

    assert store.reads == [[1], [1]]


async def test_cancelled_request_does_not_affect_others() -> None:
    store = Store()
    loader = BatchLoader(store.read)
    (first,) = await start(loader, 1)
    impatient, patient = await start(loader, 2, 2)

    first.cancel()
    impatient.cancel()
    store.open.set()

    assert await patient == "two"
    assert first.cancelled()
    assert impatient.cancelled()


async def test_failed_read_fails_its_own_requests_only() -> None:
    store = Store()
    loader = BatchLoader(store.read)
    first, given_up = await start(loader, 1, 1)
    store.values = None  # type: ignore[assignment] # - any error of a read

    given_up.cancel()
    store.open.set()
    with pytest.raises(TypeError):
        await first
    store.values = {2: "two"}

    assert await loader.load(2) == "two"


async def test_failed_read_that_nobody_awaits_is_not_logged() -> None:
    errors: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    store = Store()
    store.values = None  # type: ignore[assignment] # - as above
    store.open.set()

    await start(BatchLoader(store.read), 1, 2)
    gc.collect()

    assert not errors
