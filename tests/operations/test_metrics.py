"""`/metrics` of servers with one process and with several."""

import asyncio
import json
import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.errors import ErrorCode
from graphql_auth.schema import create_schema
from tests.client import LOGIN, PASSWORD, REGISTER, WELCOME, Client, registration
from tests.conftest import KEY, Start
from tests.mail.relay import run_relay
from tests.operations.prometheus import Scrape
from tests.outages import until
from tests.process import ServerProcess

APP = "tests.operations.counting:auth"
WORKERS = pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["alone", "workers"])
SOME = {"input": {"email": "nobody@example.com", "password": PASSWORD}}


def ask(server: ServerProcess, query: str, **values: Any) -> None:
    """Send a request on a separate connection."""
    with Client(server.url) as client:
        client.ask(query, **values)


def are_ready(server: ServerProcess, number: int) -> bool:
    return server.output.count(" is ready\n") == number


@WORKERS
def test_requests_are_counted_by_root_field_and_code(
    start: Start, arguments: tuple[str, ...]
) -> None:
    server = start(*arguments, METRICS_PORT="0")
    with Client(server.url) as client:
        token = client.token()
        client.http.get(server.url, headers={"Accept": "text/html"})
    for _ in range(20):
        ask(server, WELCOME, token=token)
        ask(server, WELCOME)
    ask(server, "query viewer { register: welcome }", token=token)
    ask(server, "{ a: welcome b: welcome }", token=token)
    ask(server, "{ ... on Query { welcome } }", token=token)
    ask(server, LOGIN, variables=SOME)
    ask(server, REGISTER, variables={"input": registration(password="x")})
    ask(server, "{ unknown }")
    ask(server, "{")
    ask(server, "")
    ask(server, "{ a: __typename " + "b: welcome " * 3000 + "}")

    expected = {
        ("register", "OK"): 1,
        ("welcome", "OK"): 21,
        ("welcome", "UNAUTHENTICATED"): 20,
        ("several", "OK"): 2,
        ("login", "INVALID_CREDENTIALS"): 1,
        ("register", "BAD_USER_INPUT"): 1,
        ("none", "GRAPHQL_VALIDATION_FAILED"): 1,
        ("none", "GRAPHQL_PARSE_FAILED"): 1,
        ("none", "BAD_REQUEST"): 1,
        ("none", "QUERY_TOO_COMPLEX"): 1,
    }
    until(lambda: Scrape(server).requests == expected, server)
    scrape = Scrape(server)
    by_field = scrape.by("requests_total", "field")
    assert scrape.by("request_seconds_count", "field") == by_field
    buckets = scrape.by("request_seconds_bucket", "field", "le")
    assert {field: buckets[field, "+Inf"] for (field,) in by_field} == {
        field: number for (field,), number in by_field.items()
    }
    assert scrape.by("security_events_total", "event", "outcome") == {
        ("register", "success"): 1,
        ("login", "failure"): 1,
    }
    assert scrape.value("workers_replaced_total") == 0


def test_counts_of_workers_that_ended_stay(start: Start) -> None:
    server = start("--workers", "2", METRICS_PORT="0")
    until(lambda: are_ready(server, 2), server)
    for _ in range(20):
        ask(server, WELCOME)
    counted = {("welcome", "UNAUTHENTICATED"): 20}
    until(lambda: Scrape(server).requests == counted, server)

    for ready in (3, 4):
        os.kill(server.workers()[0], signal.SIGKILL)
        server.wait_for_output(rf"(?s)(worker \d+ is ready.*){{{ready}}}")
        assert Scrape(server).requests == counted
    assert Scrape(server).value("workers_replaced_total") == 2
    # Those that end in order also send what they have counted since their last heartbeat.
    for _ in range(20):
        ask(server, WELCOME)
    server.process.send_signal(signal.SIGHUP)
    until(lambda: are_ready(server, 6) and len(server.workers()) == 2, server)

    until(lambda: Scrape(server).requests == {("welcome", "UNAUTHENTICATED"): 40}, server)
    assert Scrape(server).value("workers_replaced_total") == 2


def test_state_of_workers_that_ended_disappears(start: Start) -> None:
    server = start("--workers", "2", METRICS_PORT="0")
    until(lambda: are_ready(server, 2), server)
    first = set(server.workers())

    server.process.send_signal(signal.SIGHUP)
    until(lambda: not first & set(server.workers()) and are_ready(server, 4), server)
    ended_at = time.monotonic()

    # That of a worker that has ended would be at least as long.
    until(
        lambda: (
            0 < Scrape(server).value("revocation_poll_age_seconds") < time.monotonic() - ended_at
        ),
        server,
    )


def test_queue_of_a_killed_worker_is_empty(start: Start) -> None:
    server = start("--workers", "2", METRICS_PORT="0", BCRYPT_ROUNDS="14")
    until(lambda: are_ready(server, 2), server)
    logins = [threading.Thread(target=log_in, args=[server]) for _ in range(20)]
    for login in logins:
        login.start()
    until(lambda: Scrape(server).value("hash_queue_length") > 2, server)

    for worker in server.workers():
        os.kill(worker, signal.SIGKILL)

    until(lambda: Scrape(server).by("hash_queue_length").get((), 0) == 0, server)
    for login in logins:
        login.join()


def log_in(server: ServerProcess) -> None:
    try:
        ask(server, LOGIN, variables=SOME)
    except httpx.HTTPError:
        # Its worker was killed.
        return


def test_process_whose_event_loop_hangs_shows_in_the_age_of_its_poll(
    start: Start, tmp_path: Path
) -> None:
    server = start(APP, METRICS_PORT="0")
    end = tmp_path / "end"
    hanging = threading.Thread(target=ask, args=[server, f'{{ hang(until: "{end}") }}'])
    hanging.start()
    try:
        until(lambda: Scrape(server).value("revocation_poll_age_seconds") > 5, server)
    finally:
        end.touch()
        hanging.join()
    until(lambda: Scrape(server).value("revocation_poll_age_seconds") < 5, server)


