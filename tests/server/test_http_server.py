"""How a server ends while it is at work, over real sockets."""

import asyncio
import contextlib
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pymongo import MongoClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from graphql_auth.embedded_mongo.data_directory import lock_data_directory
from graphql_auth.embedded_mongo.mongod import run_mongod
from graphql_auth.passwords.hash_queue import HashQueue
from graphql_auth.runtime.signals import StopSignals
from graphql_auth.server import http_server as serving
from graphql_auth.server.http_server import Server
from graphql_auth.server.serve import listen
from graphql_auth.settings import Settings
from tests.client import LOGIN, PASSWORD, Client, RequestsSent, code, new_email
from tests.conftest import KEY, Start
from tests.process import has_ended

pytestmark = pytest.mark.anyio

LOGINS = 90
# Each has at most as many as may be tried at once.
USERS = 18
WORKERS = [(), ("--workers", "2")]


@pytest.mark.alone
@pytest.mark.parametrize("workers", WORKERS)
async def test_sigterm_answers_all_logins_in_flight(
    start: Start, database_uri: str, workers: tuple[str, ...]
) -> None:
    server = start(*workers, MONGO_URI=database_uri, TOKEN_KEY=KEY, BCRYPT_ROUNDS="11")
    users = [{"email": new_email(), "password": PASSWORD} for _ in range(USERS)]
    with Client(server.url) as client, ThreadPoolExecutor(4) as pool:
        registered = list(pool.map(lambda user: client.register(**user), users))
    assert not any("errors" in answer for answer in registered)

    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=60, limits=limits) as http:
        sent = RequestsSent(LOGINS)

        async def login(user: dict[str, str]) -> str:
            request = {"query": LOGIN, "variables": {"input": user}}
            trace = {"trace": sent.trace}
            answer = (await http.post(server.url, json=request, extensions=trace)).json()
            return code(answer) if answer.get("errors") else "OK"

        logins = [asyncio.create_task(login(users[number % USERS])) for number in range(LOGINS)]
        await asyncio.wait(logins, return_when=asyncio.FIRST_COMPLETED)
        await sent.wait()
        before = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        codes = Counter(await asyncio.gather(*logins))

    assert await asyncio.to_thread(server.process.wait, 30) == 0
    assert time.monotonic() - before < 10
    assert codes.keys() <= {"OK", "SERVICE_UNAVAILABLE"}
    assert codes["OK"] >= 1
    assert codes["SERVICE_UNAVAILABLE"] >= LOGINS // 2
    assert _failures(database_uri) == 0


def _failures(uri: str) -> int:
    """How many keys have counted a guess, or still hold a lease."""
    with MongoClient[dict[str, Any]](uri, tz_aware=True) as mongo:
        attempts = list(mongo.get_default_database()["graphql_auth_attempts"].find())
    logins = [one for one in attempts if not one["_id"].startswith("register:")]
    now = datetime.now(UTC)
    return sum(one["full_at"] > now or bool(one["pending"]) for one in logins)


