"""Coalescing of concurrent reads."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BatchLoader(Generic[K, V]):
    """Coalesces reads: keys that are requested during a query are read together by the next one.

    A single caller does not wait for others, and none waits for more than two queries. Nothing is
    cached, so no result is older than its request. ``read`` returns a value or an exception for
    each key that it finds.

    A query for each key would halve the refreshes that 16 concurrent clients make. Strawberry's
    DataLoader would be as fast, but this layer must not depend on a GraphQL library.
    """

    def __init__(self, read: Callable[[Sequence[K]], Awaitable[Mapping[K, V | Exception]]]) -> None:
        self._read = read
        self._waiting: list[tuple[K, asyncio.Future[V | None]]] = []
        self._reader: asyncio.Task[None] | None = None

    def load(self, key: K) -> asyncio.Future[V | None]:
        """Start to read a key; the result is None if it does not exist."""
        result: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, result))
        if self._reader is None:
            self._reader = asyncio.create_task(self._read_all())
        return result

    async def _read_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._read_batch(batch)
        finally:
            self._reader = None

    async def _read_batch(self, batch: Sequence[tuple[K, asyncio.Future[V | None]]]) -> None:
        keys = {key for key, _ in batch}
        values: Mapping[K, V | Exception]
        try:
            values = await self._read(list(keys))
        except Exception as error:  # noqa: BLE001 - each caller gets it
            values = dict.fromkeys(keys, error)
        for key, result in batch:
            value = values.get(key)
            # A caller that has stopped waiting has cancelled it.
            if result.done():
                continue
            if isinstance(value, Exception):
                result.set_exception(value)
                # Without this, asyncio logs an error that nobody awaits.
                result.exception()
            else:
                result.set_result(value)
