import json
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.client import VIEWER, Client
from tests.conftest import KEY, Start
from tests.process import ServerProcess

PATIENCE = 30
QUERY = b'{"query": "{ __typename }"}'
DATA = b'{"data":{"__typename":"Query"}}'
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LAST = b"Connection: close\r\n"
EXPECTING = b"Expect: 100-continue\r\nContent-Length: 27\r\n"


@pytest.fixture(scope="module")
def impatient(start_shared: Start) -> ServerProcess:
    return start_shared(REQUEST_READ_TIMEOUT="1s")


def connect(server: ServerProcess) -> socket.socket:
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname, address.port), PATIENCE)


@pytest.fixture
def connection(impatient: ServerProcess) -> Iterator[socket.socket]:
    with connect(impatient) as connection:
        yield connection


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


def test_slow_empty_lines_time_out(connection: socket.socket) -> None:
    start = time.monotonic()

    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        send_slowly(connection, b"\r\n" * 1_000)
    assert time.monotonic() - start < PATIENCE


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


def test_body_unfinished_after_its_response_times_out(
    connection: socket.socket,
) -> None:
    connection.sendall(post(CHUNKED, b"", line=b"PUT /graphql HTTP/1.1"))
    start = time.monotonic()

    with pytest.raises(OSError, match=r"Broken pipe|reset"):
        send_slowly(connection, b"1\r\nx\r\n" * 1_000)
    assert time.monotonic() - start < PATIENCE


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


def test_expect_100_continue_is_answered(connection: socket.socket) -> None:
    head, _, body = post(EXPECTING + LAST).rpartition(QUERY)
    connection.sendall(head)
    assert answer_with(b"\r\n\r\n", connection) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(body or QUERY)

    assert answer(connection).endswith(DATA)


@pytest.mark.parametrize("line", [b"keep-alive, close", b"keep-alive\r\nConnection: close"])
def test_connection_header_is_a_list(connection: socket.socket, line: bytes) -> None:
    connection.sendall(post(b"Content-Length: 27\r\nConnection: " + line + b"\r\n") + post())

    assert statuses(answer(connection)) == [200]


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
