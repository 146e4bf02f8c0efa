import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.client import Client
from tests.conftest import Start
from tests.process import ServerProcess

PATIENCE = 20


@pytest.fixture(scope="module")
def impatient(start_shared: Start) -> ServerProcess:
    return start_shared(REQUEST_READ_TIMEOUT="1s")


@pytest.fixture
def connection(impatient: ServerProcess) -> Iterator[socket.socket]:
    address = urlsplit(impatient.url)
    with socket.create_connection((address.hostname, address.port), PATIENCE) as connection:
        yield connection


def answer(connection: socket.socket) -> bytes:
    """Everything that comes until the server closes the connection."""
    received = b""
    while chunk := connection.recv(65_536):
        received += chunk
    return received


def request(body: bytes, length: int | None = None) -> bytes:
    return (
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % (len(body) if length is None else length)
    ) + body


def send_slowly(connection: socket.socket, content: bytes) -> None:
    for byte in content:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def test_who_connects_and_says_nothing_is_let_go(connection: socket.socket) -> None:
    start = time.monotonic()

    assert answer(connection) == b""
    assert 0.5 < time.monotonic() - start < PATIENCE


def test_headers_that_come_byte_by_byte_are_not_waited_for(connection: socket.socket) -> None:
    start = time.monotonic()

    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        send_slowly(connection, request(b"{}") * 100)
    assert time.monotonic() - start < PATIENCE


def test_headers_of_a_second_request_are_not_waited_for_either(connection: socket.socket) -> None:
    connection.sendall(request(b'{"query": "{ __typename }"}'))
    while b"}}" not in connection.recv(65_536):
        pass

    connection.sendall(b"POST /graphql HTTP/1.1\r\nX: ")

    assert answer(connection) == b""


def test_a_body_that_does_not_come_is_not_waited_for(connection: socket.socket) -> None:
    connection.sendall(request(b"{", length=100))

    received = answer(connection)

    assert b" 408 " in received
    assert b"BAD_REQUEST" in received


def test_a_prompt_client_may_use_its_connection_for_longer(
    impatient: ServerProcess,
) -> None:
    with Client(impatient.url) as client:
        for _ in range(5):
            assert client.ask("{ __typename }") == {"data": {"__typename": "Query"}}
            time.sleep(0.5)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"hello\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_what_is_not_http_is_a_coded_400(connection: socket.socket, nonsense: bytes) -> None:
    connection.sendall(nonsense)

    received = answer(connection)

    assert received.startswith(b"HTTP/1.1 400 ")
    assert b"application/json" in received
    assert b'"code": "BAD_REQUEST"' in received


@pytest.mark.parametrize("headers", [b"X: " + b"x" * 20_000 + b"\r\n", b"X: x\r\n" * 9_000])
def test_long_headers_are_refused(connection: socket.socket, headers: bytes) -> None:
    connection.sendall(request(b"{}").replace(b"Host: x\r\n", b"Host: x\r\n" + headers))

    received = answer(connection)

    assert received[9:12] in {b"400", b"431"}
    assert b"BAD_REQUEST" in received
