"""``serve``: the socket, the database and the processes of a server, started and ended."""

import errno
import functools
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from graphql_auth import __version__
from graphql_auth.database import provide_database
from graphql_auth.embedded_mongo.mongod import EmbeddedMongo
from graphql_auth.errors import StartError
from graphql_auth.logs import LogFormat, escape_invisible
from graphql_auth.runtime import output
from graphql_auth.runtime.event_loop import cancel_on_signal, run_in_loop
from graphql_auth.runtime.linux import limit_sending
from graphql_auth.runtime.signals import Stopped, StopSignals
from graphql_auth.server import descriptors
from graphql_auth.server.http_server import BACKLOG, Server
from graphql_auth.server.supervisor import Supervisor
from graphql_auth.server.worker_process import run_worker
from graphql_auth.settings import Settings

if TYPE_CHECKING:
    from starlette.applications import Starlette

DEV_HINT = (
    "  --dev    pages of this machine, such as http://localhost:5173 or http://localhost:3000,"
    " may read answers and use the cookie; mail is printed here unless SMTP_URL is set\n"
)
PACKAGE = Path(__file__).parents[1]
UNKNOWN_HOST = "HOST {} is not an IP address of this machine; use 0.0.0.0 to listen on all of them."
logger = logging.getLogger(__name__)


def serve(
    settings: Settings, signals: StopSignals, *, application: str | None, workers: int, reload: bool
) -> None:
    """Run the server until a signal comes; ``application`` is a GraphQLAuth, as ``module:name``.

    Raises StartError when it cannot start or its mongod fails, and Stopped when a signal comes
    before the processes start.
    """
    descriptors.raise_limit()
    with (
        listen(settings) as listener,
        provide_database(_with_app_url(settings, listener), signals.pause) as (completed, mongod),
    ):
        if mongod:
            threading.Thread(target=_stop_with, args=[mongod], daemon=True).start()
        app, database = _check(completed, signals, application)
        embedded = f"{completed.data_dir} (embedded MongoDB)"
        data = embedded if mongod else f"database {database} of MONGO_URI"
        url = f"{_url(listener)}{app.state.parts.path}"
        on_ready = functools.partial(_print_banner, completed, url, data)
        metrics = None
        if completed.metrics_port is not None:
            from graphql_auth.operations.metrics import TotalMetrics  # noqa: PLC0415 - rarely used

            metrics = TotalMetrics()
            metrics.serve(completed.metrics_port)
        if workers == 1 and not reload:
            Server(app, completed, listener, signals, on_ready).run()
        else:
            arguments = completed, application, listener, workers, os.getpid()
            work = functools.partial(run_worker, *arguments)
            # An application is changed in its own directory.
            code = (Path.cwd() if application else PACKAGE) if reload else None
            delay = completed.shutdown_delay.total_seconds()
            Supervisor(work, workers, signals, on_ready, code, delay, metrics).run(listener)
    logger.info("the server has stopped")


@contextmanager
def listen(settings: Settings) -> Iterator[socket.socket]:
    """Listen on HOST and PORT. Raises StartError."""
    host, port = settings.host, settings.listening_port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise StartError(UNKNOWN_HOST.format(host)) from None
    # With ``protocol``: asyncio turns off Nagle's algorithm, which would delay responses by 40 ms,
    # only for sockets that name TCP.
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        limit_sending(listener, settings.request_read_timeout.total_seconds())
        try:
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise StartError(UNKNOWN_HOST.format(host)) from None
            raise StartError(
                f"PORT {port} on HOST {host} cannot be used: {error.strerror}."
                " Set another port, for example PORT=4002, or stop the program that uses this one."
            ) from None
        yield listener


def _stop_with(mongod: EmbeddedMongo) -> None:
    if mongod.wait_for_exit():
        logger.critical("mongod has ended; the server stops")
        # Not SIGTERM: SHUTDOWN_DELAY is for a server that can still serve.
        os.kill(os.getpid(), signal.SIGINT)


def _check(
    settings: Settings, signals: StopSignals, application: str | None
) -> "tuple[Starlette, str]":
    """Create the application and check its database once, before there are several processes.

    Return the name of the database too. Raises StartError.
    """
    from graphql_auth.app import check_database, create_app  # noqa: PLC0415 - the slowest ones
    from graphql_auth.library import load_parts  # noqa: PLC0415

    parts = load_parts(application, settings.metrics_port)

    async def connect() -> str:
        async with check_database(settings, parts) as database:
            return database.name

    app = create_app(settings, parts=parts, is_database_checked=True)
    try:
        return app, run_in_loop(cancel_on_signal(signals, connect()))
    finally:
        # A signal cancels it.
        signals.check()


def _with_app_url(settings: Settings, listener: socket.socket) -> Settings:
    """Return settings in which, in development, links in mails lead to the playground."""
    if settings.is_dev and settings.app_url is None:
        return settings.model_copy(update={"app_url": f"{_url(listener)}/"})
    return settings


def _url(listener: socket.socket) -> str:
    """Return the URL of the server for a browser of this machine."""
    host, port, *_ = listener.getsockname()
    if host in {"127.0.0.1", "0.0.0.0", "::"}:  # noqa: S104 - it is only compared
        # A browser shares no cookies between this name and an IP address, so all URLs have it.
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _print_banner(settings: Settings, url: str, data: str) -> None:
    from graphql_auth.graphql_http.playground import Playground  # noqa: PLC0415 - as above

    if settings.log_format is LogFormat.JSON:
        logger.info("graphql-auth %s is ready at %s with %s", __version__, url, data)
        return
    has_page = settings.has_playground and Playground().is_built
    hint = "  (in a browser: the playground)" if has_page else ""
    # The server serves where nobody reads this too.
    with suppress(StartError, Stopped):
        output.write(
            f"graphql-auth {__version__} is ready.\n"
            f"  GraphQL  {url}{hint}\n"
            f"  Data     {escape_invisible(data)}\n"
            f"{DEV_HINT if settings.is_dev else ''}"
            "  Stop     Ctrl-C\n"
        )