def test_labels_are_bounded_in_spite_of_clients_and_applications(start: Start) -> None:
    server = start(APP, METRICS_PORT="0")
    names = st.from_regex(r"[_A-Za-z][_0-9A-Za-z]{0,12}", fullmatch=True)
    codes = st.text(max_size=12) | st.sampled_from([*map(str, ErrorCode), "OK"])
    others = st.none() | st.integers() | st.lists(st.text()) | st.dictionaries(st.text(), st.text())

    with Client(server.url) as client:

        @settings(max_examples=100)
        @given(names, names, codes, others)
        def send(name: str, alias: str, code: str, other: Any) -> None:
            client.ask(f"query {name} {{ {alias}: welcome }}")
            client.ask(f"query {name} {{ {alias} }}")
            client.ask("query ($c: String!) { fail(code: $c) }", {"c": code})
            given = {"c": json.dumps(other), "d": json.dumps(code)}
            client.ask("query ($c: String!) { failWith(code: $c) }", {"c": given["c"]})
            client.ask("query ($c: String!) { failWith(code: $c) }", {"c": given["d"]})

        send()
    scrape = Scrape(server)

    roots = create_schema().core
    assert roots.query_type and roots.mutation_type  # noqa: PT018 - for the type checker
    fields = {*roots.query_type.fields, *roots.mutation_type.fields, "fail", "failWith"}
    found = scrape.by("requests_total", "field", "code")
    assert {field for field, _ in found} <= fields | {"__typename", "none", "several"}
    assert {code for _, code in found} <= {*map(str, ErrorCode), "OK", "OTHER"}
    assert found["fail", "OTHER"] > 0
    assert found["failWith", "OTHER"] > 0
    assert sum(scrape.by("requests_total", "field").values()) == sum(
        scrape.by("request_seconds_count", "field").values()
    )


@WORKERS
def test_metrics_of_an_application_are_there_too(start: Start, arguments: tuple[str, ...]) -> None:
    server = start(APP, *arguments, METRICS_PORT="0")
    for _ in range(20):
        ask(server, "{ order }")

    def are_counted() -> bool:
        (sample,) = Scrape(server).families["orders"].samples
        return bool(sample.value == 20)

    until(are_counted, server)


@WORKERS
def test_values_of_an_application_are_sent_as_numbers(
    start: Start, arguments: tuple[str, ...]
) -> None:
    server = start(APP, *arguments, METRICS_PORT="0")

    def are_added_up() -> bool:
        levels = Scrape(server).families.get("levels")
        found = [(one.labels, one.value) for one in levels.samples] if levels else []
        return found == [({"tank": "7"}, 2.0 * (1 + len(server.workers())))]

    until(are_added_up, server)
    assert Scrape(server).value("workers_replaced_total") == 0


def test_port_can_be_in_the_settings_of_an_application(start: Start, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from graphql_auth import GraphQLAuth, Settings\n"
        "from graphql_auth.environment import read_settings\n"
        "settings = Settings.model_validate(dict(read_settings()) | {'metrics_port': 0})\n"
        "auth = GraphQLAuth(settings=settings)\n"
    )
    server = start("own:auth", "--workers", "2")
    ask(server, WELCOME)

    until(lambda: Scrape(server).requests == {("welcome", "UNAUTHENTICATED"): 1}, server)


def test_output_has_no_secret_and_no_e_mail(start: Start) -> None:
    server = start(METRICS_PORT="0")
    with Client(server.url) as client:
        registered = client.register(email="ada@example.com")["data"]["register"]
        client.login("ada@example.com")
        client.login("ada@example.com", "secret word")
        client.ask('{ secretAlias: welcome secret(word: "secret word") }')
        client.http.get(server.url, params={"query": "{ welcome }", "token": registered["token"]})
    text = Scrape(server).text

    assert "graphql_auth_requests_total" in text
    for secret in ("ada", "example.com", "secret", PASSWORD, registered["token"], KEY, "pid="):
        assert secret not in text, secret
    assert "127.0.0.1" not in text


@pytest.mark.anyio
async def test_mails_are_counted(start: Start, database: AsyncDatabase[dict[str, Any]]) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    await database.graphql_auth_outbox.insert_one({"due_at": later, "expires_at": later})
    async with run_relay() as relay:
        relay.replies["RCPT"] = ["451 later", "550 unknown"]
        mail = {"MAIL_FROM": "no-reply@example.com", "APP_URL": "https://app.example.com"}
        url = f"smtp+plain://127.0.0.1:{relay.port}"
        server = start("tests.mail.app:auth", METRICS_PORT="0", SMTP_URL=url, **mail)
        send = 'mutation ($to: String) { send(template: "password_changed", to: $to) }'
        async with httpx.AsyncClient(verify=False, timeout=60) as client:
            for to in ("a@example.com", "b@example.com", None, "c@example.com"):
                body = {"query": send, "variables": {"to": to}}
                assert (await client.post(server.url, json=body)).json() == {"data": {"send": True}}
        await relay.wait_for(2)

        def has_counted() -> bool:
            wanted = {("sent",): 2, ("tried_again",): 1, ("given_up",): 1}
            return Scrape(server).by("mails_total", "outcome") == wanted

        await asyncio.to_thread(until, has_counted, server)
        scrape = await asyncio.to_thread(Scrape, server)

    events = scrape.by("security_events_total", "event", "outcome")
    assert events == {("send_mail", "failure"): 1}
    assert scrape.value("outbox_mails") >= 1