@pytest.mark.parametrize("arguments", [*WORKERS, ("--reload",)])
def test_new_connections_are_refused_while_requests_are_finished(
    start: Start, database_uri: str, arguments: tuple[str, ...]
) -> None:
    server = start(*arguments, MONGO_URI=database_uri, TOKEN_KEY=KEY)
    address = (urlsplit(server.url).hostname, urlsplit(server.url).port)
    body = b'{"query": "{ __typename }"}'
    with socket.create_connection(address, 30) as begun:
        begun.sendall(b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n")
        begun.sendall(b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert b" 100 " in begun.recv(1000)

        server.process.send_signal(signal.SIGTERM)

        _await_refusal(address)
        begun.sendall(body)
        answer = b""
        while piece := begun.recv(1000):
            answer += piece
    assert b'{"data":{"__typename":"Query"}}' in answer
    assert b"connection: close" in answer
    assert server.process.wait(30) == 0


def test_a_request_that_cannot_be_finished_is_answered(start: Start, database_uri: str) -> None:
    server = start(MONGO_URI=database_uri, TOKEN_KEY=KEY, REQUEST_READ_TIMEOUT="60s")
    address = (urlsplit(server.url).hostname, urlsplit(server.url).port)
    with socket.create_connection(address, 30) as half:
        half.sendall(b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n")
        half.sendall(b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n")
        assert b" 100 " in half.recv(1000)

        server.process.send_signal(signal.SIGTERM)

        answer = b""
        while piece := half.recv(1000):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in answer.lower()
    assert b"SERVICE_UNAVAILABLE" in answer
    assert server.process.wait(30) == 0


def _await_refusal(address: tuple[str | None, int | None]) -> None:
    """Return when a connection is refused; one that is taken just before may be closed."""
    deadline = time.monotonic() + 5
    while True:
        try:
            socket.create_connection(address, 5).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            pass
        assert time.monotonic() < deadline


@pytest.mark.alone
@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
@pytest.mark.parametrize("workers", WORKERS)
def test_unreachable_database_does_not_delay_shutdown(
    start: Start, tmp_path: Path, workers: tuple[str, ...], how: int
) -> None:
    with lock_data_directory(tmp_path / "own") as data, run_mongod(data) as mongo:
        mongo.wait_until_ready()
        server = start(*workers, MONGO_URI=mongo.uri, TOKEN_KEY=KEY)
        with Client(server.url) as client:
            client.token()
        os.kill(mongo.process.pid, how)
        # The driver has noticed a killed one by then, and waits for another primary.
        time.sleep(1)
        before = time.monotonic()

        assert server.stop() == 0

        assert time.monotonic() - before < 2


@pytest.mark.alone
@pytest.mark.parametrize("workers", WORKERS)
def test_stopped_mongod_does_not_delay_shutdown(
    start_embedded: Start, workers: tuple[str, ...]
) -> None:
    server = start_embedded(*workers)
    with Client(server.url) as client:
        client.token()
    pid = server.mongod_pid()
    os.kill(pid, signal.SIGSTOP)
    time.sleep(1)
    before = time.monotonic()

    assert server.stop() == 0

    assert time.monotonic() - before < 2
    assert has_ended(pid)


def application(queue: HashQueue, seconds_to_start: float = 0.0) -> Starlette:
    """An application that answers at once, or never."""

    async def answer(request: Request) -> PlainTextResponse:
        if request.url.path == "/hash":
            await queue.run(lambda: time.sleep(0.2))
        if request.url.path == "/never":
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                return PlainTextResponse("given up")
        return PlainTextResponse("answered")

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await asyncio.sleep(seconds_to_start)
        yield
        ended.append(True)

    ended: list[bool] = []
    app = Starlette(routes=[Route("/{name}", answer)], lifespan=lifespan)
    app.state.hash_queue, app.state.probes = queue, SimpleNamespace()
    app.state.ended = ended
    return app


@asynccontextmanager
async def running(
    app: Starlette, signals: StopSignals, delay: float = 0.0
) -> AsyncIterator[tuple[Server, str]]:
    """A server in this process, which the test ends."""
    settings = Settings(port=0, shutdown_delay=timedelta(seconds=delay))
    with listen(settings) as listener:
        app.state.is_ready = threading.Event()
        server = Server(app, settings, listener, signals, app.state.is_ready.set)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        serving = asyncio.create_task(server._serve())  # noqa: SLF001
        yield server, url
        await serving


async def test_slow_request_is_cancelled_at_shutdown_and_answered(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(serving, "FINISH_TIMEOUT", 0.2)
    signals, queue = StopSignals(), HashQueue(threads=1)
    app = application(queue)
    async with running(app, signals) as (_, url), httpx.AsyncClient(timeout=30) as http:
        assert (await http.get(f"{url}/now")).text == "answered"
        never = asyncio.create_task(http.get(f"{url}/never"))
        await asyncio.sleep(0.2)
        signals.note(signal.SIGTERM, None)

        assert (await never).text == "given up"
    queue.close()
    assert app.state.ended == [True]
    assert "1 requests are not answered after" in caplog.text


async def test_hashes_that_wait_after_the_delay_are_computed() -> None:
    """A load balancer has sent their requests before it noticed."""
    signals, queue = StopSignals(), HashQueue(threads=1)
    async with (
        running(application(queue), signals, delay=0.3) as (_, url),
        httpx.AsyncClient(timeout=30) as http,
    ):
        assert (await http.get(f"{url}/now")).text == "answered"
        logins = [asyncio.create_task(http.get(f"{url}/hash")) for _ in range(4)]
        await asyncio.sleep(0.1)
        signals.note(signal.SIGTERM, None)

        assert {(await login).text for login in logins} == {"answered"}
    queue.close()


REQUEST = b"GET /now HTTP/1.1\r\nHost: a\r\n\r\n"


class ConnectsAtTheEnd:
    """Probes that are told that the server stops; at that moment a client connects."""

    def __init__(self) -> None:
        self.address = ("", 0)
        self.client = socket.socket()

    @property
    def is_stopping(self) -> bool:
        return False

    @is_stopping.setter
    def is_stopping(self, _value: bool) -> None:
        self.client.connect(self.address)
        self.client.sendall(REQUEST)


async def test_connection_that_waits_to_be_accepted_is_answered() -> None:
    signals, queue = StopSignals(), HashQueue(threads=1)
    app = application(queue)
    app.state.probes = probes = ConnectsAtTheEnd()
    with probes.client as client:
        async with running(app, signals) as (_, url):
            probes.address = ("127.0.0.1", urlsplit(url).port or 0)
            await asyncio.to_thread(app.state.is_ready.wait)

            signals.note(signal.SIGTERM, None)
        assert b"200 OK" in client.recv(1000)
    queue.close()


@pytest.mark.parametrize("is_read", [True, False])
async def test_request_that_is_not_read_yet_is_answered_before_the_end(
    monkeypatch: pytest.MonkeyPatch, *, is_read: bool
) -> None:
    monkeypatch.setattr(serving, "READ_TIMEOUT", 60 if is_read else 0.2)
    signals, queue = StopSignals(), HashQueue(threads=1)
    async with running(application(queue), signals) as (server, url):
        idle, idle_writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        writer.write(REQUEST)
        assert b"200 OK" in await reader.readuntil(b"answered")
        connections = server._state.connections  # noqa: SLF001
        (answered,) = [one for one in connections if getattr(one, "cycle", None)]
        answered.transport.pause_reading()
        writer.write(REQUEST)
        await writer.drain()

        signals.note(signal.SIGTERM, None)
        assert await idle.read() == b""
        if is_read:
            answered.transport.resume_reading()
            assert b"200 OK" in await reader.readuntil(b"answered")
    queue.close()
    for one in (idle_writer, writer):
        one.close()
        with contextlib.suppress(ConnectionError):
            await one.wait_closed()


async def test_server_is_not_responsive_while_its_event_loop_is_blocked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "TICK_INTERVAL", 0.05)
    monkeypatch.setattr(serving, "TICK_TIMEOUT", 0.5)
    signals, queue = StopSignals(), HashQueue(threads=1)
    app = application(queue, seconds_to_start=1)
    async with asyncio.timeout(20), running(app, signals) as (server, _):
        assert server.is_responsive()
        await asyncio.to_thread(app.state.is_ready.wait)
        await asyncio.sleep(0.2)
        assert server.is_responsive()
        time.sleep(0.6)  # noqa: ASYNC251 - as a resolver that is not async
        assert not server.is_responsive()
        await asyncio.sleep(0.2)
        assert server.is_responsive()
        signals.note(signal.SIGTERM, None)
    queue.close()


async def test_closed_connection_has_no_unread_data() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        _, writer = await asyncio.open_connection(sock=ours)
        theirs.send(b"data")
        writer.close()
        assert not serving._has_unread_data(writer)  # noqa: SLF001
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_a_second_ctrl_c_waits_for_no_request() -> None:
    signals, queue = StopSignals(), HashQueue(threads=1)
    async with (
        running(application(queue), signals) as (_, url),
        httpx.AsyncClient(timeout=30) as http,
    ):
        assert (await http.get(f"{url}/now")).text == "answered"
        never = asyncio.create_task(http.get(f"{url}/never"))
        await asyncio.sleep(0.2)
        signals.note(signal.SIGINT, None)
        signals.note(signal.SIGINT, None)
        async with asyncio.timeout(5):
            assert (await never).text == "given up"
    queue.close()


async def test_a_signal_ends_an_application_that_waits_to_start() -> None:
    signals, queue = StopSignals(), HashQueue(threads=1)
    app = application(queue, seconds_to_start=60)
    async with asyncio.timeout(20), running(app, signals):
        await asyncio.sleep(0.1)
        signals.note(signal.SIGTERM, None)
    queue.close()
    assert not app.state.is_ready.is_set()
    assert app.state.ended == []


async def test_a_signal_that_came_before_the_start_ends_the_server() -> None:
    signals, queue = StopSignals(), HashQueue(threads=1)
    signals.note(signal.SIGTERM, None)
    async with asyncio.timeout(20), running(application(queue), signals):
        pass
    queue.close()
