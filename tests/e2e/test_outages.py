"""A server whose database is away for a while."""

import contextlib
import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from graphql_auth.embedded_mongo.mongod import EmbeddedMongo
from tests.client import Client, code
from tests.conftest import KEY, Start
from tests.outages import outage, until
from tests.process import ServerProcess, has_ended


def workers(server: ServerProcess) -> set[int]:
    def is_worker(pid: int) -> bool:
        with contextlib.suppress(OSError):
            return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
        return False

    return set(filter(is_worker, server.descendants()))


def typename(url: str) -> bool:
    answer = httpx.post(url, json={"query": "{ __typename }"}, timeout=20)
    return bool(answer.json() == {"data": {"__typename": "Query"}})


def test_worker_killed_in_an_outage_is_replaced_when_it_is_over(
    own_mongod: EmbeddedMongo, start: Start
) -> None:
    server = start("--workers", "2", MONGO_URI=own_mongod.uri, TOKEN_KEY=KEY)
    until(lambda: server.output.count(" is ready\n") == 2, server)
    before = workers(server)
    killed = min(before)

    with outage(own_mongod):
        os.kill(killed, signal.SIGKILL)
        until(lambda: "no request is served until MongoDB answers" in server.output, server)
        for _ in range(5):
            assert typename(server.url)
    (replacement,) = workers(server) - before
    assert workers(server) == before - {killed} | {replacement}

    # The replacement serves too: it is the only one that is left for a moment.
    (survivor,) = before - {killed}
    os.kill(survivor, signal.SIGKILL)
    assert has_ended(survivor)
    with Client(server.url) as client:
        assert "errors" not in client.register()
    assert "Traceback" not in server.output


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_worker_that_waits_for_the_database_ends_at_a_signal(
    own_mongod: EmbeddedMongo, start: Start, how: int
) -> None:
    server = start("--workers", "2", MONGO_URI=own_mongod.uri, TOKEN_KEY=KEY)
    until(lambda: server.output.count(" is ready\n") == 2, server)

    with outage(own_mongod):
        before = workers(server)
        os.kill(min(before), signal.SIGKILL)
        until(lambda: "no request is served until MongoDB answers" in server.output, server)
        (waiting,) = workers(server) - before
        os.kill(waiting, how)
        assert has_ended(waiting, within=10)
        assert server.process.poll() is None
        assert "a traceback" not in server.output


def test_outage_takes_a_few_lines_of_the_log(own_mongod: EmbeddedMongo, start: Start) -> None:
    server = start(MONGO_URI=own_mongod.uri, TOKEN_KEY=KEY)
    with Client(server.url) as client:
        client.token()
        already = len(server.output)
        with outage(own_mongod):
            deadline = time.monotonic() + 12
            while time.monotonic() < deadline:
                assert code(client.register()) == "SERVICE_UNAVAILABLE"
        until(lambda: "MongoDB answers again after" in server.output, server)
        assert "errors" not in client.register()

    logged = server.output[already:]
    assert logged.count("MongoDB does not answer (NetworkTimeout, timed out)") == 1, logged
    assert logged.count("MongoDB answers again after ") == 1
    outages = [line for line in logged.splitlines() if "graphql_auth.mongo.outages" in line]
    assert len(outages) <= 4
    assert "cannot be answered" not in logged
    assert "mongodb://" not in logged
