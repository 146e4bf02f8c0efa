"""An event loop that a signal ends cleanly, and that does not wait for DNS."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from graphql_auth.runtime.signals import StopSignals

T = TypeVar("T")

SECONDS_BETWEEN_CANCELLATIONS = 0.1

NewLoop = Callable[[], asyncio.AbstractEventLoop]


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, from where no event loop runs; a signal cancels it."""
    signals = StopSignals()
    with signals.installed():
        return run_in_loop(signals.unless_stopped(coroutine), asyncio.new_event_loop)


def run_in_loop(coroutine: Coroutine[Any, Any, T], new_loop: NewLoop) -> T:
    """Run a coroutine to its end, in a new event loop.

    ``asyncio.run`` would wait for a DNS look-up that goes on behind a time-out.
    """
    loop = new_loop()
    running = loop.create_task(coroutine)
    try:
        return loop.run_until_complete(running)
    finally:
        # First the coroutine, which may have something to close; then what the driver has begun.
        loop.run_until_complete(cancel_tasks({running}))
        loop.run_until_complete(cancel_tasks(asyncio.all_tasks(loop)))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def cancel_tasks(tasks: set[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they have ended; what they raise is of no interest.

    More than once: PyMongo can lose a cancellation that comes together with an answer.
    """
    while tasks:
        for task in tasks:
            task.cancel()
        ended, tasks = await asyncio.wait(tasks, timeout=SECONDS_BETWEEN_CANCELLATIONS)
        await asyncio.gather(*ended, return_exceptions=True)
