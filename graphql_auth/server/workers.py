"""The processes that serve requests: one, or several under a supervisor."""

import functools
import logging.config
import os
import signal
import socket
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from starlette.applications import Starlette

from graphql_auth.errors import StartError
from graphql_auth.logs import LOG_CONFIG
from graphql_auth.runtime.process import die_with_parent, end_process
from graphql_auth.runtime.signals import StopSignals
from graphql_auth.server.http_server import Server
from graphql_auth.server.supervisor import CANNOT_START, READY, STARTING, FileChanges, Supervisor
from graphql_auth.settings import Settings

SECONDS_BETWEEN_BEATS = 0.5

logger = logging.getLogger(__name__)


def run(  # noqa: PLR0913 - the server names each
    settings: Settings,
    listener: socket.socket,
    signals: StopSignals,
    *,
    app: Starlette,
    workers: int,
    reload: bool,
) -> None:
    """Serve on ``listener`` until a signal comes. Raises StartError when a process cannot start.

    ``app`` serves in this process; workers make one of their own.
    """
    if workers == 1 and not reload:
        Server(app, settings, listener, signals).run()
        return
    app.state.hash_queue.close()
    work = functools.partial(_work, settings, listener, workers, os.getpid())
    changes = FileChanges(Path(__file__).parents[1]) if reload else None
    Supervisor(work, workers, signals, changes).run(listener)


def _work(
    settings: Settings, listener: socket.socket, processes: int, parent: int, beats: Connection
) -> NoReturn:
    """Serve in a process that the supervisor has started."""
    signals = StopSignals()
    signals.install()
    logging.config.dictConfig(LOG_CONFIG)
    die_with_parent(parent)
    try:
        # Imported while the signals are noted, for it takes longest.
        from graphql_auth.app import create_app  # noqa: PLC0415

        app = create_app(settings, processes, is_checked=True)
        server = Server(app, settings, listener, signals)
        threading.Thread(target=_beat, args=[server, beats], daemon=True).start()
        server.run()
    except StartError as error:
        logger.critical("%s", error)
        end_process(CANNOT_START)
    end_process(0)


def _beat(server: Server, beats: Connection) -> None:
    """Tell the supervisor that this process runs, and whether it serves."""
    try:
        while True:
            beats.send_bytes(READY if server.is_ready else STARTING)
            time.sleep(SECONDS_BETWEEN_BEATS)
    except OSError:
        # The supervisor was killed, where the kernel does not end its children for it.
        os.kill(os.getpid(), signal.SIGTERM)
