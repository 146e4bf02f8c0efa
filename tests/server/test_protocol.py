import asyncio
import json
import socket
import threading
import time
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import uvloop
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import ServerState

from graphql_auth.server.protocol import HardenedHttpProtocol
from tests.client import VIEWER, Client
from tests.conftest import Start
from tests.process import ServerProcess
from tests.server.connections import (
    CHUNKED,
    DATA,
    EXPECTING,
    LAST,
    PATIENCE,
    QUERY,
    answer,
    answer_with,
    chunked,
    connect,
    post,
    request,
    statuses,
)


def pour(connection: socket.socket, content: bytes, times: int) -> int:
    """Send the same again and again, and return how many bytes went until the server closed."""
    sent = 0
    with suppress(ConnectionError):
        for _ in range(times):
            connection.sendall(content)
            sent += len(content)
    return sent


NOT_HTTP = {
    "a greeting": b"hello\r\n\r\n",
    "the greeting of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "the greeting of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no host": post(host=b""),
    "two hosts": post(host=b"Host: x\r\nHost: x\r\n"),
    "a host with a path": post(host=b"Host: x/y\r\n"),
    "a host with a user": post(host=b"Host: u@x\r\n"),
    "a host with a space": post(host=b"Host: x y\r\n"),
    "a host with half an escape": post(host=b"Host: x%4\r\n"),
    "a host with a port that is no number": post(host=b"Host: x:http\r\n"),
    "a host with two ports": post(host=b"Host: x:80:80\r\n"),
    "a host with a port that is too large": post(host=b"Host: x:65536\r\n"),
    "a host with brackets in it": post(host=b"Host: x[y]\r\n"),
    "a bracket that does not end": post(host=b"Host: [::1\r\n"),
    "brackets around no IPv6 address": post(host=b"Host: [1::2::3]\r\n"),
    "brackets around an IPv4 address": post(host=b"Host: [127.0.0.1]\r\n"),
    "an IPv6 address without brackets": post(host=b"Host: ::1\r\n"),
    "two hosts in version 1.0": post(
        line=b"POST /graphql HTTP/1.0", host=b"Host: x\r\nHost: y\r\n"
    ),
    "a host that is not ASCII": post(host=b"Host: \xfc\r\n"),
    "version 0.9 without saying so": b"GET /graphql\r\n\r\n",
    "version 0.9": post(line=b"POST /graphql HTTP/0.9"),
    "version 1.2": post(line=b"POST /graphql HTTP/1.2"),
    "version 2.0": post(line=b"POST /graphql HTTP/2.0"),
    "a version of two digits": post(line=b"POST /graphql HTTP/1.10"),
    "a method that nobody knows": post(line=b"BREW /graphql HTTP/1.1"),
    "a method in small letters": post(line=b"post /graphql HTTP/1.1"),
    "CONNECT": post(line=b"CONNECT x:443 HTTP/1.1"),
    "CONNECT to a path": post(line=b"CONNECT /graphql HTTP/1.1"),
    "a target of another host": post(line=b"POST http://y/graphql HTTP/1.1"),
    "a target with a user": post(line=b"POST http://u@x/graphql HTTP/1.1"),
    "a target without a path": post(line=b"POST http://x HTTP/1.1"),
    "a target that is a host": post(line=b"POST x:80 HTTP/1.1"),
    "a target of another scheme": post(line=b"POST ftp://x/graphql HTTP/1.1"),
    "a target with a fragment": post(line=b"POST /graphql#x HTTP/1.1"),
    "a target that is not ASCII": post(line=b"POST /graphql?\xfc HTTP/1.1"),
    "a target with a tab": post(line=b"POST /graphql?\t HTTP/1.1"),
    "a length below zero": post(b"Content-Length: -1\r\n"),
    "a length with a plus": post(b"Content-Length: +27\r\n"),
    "a length of nothing": post(b"Content-Length:\r\n"),
    "a list of lengths": post(b"Content-Length: 27, 27\r\n"),
    "two lengths": post(b"Content-Length: 1\r\nContent-Length: 2\r\n"),
    "the same length twice": post(b"Content-Length: 27\r\nContent-Length: 27\r\n"),
    "a length and chunks": chunked(headers=b"Content-Length: 27\r\n"),
    "chunked twice": chunked(headers=CHUNKED),
    "chunked and another coding": chunked(headers=b"Transfer-Encoding: identity\r\n"),
    "chunked and a coding of nothing": chunked(headers=b"Transfer-Encoding:\r\n"),
    "a list of codings": chunked().replace(b": chunked", b": chunked, identity"),
    "gzip in chunks": chunked().replace(b": chunked", b": gzip, chunked"),
    "a list that begins with nothing": chunked().replace(b": chunked", b": , chunked"),
    "a coding with a parameter": chunked().replace(b": chunked", b": chunked;q=1"),
    "a coding behind a vertical tab": chunked().replace(b": chunked", b":\vchunked"),
    "chunks in version 1.0": chunked().replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a chunk with a sign": chunked().replace(b"\r\n1b\r\n", b"\r\n+1b\r\n"),
    "a chunk with 0x": chunked().replace(b"\r\n1b\r\n", b"\r\n0x1b\r\n"),
    "a chunk with a space": chunked().replace(b"\r\n1b\r\n", b"\r\n1b \r\n"),
    "a chunk that ends in LF": chunked().replace(b"\r\n1b\r\n", b"\r\n1b\n"),
    "a chunk that is longer than it says": chunked().replace(b"\r\n1b\r\n", b"\r\n1a\r\n"),
    "an extension that ends in LF": chunked().replace(b"\r\n1b\r\n", b"\r\n1b;a=b\n"),
    "a trailer that is a length": chunked(trailers=b"Content-Length: 1\r\n"),
    "a trailer without a colon": chunked(trailers=b"x\r\n"),
    "lines that end in LF": post().replace(b"\r\n", b"\n"),
    "a header that ends in LF": post(host=b"Host: x\n"),
    "a header with a CR": post(host=b"Host: x\r\nX: a\rY: b\r\n"),
    "a header with a NUL": post(host=b"Host: x\r\nX: \0\r\n"),
    "a header with an escape": post(host=b"Host: x\r\nX: \x1b[2J\r\n"),
    "a header that goes on in the next line": post(host=b"Host: x\r\nX: a\r\n b\r\n"),
    "a space before the colon": post(host=b"Host : x\r\n"),
    "a space before the name": post(host=b" Host: x\r\n"),
    "a header without a name": post(host=b"Host: x\r\n: x\r\n"),
    "a header without a colon": post(host=b"Host: x\r\nx\r\n"),
}


