"""A process that serves beside others, which the supervisor starts."""

import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, NoReturn

from graphql_auth.errors import StartError
from graphql_auth.logs import configure_logging
from graphql_auth.runtime.linux import die_with_parent
from graphql_auth.runtime.signals import StopSignals, end_process
from graphql_auth.server.heartbeats import send_heartbeat
from graphql_auth.server.http_server import Server
from graphql_auth.server.supervisor import CANNOT_START
from graphql_auth.settings import Settings

if TYPE_CHECKING:
    from graphql_auth.operations.metrics import Metrics

HEARTBEAT_INTERVAL = 0.5

logger = logging.getLogger(__name__)


def run_worker(  # noqa: PLR0913, PLR0917 - the server names each
    settings: Settings,
    application: str | None,
    listener: socket.socket,
    processes: int,
    parent: int,
    heartbeats: Connection,
    is_alone: bool,  # noqa: FBT001
) -> NoReturn:
    signals = StopSignals(is_supervised=True)
    # See Worker.terminate.
    signals.install(signal.SIGHUP, signal.SIGQUIT)
    configure_logging(settings.log_format)
    die_with_parent(parent)
    try:
        from graphql_auth.app import create_app  # noqa: PLC0415 - slow: signals are noted before it
        from graphql_auth.library import load_parts  # noqa: PLC0415

        parts = load_parts(application, settings.metrics_port)
        app = create_app(settings, processes, parts=parts, is_database_checked=True)
        is_ready, has_ended = threading.Event(), threading.Event()
        server = Server(app, settings, listener, signals, is_ready.set, is_alone=is_alone)
        arguments = heartbeats, is_ready, has_ended, server.is_responsive, parts.metrics
        sending = threading.Thread(target=_send_heartbeats, args=arguments, daemon=True)
        sending.start()
        server.run()
        has_ended.set()
        sending.join(HEARTBEAT_INTERVAL)
    except StartError as error:
        logger.critical("%s", error)
        end_process(CANNOT_START)
    except Exception:  # noqa: BLE001 - multiprocessing would print it
        sys.excepthook(*sys.exc_info())
        end_process(1)
    end_process(0)


def _send_heartbeats(
    heartbeats: Connection,
    is_ready: threading.Event,
    has_ended: threading.Event,
    is_responsive: Callable[[], bool],
    metrics: "Metrics | None",
) -> None:
    """Send whether this process is ready, and its metrics, until it has ended.

    The supervisor kills one whose event loop is blocked, since it sends none.
    """
    # When the supervisor has been killed, this process is killed too.
    with suppress(OSError):
        is_last = False
        while True:
            if is_responsive():
                found = metrics.collect() if metrics else []
                send_heartbeat(heartbeats, is_ready=is_ready.is_set(), metrics=found)
            if is_last:
                return
            is_last = has_ended.wait(HEARTBEAT_INTERVAL)
