"""Requests byte by byte, over connections of their own."""

import re
import socket
import time
from contextlib import suppress
from urllib.parse import urlsplit

from tests.process import ServerProcess

PATIENCE = 30
QUERY = b'{"query": "{ __typename }"}'
DATA = b'{"data":{"__typename":"Query"}}'
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LAST = b"Connection: close\r\n"
EXPECTING = b"Expect: 100-continue\r\nContent-Length: 27\r\n"


def connect(server: ServerProcess) -> socket.socket:
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname, address.port), PATIENCE)


def answer(connection: socket.socket) -> bytes:
    """Everything that comes until the server closes the connection.

    It closes by a reset when there is something left that it did not read.
    """
    received = b""
    with suppress(ConnectionResetError):
        while chunk := connection.recv(65_536):
            received += chunk
    return received


def answer_with(expected: bytes, connection: socket.socket) -> bytes:
    """Everything that comes until this has come; an answer may come in pieces."""
    received = b""
    while expected not in received:
        chunk = connection.recv(65_536)
        assert chunk, f"closed after {received!r}"
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


def post(
    headers: bytes = b"Content-Length: 27\r\n",
    body: bytes = QUERY,
    line: bytes = b"POST /graphql HTTP/1.1",
    host: bytes = b"Host: x\r\n",
) -> bytes:
    return b"%s\r\n%sContent-Type: application/json\r\n%s\r\n%s" % (line, host, headers, body)


def chunked(body: bytes = QUERY, trailers: bytes = b"", headers: bytes = b"") -> bytes:
    chunks = b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(body), body, trailers)
    return post(CHUNKED + headers, chunks)


def numbered(number: int, headers: bytes = b"", more: bytes = b"") -> bytes:
    """A request that can be told by the id of its answer."""
    length = b"Content-Length: 27\r\n"
    return post(length + b"X-Request-Id: number-%d\r\n" % number + headers) + more


def numbers(received: bytes) -> list[int]:
    return [int(number) for number in re.findall(rb"x-request-id: number-(\d+)\r\n", received)]


def statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]