@pytest.mark.parametrize("nonsense", NOT_HTTP.values(), ids=NOT_HTTP)
def test_invalid_http_gets_a_400_with_a_code(connection: socket.socket, nonsense: bytes) -> None:
    connection.sendall(nonsense)

    received = answer(connection)

    assert statuses(received) == [400]
    assert b"application/json" in received
    assert b'"code": "BAD_REQUEST"' in received


def test_invalid_http_of_many_connections_is_one_line_in_the_log(start: Start) -> None:
    server = start()

    for _ in range(20):
        with connect(server) as connection:
            connection.sendall(b"hello\r\n\r\n")
            assert statuses(answer(connection)) == [400]

    server.stop()
    assert server.output.count("WARNING uvicorn.error: Invalid HTTP request received.") == 1


ODD = {
    "an empty host": post(host=b"Host:\r\n"),
    "a host with a port": post(host=b"Host: [::1]:4001\r\n"),
    "a host with an empty port": post(host=b"Host: x:\r\n"),
    "a host with an escape": post(host=b"Host: %C3%BC.example\r\n"),
    "version 1.0": post(line=b"POST /graphql HTTP/1.0"),
    "version 1.0 without a host": post(line=b"POST /graphql HTTP/1.0", host=b""),
    "a target with its own host": post(line=b"POST http://x/graphql HTTP/1.1"),
    "a target with all characters": post(line=b"POST /graphql?~!$&'()*+,;=:@/?%20[]{}|^` HTTP/1.1"),
    "a header of nothing": post(host=b"X:\r\nHost: x\r\n"),
    "a length with zeros": post(b"Content-Length: 0027\r\n"),
    "chunks in capitals": chunked().replace(b": chunked", b": CHUNKED"),
    "a chunk with an extension": chunked().replace(b"\r\n1b\r\n", b'\r\n001B;a=b;c="d"\r\n'),
    "trailers": chunked(trailers=b"X: y\r\nUpgrade: h2c\r\nConnection: upgrade\r\n"),
    "empty lines before it": b"\r\n\r\n" + post(),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_unusual_but_valid_http_is_answered(connection: socket.socket, odd: bytes) -> None:
    connection.sendall(odd.replace(b"Content-Type", LAST + b"Content-Type"))

    received = answer(connection)

    assert statuses(received) == [200]
    assert received.endswith(DATA)


def test_options_asterisk_is_404(connection: socket.socket) -> None:
    connection.sendall(post(line=b"OPTIONS * HTTP/1.1", host=b"Host: x\r\n" + LAST))

    assert statuses(answer(connection)) == [404]


@pytest.mark.parametrize("headers", [b"X: " + b"x" * 20_000 + b"\r\n", b"X: x\r\n" * 9_000])
def test_long_headers_are_refused(connection: socket.socket, headers: bytes) -> None:
    connection.sendall(request(b"{}").replace(b"Host: x\r\n", b"Host: x\r\n" + headers))

    received = answer(connection)

    assert received[9:12] in {b"400", b"431"}
    assert b"BAD_REQUEST" in received


THOUSAND = b"x" * 1_000


@pytest.mark.parametrize(
    ("begin", "go_on"),
    [
        (b"", b"\r\n" * 500),
        (b"", THOUSAND),
        (b"GET /", THOUSAND),
        (b"GET / HTTP/1.1\r\n", THOUSAND),
        (b"GET / HTTP/1.1\r\nX: ", THOUSAND),
        (b"GET / HTTP/1.1\r\n", b"a:\r\n" * 250),
        (post(CHUNKED, b"1;"), THOUSAND),
        (post(CHUNKED, b""), b"0" * 1_000),
        (post(CHUNKED, b"0\r\nX: "), THOUSAND),
        (post(CHUNKED, b"0\r\n"), b"a:\r\n" * 250),
    ],
    ids=[
        "empty lines",
        "method",
        "target",
        "name of a header",
        "header",
        "headers",
        "extension of a chunk",
        "size of a chunk",
        "trailer",
        "trailers",
    ],
)
def test_endless_head_is_refused(
    impatient: ServerProcess, connection: socket.socket, begin: bytes, go_on: bytes
) -> None:
    start = time.monotonic()
    connection.sendall(begin)

    sent = pour(connection, go_on, 20_000)

    # The buffers of the system hold much of it; when they are full, the client notices the end.
    assert sent < 20_000_000
    assert time.monotonic() - start < PATIENCE
    with Client(impatient.url) as client:
        assert client.ask("{ __typename }")["data"]


@pytest.mark.parametrize(("length", "status"), [(131_072, 200), (131_073, 413)])
def test_body_in_chunks_of_one_byte_is_read(
    shared_server: ServerProcess, length: int, status: int
) -> None:
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in QUERY.ljust(length))
    with connect(shared_server) as connection:
        # One that is too long is answered before all of it is sent.
        with suppress(ConnectionError):
            connection.sendall(post(CHUNKED + LAST, chunks + b"0\r\n\r\n"))

        assert statuses(answer(connection)) == [status]


