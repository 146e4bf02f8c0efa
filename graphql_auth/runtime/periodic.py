"""Jobs that a process repeats while it serves."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from graphql_auth.errors import Unavailable
from graphql_auth.logs import describe_exception
from graphql_auth.runtime.event_loop import cancel_tasks

logger = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]


@asynccontextmanager
async def run_periodically(*jobs: tuple[float, Work]) -> AsyncIterator[None]:
    """Repeat each job, with the given pause in seconds, until the block ends."""
    tasks = {asyncio.create_task(_repeat(pause, work)) for pause, work in jobs}
    try:
        yield
    finally:
        await cancel_tasks(tasks)


async def _repeat(pause: float, work: Work) -> None:
    is_failing = False
    while True:
        try:
            await work()
        except Unavailable:
            # Logged as an outage, where the error of the driver is translated.
            pass
        except Exception as error:  # noqa: BLE001 - it may succeed next time
            if not is_failing:
                logger.warning(
                    "%s failed; trying again (%s)", work.__name__, describe_exception(error)
                )
            is_failing = True
        else:
            is_failing = False
        await asyncio.sleep(pause)
