"""Reads that come at the same time, made one read of the database."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Batches(Generic[K, V]):
    """Reads a key at once; what is asked for meanwhile is read together when that is done.

    So one caller waits for no other, and of a thousand none waits for more than two reads. Nobody
    is told what was read before they asked. ``read`` returns what it found of some keys, or what
    is wrong with it.
    """

    def __init__(self, read: Callable[[Sequence[K]], Awaitable[Mapping[K, V | Exception]]]) -> None:
        self._read = read
        self._waiting: list[tuple[K, asyncio.Future[V | None]]] = []
        self._reader: asyncio.Task[None] | None = None

    def reading(self, key: K) -> asyncio.Future[V | None]:
        """Begin to read what belongs to a key, or None; raises what ``read`` raises."""
        found: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, found))
        if self._reader is None:
            self._reader = asyncio.create_task(self._read_all())
        return found

    async def _read_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._read_batch(batch)
        finally:
            self._reader = None

    async def _read_batch(self, batch: Sequence[tuple[K, asyncio.Future[V | None]]]) -> None:
        try:
            values = await self._read(list({key for key, _ in batch}))
        except Exception as error:  # noqa: BLE001 - it is the callers', and reaches each of them
            for _, found in batch:
                if not found.done():
                    found.set_exception(error)
                    # Nobody may be waiting any more, which asyncio would log as a mistake.
                    found.exception()
        else:
            for key, found in batch:
                value = values.get(key)
                # A caller that has given up waiting has cancelled it.
                if found.done():
                    continue
                if isinstance(value, Exception):
                    found.set_exception(value)
                    found.exception()
                else:
                    found.set_result(value)
