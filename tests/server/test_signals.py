"""Which signals end a server at once, in spite of SHUTDOWN_DELAY."""

import os
import signal
import socket
import threading
import time
from multiprocessing.connection import Connection

import pytest

from graphql_auth.runtime.signals import StopSignals
from graphql_auth.server.heartbeats import send_heartbeat
from graphql_auth.server.supervisor import Supervisor
from tests.conftest import Start
from tests.operations.test_probes import reasons
from tests.outages import until
from tests.process import ServerProcess

WORKERS = pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["alone", "workers"])


def start_with_delay(start: Start, *arguments: str, **settings: str) -> ServerProcess:
    """Start a server that a test cannot wait for, once it got one SIGTERM."""
    server = start(*arguments, SHUTDOWN_DELAY="60s", **settings)
    if arguments:
        until(lambda: server.output.count(" is ready\n") == 2, server)
    return server


@WORKERS
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_ends_the_delay(
    start: Start, arguments: tuple[str, ...], second: int
) -> None:
    server = start_with_delay(start, *arguments)
    server.process.send_signal(signal.SIGTERM)
    until(lambda: reasons(server) == ["The server is stopping."], server)

    server.process.send_signal(second)

    assert server.process.wait(30) == 0
    assert "SIGKILL" not in server.output


@WORKERS
def test_ctrl_c_has_no_delay_also_for_the_main_process_alone(
    start: Start, arguments: tuple[str, ...]
) -> None:
    server = start_with_delay(start, *arguments)

    server.process.send_signal(signal.SIGINT)

    assert server.process.wait(30) == 0
    assert "SIGKILL" not in server.output


@WORKERS
def test_sigterm_to_all_processes_keeps_the_delay(start: Start, arguments: tuple[str, ...]) -> None:
    """As systemd does without KillMode=mixed."""
    server = start_with_delay(start, *arguments)

    os.killpg(server.process.pid, signal.SIGTERM)

    until(lambda: reasons(server) == ["The server is stopping."], server)
    assert reasons(server) == ["The server is stopping."]
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(30) == 0


@WORKERS
def test_loss_of_mongod_ends_the_server_without_delay(
    start_embedded: Start, arguments: tuple[str, ...]
) -> None:
    server = start_with_delay(start_embedded, *arguments)

    os.kill(server.mongod_pid(), signal.SIGKILL)

    assert server.process.wait(30) == 1
    assert "graphql-auth: mongod ended with exit status -9" in server.output


def test_sighup_ends_a_single_process_in_order(start: Start) -> None:
    server = start_with_delay(start)

    server.process.send_signal(signal.SIGHUP)

    assert server.process.wait(30) == 0


def impatient(heartbeats: Connection, *_: object) -> None:
    """Wait for requests that take very long, unless it may not."""
    signals = StopSignals(is_supervised=True)
    signals.install(signal.SIGHUP, signal.SIGQUIT)
    while not signals.is_urgent:
        send_heartbeat(heartbeats, is_ready=True, metrics=[])
        time.sleep(0.1)


def test_second_ctrl_c_reaches_workers(caplog: pytest.LogCaptureFixture) -> None:
    signals = StopSignals()
    before = signal.getsignal(signal.SIGHUP)

    def press_twice() -> None:
        signals.note(signal.SIGINT, None)
        signals.note(signal.SIGINT, None)

    supervising = Supervisor(impatient, 1, signals, threading.Timer(0.5, press_twice).start)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        supervising.run(listener)
    signal.signal(signal.SIGHUP, before)

    assert "did not end" not in caplog.text
