"""The processes that serve requests: one, several under a supervisor, or one that reloads."""

import functools
import os
import socket
from pathlib import Path
from typing import cast

import uvicorn
from starlette.applications import Starlette
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import ChangeReload, Multiprocess

from graphql_auth.errors import StartError
from graphql_auth.lifeline import die_with_parent
from graphql_auth.logs import LOG_CONFIG
from graphql_auth.protocol import PromptConfig, PromptProtocol
from graphql_auth.settings import Settings

SECONDS_TO_FINISH_REQUESTS = 10


def run(settings: Settings, listener: socket.socket, *, workers: int, reload: bool) -> None:
    """Serve on ``listener`` until a signal comes. Raises StartError when a process cannot start."""
    config = PromptConfig(
        functools.partial(_app, settings, workers, os.getpid()),
        factory=True,
        workers=workers,
        http=PromptProtocol,
        lifespan="on",
        ws="none",
        log_config=LOG_CONFIG,
        # Its lines hold the query string, in which a token or a password may stand.
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=SECONDS_TO_FINISH_REQUESTS,
    )
    config.seconds_for_headers = settings.request_read_timeout.total_seconds()
    if reload:
        # uvicorn fills these in for an application named by a string only.
        config.reload_dirs = [Path(__file__).parent]
        ChangeReload(config, target=uvicorn.Server(config).run, sockets=[listener]).run()
        return
    if workers > 1:
        supervisor = Multiprocess(config, sockets=[listener])
        supervisor.run()
        statuses = {process.exitcode for process in supervisor.processes}
    else:
        statuses = {_serve_here(uvicorn.Server(config), listener)}
    if STARTUP_FAILURE in statuses:
        raise StartError("A process that was to serve could not start; the line above says why.")


def _serve_here(server: uvicorn.Server, listener: socket.socket) -> int:
    try:
        server.run(sockets=[listener])
    except SystemExit as ended:
        return cast("int", ended.code)
    except KeyboardInterrupt:
        # uvicorn has ended in good order, and raises the signal again.
        pass
    return 0


def _app(settings: Settings, processes: int, parent: int) -> Starlette:
    """Build the application, in the process that serves it."""
    from graphql_auth.app import create_app  # noqa: PLC0415 - see server._embedded

    if os.getpid() != parent:
        die_with_parent(parent)
    return create_app(settings, processes, is_checked=True)
