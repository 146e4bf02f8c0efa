"""Several requests on a connection, and what comes behind one that is broken."""

import signal
import socket
from contextlib import ExitStack

import pytest

from tests.conftest import KEY, Start
from tests.process import ServerProcess
from tests.server.connections import (
    CHUNKED,
    DATA,
    EXPECTING,
    LAST,
    QUERY,
    answer,
    answer_with,
    chunked,
    connect,
    numbered,
    numbers,
    post,
    statuses,
)


def test_pipelined_requests_are_answered_in_order(
    connection: socket.socket,
) -> None:
    together = b"".join(numbered(number) for number in range(500))
    connection.sendall(together + numbered(500, LAST) + numbered(501))

    received = answer(connection)

    assert numbers(received) == list(range(501))
    assert received.count(DATA) == 501


@pytest.mark.parametrize(
    "broken",
    [
        b"hello\r\n\r\n",
        chunked(headers=CHUNKED),
        post(CHUNKED, b"no size\r\n"),
        post(CHUNKED, b"1b\r\n" + QUERY + b"no end"),
    ],
)
@pytest.mark.parametrize("before", [1, 2, 400])
def test_requests_before_an_invalid_one_are_answered(
    connection: socket.socket, broken: bytes, before: int
) -> None:
    good = b"".join(numbered(number) for number in range(before))
    connection.sendall(good + broken + numbered(1_000))

    received = answer(connection)

    assert numbers(received) == list(range(before))
    # There may be an answer to what is broken; but only behind the others.
    assert statuses(received) in ([200] * before, [200] * before + [400])


def test_invalid_request_on_an_idle_connection_gets_400(
    connection: socket.socket,
) -> None:
    connection.sendall(post())
    answer_with(DATA, connection)
    connection.sendall(b"hello\r\n\r\n")

    assert statuses(answer(connection)) == [400]


@pytest.mark.parametrize("method", [b"PUT", b"GET"])
def test_broken_body_is_answered_once(connection: socket.socket, method: bytes) -> None:
    line = method + b" /graphql?query=%7B__typename%7D HTTP/1.1"
    connection.sendall(post(CHUNKED, b"no size\r\n", line=line))

    assert statuses(answer(connection)) == [400]


def test_body_broken_after_its_response_gets_no_second_one(
    connection: socket.socket,
) -> None:
    connection.sendall(post(CHUNKED, b"", line=b"PUT /graphql HTTP/1.1"))
    assert statuses(answer_with(b'"BAD_REQUEST"}}]}', connection)) == [405]
    connection.sendall(b"no size\r\n")

    assert answer(connection) == b""


def test_request_after_an_unread_body_is_answered(connection: socket.socket) -> None:
    put = post(line=b"PUT /graphql HTTP/1.1")
    connection.sendall(put[:-5])
    assert statuses(answer_with(b'"BAD_REQUEST"}}]}', connection)) == [405]
    connection.sendall(put[-5:] + b"hello\r\n\r\n")

    assert statuses(answer(connection)) == [400]


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
@pytest.mark.parametrize("body", [b"Content-Length: 27\r\n", CHUNKED])
def test_upgrade_offer_is_ignored(
    shared_server: ServerProcess, protocol: bytes, body: bytes
) -> None:
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: %s\r\nHTTP2-Settings: AA\r\n"
    one = chunked(headers=offer % protocol) if body == CHUNKED else post(offer % protocol + body)
    with connect(shared_server) as connection:
        for _ in range(2):
            connection.sendall(one + one[:100])
            connection.sendall(one[100:])
        connection.sendall(post(LAST + b"Content-Length: 27\r\n"))

        received = answer(connection)

    assert received.count(DATA) == 5


@pytest.mark.parametrize("line", [b"keep-alive, close", b"keep-alive\r\nConnection: close"])
def test_connection_header_is_a_list(connection: socket.socket, line: bytes) -> None:
    connection.sendall(post(b"Content-Length: 27\r\nConnection: " + line + b"\r\n") + post())

    assert statuses(answer(connection)) == [200]


def test_shutdown_refuses_waiting_hashes_and_answers_running_ones(
    start: Start, database_uri: str
) -> None:
    server = start(MONGO_URI=database_uri, TOKEN_KEY=KEY)
    with ExitStack() as connections:
        silent, waiting, beginning, half, several = (
            connections.enter_context(connect(server)) for _ in range(5)
        )
        waiting.sendall(post())
        answer_with(DATA, waiting)
        beginning.sendall(b"POST /graphql HT")
        half.sendall(post(EXPECTING, body=QUERY[:5]))
        answer_with(b" 100 ", half)
        several.sendall(numbered(0) + post(EXPECTING, b""))
        answer_with(b" 100 ", several)

        server.process.send_signal(signal.SIGTERM)

        assert [answer(silent), answer(waiting), answer(beginning)] == [b"", b"", b""]
        half.sendall(QUERY[5:])
        several.sendall(QUERY)
        assert answer(half).endswith(DATA)
        assert answer(several).endswith(DATA)
    assert server.wait() == 0
