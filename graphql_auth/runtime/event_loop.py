"""An event loop that ends cleanly after a signal, and does not wait for DNS."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from graphql_auth.runtime.signals import StopSignals

T = TypeVar("T")

# Longer than what runs after a cancellation takes, such as closing the connection to MongoDB.
CANCEL_INTERVAL = 0.3
# For code of an application.
CANCEL_TIMEOUT = 2.0

# Tasks that did not end. asyncio would log each one that is deleted.
_left: set[asyncio.Task[Any]] = set()

logger = logging.getLogger(__name__)

NewLoop = Callable[[], asyncio.AbstractEventLoop]


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a new event loop; a signal cancels it, and is raised again."""
    signals = StopSignals()
    with signals.install_temporarily():
        return run_in_loop(cancel_on_signal(signals, coroutine))


def run_in_loop(coroutine: Coroutine[Any, Any, T], new_loop: NewLoop = asyncio.new_event_loop) -> T:
    """Run a coroutine in a new event loop.

    ``asyncio.run`` would wait for a DNS look-up that goes on behind a time-out, and end by a task
    of an application that raises SystemExit.
    """
    loop = new_loop()
    task = loop.create_task(coroutine)
    try:
        while not task.done():
            # asyncio lets these out of the loop, and the other tasks wait. No signal raises them.
            with suppress(SystemExit, KeyboardInterrupt):
                loop.run_until_complete(task)
        return task.result()
    finally:
        # First the coroutine, which may have something to close; then the tasks of the driver.
        loop.run_until_complete(cancel_tasks({task}))
        loop.run_until_complete(cancel_tasks(asyncio.all_tasks(loop), CANCEL_TIMEOUT))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def cancel_on_signal(signals: StopSignals, coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns; a signal cancels it."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(coroutine)
    with signals.on_signal(lambda: asyncio.run_coroutine_threadsafe(cancel_tasks({task}), loop)):
        return await task


async def cancel_tasks(tasks: set[asyncio.Task[Any]], seconds: float = math.inf) -> None:
    """Cancel tasks until they have ended, and ignore what they raise.

    One cancellation is not enough: PyMongo can lose one that comes together with a reply. After
    ``seconds``, code of an application that swallows each one is left behind.
    """
    tasks = tasks - _left
    last_try = time.monotonic() + seconds
    while tasks:
        if time.monotonic() >= last_try:
            _left.update(tasks)
            for name in sorted(task.get_name() for task in tasks):
                logger.error("%s ignores its cancellation; the process ends without it", name)
            return
        for task in tasks:
            task.cancel()
        ended, tasks = await asyncio.wait(tasks, timeout=CANCEL_INTERVAL)
        await asyncio.gather(*ended, return_exceptions=True)
