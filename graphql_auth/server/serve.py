"""A running server: its socket, its database, and how they end together."""

import asyncio
import errno
import logging
import logging.config
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from pydantic import SecretStr

from graphql_auth import __version__
from graphql_auth.embedded_mongo.data_directory import lock_data_directory
from graphql_auth.embedded_mongo.mongod import EmbeddedMongo, run_mongod
from graphql_auth.errors import StartError
from graphql_auth.logs import LOG_CONFIG
from graphql_auth.runtime.event_loop import run_in_loop
from graphql_auth.runtime.process import warn_if_children_can_outlive_us
from graphql_auth.runtime.signals import StopSignals
from graphql_auth.server import descriptors
from graphql_auth.server.http_server import BACKLOG
from graphql_auth.server.workers import run
from graphql_auth.settings import Settings
from graphql_auth.tokens.key_file import load_or_create_key

if TYPE_CHECKING:
    from starlette.applications import Starlette

# Linux has it; elsewhere the patience of TCP itself has to do.
TCP_USER_TIMEOUT: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)
NOT_OUR_HOST = "HOST {} is not an address of this machine; 0.0.0.0 stands for all that it has."
NEW_KEY = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"

logger = logging.getLogger(__name__)


def serve(settings: Settings, signals: StopSignals, *, workers: int, reload: bool) -> None:
    """Run until a signal ends it.

    Raises StartError when it cannot start, or when its database ends under it, and Stopped when a
    signal comes before it is ready.
    """
    logging.config.dictConfig(LOG_CONFIG)
    descriptors.raise_limit()
    warn_if_children_can_outlive_us()
    with listening(settings) as listener, _database(settings, signals) as (completed, data):
        app = _check(completed, signals)
        print(_banner(listener, data), flush=True)  # noqa: T201 - what the operator waits for
        run(completed, listener, signals, app=app, workers=workers, reload=reload)


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """Listen on the host and the port of the settings; raises StartError when that cannot be."""
    host, port = settings.host, settings.listening_port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise StartError(NOT_OUR_HOST.format(host)) from None
    # asyncio turns Nagle's algorithm off, which would delay each answer by 40 ms, only for sockets
    # that name TCP as their protocol.
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _limit_sending(listener, settings.request_read_timeout.total_seconds())
        try:
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise StartError(NOT_OUR_HOST.format(host)) from None
            raise StartError(
                f"PORT {port} on HOST {host} cannot be used: {error.strerror}."
                " Set another, for example PORT=4002, or stop what uses this one."
            ) from None
        yield listener


def _limit_sending(listener: socket.socket, seconds: float) -> None:
    """Have the system give up on a client that does not take its answer.

    Every connection inherits it. Neither uvicorn nor asyncio ever gives up on what is to be sent.
    """
    if TCP_USER_TIMEOUT is None:
        return
    try:
        listener.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, int(seconds * 1000))
    except OSError as error:
        logger.warning(
            "the system refuses TCP_USER_TIMEOUT (%s): a client that does not take its answer"
            " holds its connection until TCP gives up, for about 15 minutes",
            error.strerror,
        )


@contextmanager
def _database(settings: Settings, signals: StopSignals) -> Iterator[tuple[Settings, str]]:
    """Yield settings that name a database and a key, and where the data lies, for people."""
    if settings.mongo_uri is None:
        with _embedded(settings, signals) as completed_and_data:
            yield completed_and_data
    elif settings.token_key is None:
        raise StartError(
            "TOKEN_KEY is not set, and with MONGO_URI it has to be: every server of a database"
            f" needs the same one. Make one with: {NEW_KEY}"
        )
    else:
        yield settings, "in the MongoDB of MONGO_URI"


@contextmanager
def _embedded(settings: Settings, signals: StopSignals) -> Iterator[tuple[Settings, str]]:
    with lock_data_directory(settings.data_dir) as data_dir, run_mongod(data_dir) as mongo:
        key = settings.token_key or SecretStr(load_or_create_key(data_dir / "token.key"))
        # What takes longest to import is imported while mongod starts.
        import graphql_auth.app  # noqa: F401, PLC0415

        mongo.wait_until_ready(signals.pause)
        threading.Thread(target=_end_with, args=[mongo], daemon=True).start()
        completed = settings.model_copy(
            update={"mongo_uri": SecretStr(mongo.uri), "token_key": key}
        )
        try:
            yield completed, f"{data_dir} (embedded MongoDB)"
        finally:
            if mongo.has_failed:
                raise StartError(mongo.exit_reason())


def _end_with(mongo: EmbeddedMongo) -> None:
    if mongo.ends_by_itself():
        logger.critical("mongod has ended, and so the server ends")
        os.kill(os.getpid(), signal.SIGTERM)


def _check(settings: Settings, signals: StopSignals) -> "Starlette":
    """Return the application; raises StartError now for what would end every process."""
    from graphql_auth.app import check_database, create_app  # noqa: PLC0415 - see _embedded

    async def connect() -> None:
        async with check_database(settings):
            pass

    app = create_app(settings, is_checked=True)
    # A signal cancels it, and is raised below.
    with suppress(asyncio.CancelledError):
        run_in_loop(signals.unless_stopped(connect()), asyncio.new_event_loop)
    signals.check()
    app.state.hash_queue.start()
    return app


def _banner(listener: socket.socket, data: str) -> str:
    host, port, *_ = listener.getsockname()
    shown = f"[{host}]" if ":" in host else host
    return (
        f"graphql-auth {__version__} is ready.\n"
        f"  GraphQL  http://{shown}:{port}/graphql  (in a browser: the playground)\n"
        f"  Data     {data}\n"
        "  Stop     Ctrl-C"
    )
