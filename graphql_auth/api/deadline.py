"""A time limit that costs nothing where nothing is waited for."""

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Return what ``work`` returns; raises TimeoutError when it waits for longer.

    As ``asyncio.timeout``, whose timer takes a twentieth of what the shortest request takes: so it
    is set only when the work first has to wait.
    """
    try:
        awaited = work.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    async with asyncio.timeout(seconds):
        return await _continued(work, awaited)


@types.coroutine
def _continued(work: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:  # noqa: ANN401
    """Go on as ``await work`` does, after its first step."""
    try:
        while True:
            try:
                value = yield awaited
            except BaseException as error:  # noqa: BLE001 - the work is told, whatever it is
                awaited = work.throw(error)
            else:
                awaited = work.send(value)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
