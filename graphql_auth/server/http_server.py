"""One process that serves: its event loop, its connections, and its graceful shutdown."""

import asyncio
import fcntl
import gc
import logging
import math
import socket
import termios
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from typing import Any

from starlette.applications import Starlette
from uvicorn.config import Config
from uvicorn.server import ServerState

from graphql_auth.runtime.event_loop import cancel_on_signal, run_in_loop
from graphql_auth.runtime.files import is_readable
from graphql_auth.runtime.signals import StopSignals
from graphql_auth.server import descriptors
from graphql_auth.server.protocol import HardenedHttpProtocol
from graphql_auth.settings import Settings

BACKLOG = 2048
TICK_INTERVAL = 1.0
# The supervisor kills a worker HEARTBEAT_TIMEOUT later: 30 s after its event loop was blocked.
TICK_TIMEOUT = 25.0
# A request that a client sent before the listener closed arrives within this time.
ARRIVAL_TIMEOUT = 0.1
READ_TIMEOUT = 2.0
# After SHUTDOWN_DELAY, for passwords that wait to be hashed.
HASH_TIMEOUT = 5.0
# Together 8 s, so that a server with several processes ends within 10 s.
FINISH_TIMEOUT = 7.0
CANCEL_TIMEOUT = 1.0
POLL_INTERVAL = 0.02

logger = logging.getLogger(__name__)


@dataclass(eq=False, repr=False)
class Server:
    """Serves one application on a listener until a signal comes.

    It replaces ``uvicorn.Server``, with three differences. A signal counts from the first line on.
    Waiting hashes are refused before requests are waited for. A request that takes too long is
    cancelled and answered.

    ``is_alone`` is whether no other process serves: then it refuses requests, and answers probes,
    while its start waits for MongoDB.
    """

    app: Starlette
    settings: Settings
    listener: socket.socket
    signals: StopSignals
    on_ready: Callable[[], object]
    is_alone: bool = True

    def __post_init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._state = ServerState()
        # Before the first one, the event loop counts as alive.
        self._last_tick = math.inf
        self._config = Config(
            self.app,
            lifespan="off",
            ws="none",
            log_config=None,
            # Its lines contain the query string, which can contain a token or a password.
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=int(self.settings.keep_alive_timeout.total_seconds()),
        )
        self._config.load()
        read_timeout = self.settings.request_read_timeout.total_seconds()
        self._create_protocol = partial(
            HardenedHttpProtocol, read_timeout, self._config, self._state
        )
        self._shutdown_delay = self.settings.shutdown_delay.total_seconds()
        if self.is_alone:
            self.app.state.probes.on_waiting = self._accept

    def run(self) -> None:
        """Serve. Raises StartError when the application cannot start."""
        run_in_loop(self._serve(), self._config.get_loop_factory() or asyncio.new_event_loop)

    def is_responsive(self) -> bool:
        """Whether the event loop runs. A function that is not async can block it."""
        return time.monotonic() - self._last_tick < TICK_TIMEOUT

    async def _serve(self) -> None:
        lifespan = self.app.router.lifespan_context(self.app)
        try:
            await cancel_on_signal(self.signals, lifespan.__aenter__())
        except asyncio.CancelledError:
            if self._server:
                self._shutdown_delay = 0.0
                await self._shut_down(self._server)
            return
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        try:
            # What exists by now stays. The garbage collector would scan it again and again, with
            # pauses of 30 ms.
            gc.freeze()
            server = self._server or await self._accept()
            self.on_ready()
            with self.signals.on_signal(lambda: loop.call_soon_threadsafe(stopping.set)):
                await stopping.wait()
            await self._shut_down(server)
            self._ticking.cancel()
        finally:
            await lifespan.__aexit__(None, None, None)

    async def _accept(self) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        self._set_date()
        self._server = await loop.create_server(
            self._create_protocol, sock=self.listener, backlog=BACKLOG
        )
        self._ticking = loop.create_task(self._tick())
        return self._server

    async def _tick(self) -> None:
        while True:
            self._last_tick = time.monotonic()
            self._set_date()
            descriptors.check()
            await asyncio.sleep(TICK_INTERVAL)

    def _set_date(self) -> None:
        # In place, because the open connections hold this list.
        self._state.default_headers[:1] = [(b"date", formatdate(usegmt=True).encode())]

    async def _shut_down(self, server: asyncio.Server) -> None:
        """Stop accepting connections, answer the requests that have arrived, and close.

        Before that, load balancers get time to notice: `/readyz` refuses, and each response ends
        its connection.
        """
        self.signals.log_stop()
        self.app.state.probes.is_stopping = True
        self._state.default_headers.append((b"connection", b"close"))
        await self._wait_until(lambda: not self.signals.allows_delay, self._shutdown_delay)
        # The kernel resets connections that wait to be accepted when the listener closes.
        await self._wait_until(lambda: not is_readable(self.listener), ARRIVAL_TIMEOUT)
        server.close()
        self.listener.close()
        is_patient = self._shutdown_delay and self.signals.allows_delay
        loop = asyncio.get_running_loop()
        loop.call_later(HASH_TIMEOUT if is_patient else 0, self.app.state.hash_queue.drain)
        await asyncio.sleep(ARRIVAL_TIMEOUT)
        await self._close_idle_connections()
        if await self._wait_until(self._is_done, FINISH_TIMEOUT):
            return
        logger.warning(
            "%d requests are not answered after %.0f s and are cancelled",
            len(self._state.tasks),
            FINISH_TIMEOUT,
        )
        for task in self._state.tasks:
            task.cancel()
        await self._wait_until(self._is_done, CANCEL_TIMEOUT)

    async def _close_idle_connections(self) -> None:
        """Close each connection after the requests that have arrived on it.

        A connection that is closed with unread data is reset. On a busy machine a request can have
        arrived that the event loop has not read yet.
        """
        waiting = set(self._state.connections)

        def close_those_without_unread_data() -> bool:
            for connection in list(waiting):
                if not _has_unread_data(connection):
                    connection.shutdown()
                    waiting.remove(connection)
            waiting.intersection_update(self._state.connections)
            return not waiting

        await self._wait_until(close_those_without_unread_data, READ_TIMEOUT)
        for connection in waiting:
            connection.shutdown()

    def _is_done(self) -> bool:
        return not self._state.tasks and not self._state.connections

    async def _wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Return whether a condition becomes true in time, before Ctrl-C is pressed twice."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() >= deadline or self.signals.is_urgent:
                return False
            await asyncio.sleep(POLL_INTERVAL)
        return True


def _has_unread_data(connection: Any) -> bool:
    if connection.transport.is_closing():
        return False
    unread = array("i", [0])
    fcntl.ioctl(connection.transport.get_extra_info("socket").fileno(), termios.FIONREAD, unread)
    return unread[0] > 0
