"""`/livez` and `/readyz` of a server that runs."""

import os
import signal

import httpx
import pytest
from pymongo import MongoClient

from graphql_auth.embedded_mongo.mongod import EmbeddedMongo
from tests.client import Client, code
from tests.conftest import KEY, Start
from tests.outages import outage, until
from tests.process import ServerProcess

OK = {"status": "ok", "reasons": []}
WAITING = "MongoDB does not answer: no request is served until it does."
OUTAGE = "MongoDB does not answer: guarded fields are SERVICE_UNAVAILABLE."


def probe(server: ServerProcess, path: str) -> httpx.Response:
    """Ask for less time than a command to MongoDB can take, 5 s; a busy machine needs some."""
    return httpx.get(httpx.URL(server.url).copy_with(path=path), timeout=4)


def reasons(server: ServerProcess) -> list[str]:
    """The reasons of `/readyz`, and none with status 200."""
    answer = probe(server, "/readyz")
    found = list[str](answer.json()["reasons"])
    assert answer.status_code == (503 if found else 200)
    assert answer.json()["status"] == ("unavailable" if found else "ok")
    return found


def test_probes_need_no_token_and_are_not_cached(start: Start, database_uri: str) -> None:
    server = start(MONGO_URI=database_uri, TOKEN_KEY=KEY)

    for path in ("/livez", "/readyz"):
        answer = probe(server, path)
        assert (answer.status_code, answer.json()) == (200, OK)
        assert answer.headers["Cache-Control"] == "no-store"


def test_server_is_alive_but_not_ready_while_mongodb_hangs(
    own_mongod: EmbeddedMongo, start: Start
) -> None:
    """No answer waits for a command to MongoDB."""
    settings = {"MONGO_URI": own_mongod.uri, "TOKEN_KEY": KEY, "REVOCATION_MAX_STALENESS": "2s"}
    server = start(**settings)
    with Client(server.url) as client:
        token = client.token()
        with outage(own_mongod):
            until(lambda: reasons(server) == [OUTAGE], server)
            assert code(client.ask("{ welcome }", token=token)) == "SERVICE_UNAVAILABLE"
            assert probe(server, "/livez").json() == OK
        until(lambda: reasons(server) == [], server)


def test_server_is_not_ready_without_the_unique_index(start: Start, database_uri: str) -> None:
    server = start(MONGO_URI=database_uri, TOKEN_KEY=KEY)
    with MongoClient[dict[str, object]](database_uri) as mongo, Client(server.url) as client:
        mongo.get_default_database()["users"].drop_index("email_1")
        assert code(client.register()) == "SERVICE_UNAVAILABLE"

    assert reasons(server) == ["The unique index email_1 is missing: registration is refused."]


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["alone", "workers"])
def test_server_that_gets_sigterm_answers_until_load_balancers_have_noticed(
    start: Start, database_uri: str, arguments: tuple[str, ...]
) -> None:
    server = start(*arguments, MONGO_URI=database_uri, TOKEN_KEY=KEY, SHUTDOWN_DELAY="60s")
    until(lambda: server.output.count(" is ready\n") == len(server.workers()), server)

    server.process.send_signal(signal.SIGTERM)

    until(lambda: reasons(server) == ["The server is stopping."], server)
    with Client(server.url) as client:
        assert "errors" not in client.register()
        answer = client.http.get(server.url, params={"query": "{ __typename }"})
        assert answer.headers["Connection"] == "close"
    stop_at_once(server)


def test_workers_that_are_replaced_leave_the_server_ready(start: Start, database_uri: str) -> None:
    settings = {"MONGO_URI": database_uri, "TOKEN_KEY": KEY, "SHUTDOWN_DELAY": "60s"}
    server = start("--workers", "2", **settings)
    until(lambda: server.output.count(" is ready\n") == 2, server)
    before = set(server.workers())

    server.process.send_signal(signal.SIGHUP)

    until(lambda: reasons(server) == [] and not before & set(server.workers()), server)
    stop_at_once(server)


def stop_at_once(server: ServerProcess) -> None:
    """Press Ctrl-C: the terminal sends it to all processes."""
    for pid in [server.process.pid, *server.workers()]:
        os.kill(pid, signal.SIGINT)
    assert server.process.wait(30) == 0


@pytest.mark.parametrize("goes_on", [True, False], ids=["goes on", "stops"])
def test_probes_answer_while_all_workers_wait_for_mongodb(
    own_mongod: EmbeddedMongo, start: Start, *, goes_on: bool
) -> None:
    settings = {"MONGO_URI": own_mongod.uri, "TOKEN_KEY": KEY, "SHUTDOWN_DELAY": "60s"}
    server = start("--workers", "2", **settings)
    until(lambda: server.output.count(" is ready\n") == 2, server)

    with outage(own_mongod):
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        until(lambda: server.output.count("no request is served until MongoDB") == 2, server)
        assert reasons(server) == [WAITING]
        assert probe(server, "/livez").json() == OK
        with Client(server.url) as client:
            assert code(client.ask("{ __typename }")) == "SERVICE_UNAVAILABLE"
        if not goes_on:
            assert server.stop() == 0
            return
    until(lambda: server.output.count(" is ready\n") == 4, server)
    assert reasons(server) == []
    with Client(server.url) as client:
        client.token()
    stop_at_once(server)
