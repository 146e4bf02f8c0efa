"""One process that serves: its event loop, its connections, and how they end."""

import asyncio
import fcntl
import logging
import socket
import termios
import time
from array import array
from email.utils import formatdate
from typing import Any

from starlette.applications import Starlette
from uvicorn.server import ServerState

from graphql_auth.runtime.event_loop import run_in_loop
from graphql_auth.runtime.signals import StopSignals
from graphql_auth.server.descriptors import DescriptorWatch
from graphql_auth.server.protocol import PromptConfig, PromptProtocol
from graphql_auth.settings import Settings

BACKLOG = 2048
SECONDS_BETWEEN_TICKS = 1.0
# A request that a client sent before the listener closed has come by then.
SECONDS_TO_ARRIVE = 0.1
SECONDS_TO_READ = 2.0
# Together 8 s, so that a server with several processes ends within 10 s.
SECONDS_TO_FINISH_REQUESTS = 7.0
SECONDS_TO_CANCEL_REQUESTS = 1.0
SECONDS_BETWEEN_LOOKS = 0.02

logger = logging.getLogger(__name__)


class Server:
    """Serves one application on a listener until a signal comes.

    It is uvicorn's server, with the parts of it that this one does not need left out, and three
    things changed: a signal counts from the first line on, the application hears of the end before
    its requests are waited for, and what cannot be finished is answered.
    """

    def __init__(
        self, app: Starlette, settings: Settings, listener: socket.socket, signals: StopSignals
    ) -> None:
        self._app = app
        self._listener = listener
        self._signals = signals
        self._state = ServerState()
        self._config = _config(app, settings)
        self.is_ready = False

    def run(self) -> None:
        """Serve. Raises StartError when the application cannot start."""
        new_loop = self._config.get_loop_factory() or asyncio.new_event_loop
        run_in_loop(self._serve(), new_loop)

    async def _serve(self) -> None:
        lifespan = self._app.router.lifespan_context(self._app)
        try:
            await self._signals.unless_stopped(lifespan.__aenter__())
        except asyncio.CancelledError:
            return
        try:
            await self._answer_requests()
        finally:
            await lifespan.__aexit__(None, None, None)

    async def _answer_requests(self) -> None:
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        self._set_date()
        server = await loop.create_server(self._connect, sock=self._listener, backlog=BACKLOG)
        self.is_ready = True
        ticking = loop.create_task(self._tick())
        with self._signals.calling(lambda: loop.call_soon_threadsafe(stopping.set)):
            await stopping.wait()
        ticking.cancel()
        await self._finish(server)

    def _connect(self) -> PromptProtocol:
        return PromptProtocol(config=self._config, server_state=self._state, app_state={})

    async def _tick(self) -> None:
        watch = DescriptorWatch()
        while True:
            self._set_date()
            watch.check()
            await asyncio.sleep(SECONDS_BETWEEN_TICKS)

    def _set_date(self) -> None:
        # In place, for requests that have begun have the list already.
        self._state.default_headers[:] = [(b"date", formatdate(usegmt=True).encode())]

    async def _finish(self, server: asyncio.Server) -> None:
        """Stop accepting connections, answer what has come, and close."""
        server.close()
        self._listener.close()
        self._state.default_headers.append((b"connection", b"close"))
        self._app.state.hash_queue.drain()
        await asyncio.sleep(SECONDS_TO_ARRIVE)
        await self._close_idle_connections()
        if await self._is_done(SECONDS_TO_FINISH_REQUESTS):
            return
        logger.warning(
            "%d requests have no answer after %.0f s and are given up",
            len(self._state.tasks),
            SECONDS_TO_FINISH_REQUESTS,
        )
        for task in self._state.tasks:
            task.cancel()
        await self._is_done(SECONDS_TO_CANCEL_REQUESTS)

    async def _close_idle_connections(self) -> None:
        """Close each connection, or let its last request do so, once all that came is read.

        To close one with unread data would reset it: on a busy machine a request can be there that
        the event loop has not read yet.
        """
        deadline = time.monotonic() + SECONDS_TO_READ
        waiting = set(self._state.connections)
        while waiting:
            is_over = time.monotonic() >= deadline or self._signals.is_urgent
            for connection in list(waiting):
                if is_over or not _has_unread_data(connection):
                    connection.shutdown()
                    waiting.remove(connection)
            waiting &= self._state.connections
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    async def _is_done(self, seconds: float) -> bool:
        """Whether all requests are answered, and the answers taken, within some seconds."""
        deadline = time.monotonic() + seconds
        while self._state.tasks or self._state.connections:
            if time.monotonic() >= deadline or self._signals.is_urgent:
                return False
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        return True


def _has_unread_data(connection: Any) -> bool:  # noqa: ANN401 - uvicorn's protocols share no type
    if connection.transport.is_closing():
        return False
    unread = array("i", [0])
    fcntl.ioctl(connection.transport.get_extra_info("socket").fileno(), termios.FIONREAD, unread)
    return unread[0] > 0


def _config(app: Starlette, settings: Settings) -> PromptConfig:
    config = PromptConfig(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        # Its lines hold the query string, in which a token or a password may stand.
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    config.seconds_for_headers = settings.request_read_timeout.total_seconds()
    config.load()
    return config