def test_expect_100_continue_is_answered(connection: socket.socket) -> None:
    head, _, body = post(EXPECTING + LAST).rpartition(QUERY)
    connection.sendall(head)
    assert answer_with(b"\r\n\r\n", connection) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(body or QUERY)

    assert answer(connection).endswith(DATA)


def test_http_1_0_client_gets_no_http_1_1_features(
    connection: socket.socket,
) -> None:
    connection.sendall(post(EXPECTING, line=b"POST /graphql HTTP/1.0"))

    assert statuses(answer(connection)) == [200]


def test_a_trailer_is_no_header(shared_server: ServerProcess) -> None:
    with Client(shared_server.url) as client, connect(shared_server) as connection:
        trailer = b"Authorization: Bearer %s\r\n" % client.token().encode()
        viewer = json.dumps({"query": VIEWER}).encode()
        connection.sendall(chunked(viewer, headers=LAST + trailer))
        as_header = answer(connection)
    with connect(shared_server) as connection:
        connection.sendall(chunked(viewer, trailer, headers=LAST))
        as_trailer = answer(connection)

    assert b'"viewer":{' in as_header
    assert b'"viewer":null' in as_trailer


async def serve(app: Any, state: ServerState) -> asyncio.Server:
    config = Config(app, lifespan="off", log_config=None)
    config.load()
    create = partial(HardenedHttpProtocol, PATIENCE, config, state)
    return await asyncio.get_running_loop().create_server(create, "127.0.0.1", 0)


def send_get(server: asyncio.Server) -> socket.socket:
    connection = socket.create_connection(server.sockets[0].getsockname(), PATIENCE)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    return connection


def test_head_is_sent_before_a_body_that_comes_later() -> None:
    received = threading.Event()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.to_thread(received.wait, PATIENCE)
        await send({"type": "http.response.body", "body": b"later"})

    def read(connection: socket.socket) -> bytes:
        with connection:
            answer_with(b"\r\n\r\n", connection)
            received.set()
            return answer(connection)

    async def run() -> bytes:
        async with await serve(app, ServerState()) as server:
            return await asyncio.to_thread(read, send_get(server))

    assert uvloop.run(run()) == b"5\r\nlater\r\n0\r\n\r\n"


def test_client_that_closes_before_the_head_is_no_error() -> None:
    faults: list[dict[str, Any]] = []

    async def run() -> None:
        began, state = asyncio.Event(), ServerState()

        async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
            began.set()
            await asyncio.sleep(0)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await asyncio.sleep(0.01)
            await send({"type": "http.response.body", "body": b"later"})

        asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
        async with await serve(app, state) as server:
            # Before the loop accepts the connection.
            send_get(server).close()
            await began.wait()
            await asyncio.gather(*state.tasks)

    uvloop.run(run())

    assert faults == []
