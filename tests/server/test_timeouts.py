"""Connections that are idle or slow are closed."""

import re
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.client import Client
from tests.conftest import KEY, Start
from tests.process import ServerProcess
from tests.server.connections import (
    CHUNKED,
    DATA,
    PATIENCE,
    answer,
    answer_with,
    connect,
    post,
    request,
    send_slowly,
    statuses,
)


def test_silent_connection_is_closed(connection: socket.socket) -> None:
    start = time.monotonic()

    assert answer(connection) == b""
    assert 0.5 < time.monotonic() - start < PATIENCE


def test_idle_connection_is_kept_for_keep_alive_timeout(start_shared: Start) -> None:
    """Uvicorn itself closes it after 5 seconds, and so do proxies that wait for that."""
    patient = start_shared(KEEP_ALIVE_TIMEOUT="60s")
    with connect(patient) as connection:
        connection.sendall(post())
        answer_with(DATA, connection)
        time.sleep(5.5)
        connection.sendall(post())

        assert answer_with(DATA, connection)


@pytest.fixture(scope="module")
def soon_idle(start_shared: Start) -> ServerProcess:
    return start_shared(KEEP_ALIVE_TIMEOUT="1s", REQUEST_READ_TIMEOUT="60s")


def test_idle_connection_is_closed_after_keep_alive_timeout(soon_idle: ServerProcess) -> None:
    with connect(soon_idle) as connection:
        connection.sendall(post())
        answer_with(DATA, connection)
        start = time.monotonic()

        assert answer(connection) == b""
        assert 0.5 < time.monotonic() - start < PATIENCE


@pytest.mark.parametrize("first", [b"POST", b"PUT"], ids=["head", "body"])
def test_connection_with_a_begun_request_is_not_idle(
    soon_idle: ServerProcess, first: bytes
) -> None:
    """The rest of a pipelined head, or of a body whose response came first, may take longer."""
    request = post(line=first + b" /graphql HTTP/1.1")
    begun = request + post()[:20] if first == b"POST" else request[:-5]
    with connect(soon_idle) as connection:
        connection.sendall(begun)
        answer_with(b"}", connection)
        time.sleep(1.5)
        connection.sendall(post()[20:] if first == b"POST" else request[-5:] + post())

        assert answer_with(DATA, connection)


def test_slow_headers_time_out(connection: socket.socket) -> None:
    start = time.monotonic()

    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        send_slowly(connection, request(b"{}") * 100)
    assert time.monotonic() - start < PATIENCE


def test_slow_headers_of_a_second_request_time_out(connection: socket.socket) -> None:
    connection.sendall(request(b'{"query": "{ __typename }"}'))
    answer_with(b"}}", connection)

    connection.sendall(b"POST /graphql HTTP/1.1\r\nX: ")

    assert answer(connection) == b""


def test_missing_body_times_out(connection: socket.socket) -> None:
    connection.sendall(request(b"{", length=100))

    received = answer(connection)

    assert b" 408 " in received
    assert b"BAD_REQUEST" in received


def test_fast_client_keeps_its_connection(
    impatient: ServerProcess,
) -> None:
    with Client(impatient.url) as client:
        for _ in range(13):
            assert client.ask("{ __typename }") == {"data": {"__typename": "Query"}}
            time.sleep(0.2)


def test_slow_empty_lines_time_out(connection: socket.socket) -> None:
    start = time.monotonic()

    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        send_slowly(connection, b"\r\n" * 1_000)
    assert time.monotonic() - start < PATIENCE


def test_body_unfinished_after_its_response_times_out(
    connection: socket.socket,
) -> None:
    connection.sendall(post(CHUNKED, b"", line=b"PUT /graphql HTTP/1.1"))
    start = time.monotonic()

    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        send_slowly(connection, b"1\r\nx\r\n" * 1_000)
    assert time.monotonic() - start < PATIENCE


def test_partial_pipelined_request_times_out(
    connection: socket.socket,
) -> None:
    start = time.monotonic()
    connection.sendall(post() + b"POST /graphql HTTP/1.1\r\nX: ")

    assert statuses(answer(connection)) == [200]
    assert time.monotonic() - start < PATIENCE


@pytest.mark.alone
def test_client_that_reads_no_response_is_disconnected(start: Start, database_uri: str) -> None:
    server = start(MONGO_URI=database_uri, TOKEN_KEY=KEY, REQUEST_READ_TIMEOUT="1s")
    before = _megabytes(server)
    ended_at = time.monotonic() + PATIENCE
    with connect(server) as connection:
        connection.settimeout(0.1)
        with suppress(ConnectionError):
            while time.monotonic() < ended_at:
                with suppress(TimeoutError):
                    connection.sendall(b"GET / HTTP/1.1\r\nHost:\r\n\r\n" * 10_000)

    assert time.monotonic() < ended_at
    assert _megabytes(server) - before < 10


def _megabytes(server: ServerProcess) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="utf-8")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert peak
    return int(peak[1]) // 1024
