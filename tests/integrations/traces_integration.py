"""examples/traces.py, with the packages of OpenTelemetry."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.client import LOGIN, PASSWORD, WELCOME, Client, new_email
from tests.conftest import KEY
from tests.integrations.processes import HERE
from tests.process import ROOT, ServerProcess, environment

EXAMPLE = ROOT / "examples" / "traces.py"
PYTHON = HERE / ".venv-traces" / "bin" / "python"
TO_THE_CONSOLE = {
    "OTEL_SERVICE_NAME": "graphql-auth",
    "OTEL_TRACES_EXPORTER": "console",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_BSP_SCHEDULE_DELAY": "100",
}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SECONDS_FOR_A_SPAN = 30

Span = dict[str, Any]


@pytest.fixture(params=["1", "2"], ids=["alone", "workers"])
def server(
    request: pytest.FixtureRequest, database_uri: str, tmp_path: Path
) -> Iterator[ServerProcess]:
    settings = {"MONGO_URI": database_uri, "TOKEN_KEY": KEY, "TOKEN_SOURCES": "authorization,query"}
    output = tmp_path / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [PYTHON, EXAMPLE, "serve", "--port", "0", "--workers", request.param],
            cwd=tmp_path,
            env=environment(**settings, **TO_THE_CONSOLE),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = ServerProcess(process, output)
    yield server
    assert server.stop() == 0


def read_spans(text: str) -> Iterator[Span]:
    """Return the spans, which the console exporter prints between the lines of the log."""
    decoder = json.JSONDecoder()
    start = text.find('{\n    "name"')
    while start >= 0:
        try:
            span, end = decoder.raw_decode(text, start)
        except ValueError:
            # The last one is still being printed.
            return
        yield span
        start = text.find('{\n    "name"', end)


def wait_for_request(server: ServerProcess, trace: str) -> tuple[Span, list[Span]]:
    """Return the span of the request in a trace, and its children."""
    deadline = time.monotonic() + SECONDS_FOR_A_SPAN
    while time.monotonic() < deadline:
        spans = [
            span
            for span in read_spans(server.output)
            if span["context"]["trace_id"] == f"0x{trace}"
        ]
        for request in spans:
            if request["kind"] == "SpanKind.SERVER":
                own = request["context"]["span_id"]
                return request, [span for span in spans if span["parent_id"] == own]
        time.sleep(0.05)
    raise AssertionError(server.output)


def test_request_is_a_span_and_its_commands_are_children(server: ServerProcess) -> None:
    with Client(server.url) as client:
        email = new_email()
        client.register(email=email)
        values = {"input": {"email": email, "password": PASSWORD}}
        traceparent = f"00-{TRACE}-00f067aa0ba902b7-01"
        answer = client.ask(LOGIN, values, headers={"traceparent": traceparent})
    assert "errors" not in answer

    request, children = wait_for_request(server, TRACE)

    assert request["name"] == "POST /graphql"
    assert request["parent_id"] == "0x00f067aa0ba902b7"
    assert request["attributes"]["http.status_code"] == 200
    commands = [span for span in children if span["kind"] == "SpanKind.CLIENT"]
    assert {"find", "insert"} <= {span["name"].rpartition(".")[2] for span in commands}
    collections = {span["attributes"]["db.mongodb.collection"] for span in commands}
    assert {"users", "graphql_auth_sessions"} <= collections


def test_spans_have_no_query_token_or_password(server: ServerProcess) -> None:
    with Client(server.url) as client:
        email = new_email()
        token = client.token()
        client.register(email=email)
        login = client.login(email)
        client.login(email, "a wrong password")
        client.ask(WELCOME, token=token)
        asked = {"query": "{ welcome viewer { firstName } }", "token": token}
        headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        answer = client.http.get(server.url, params=asked, headers=headers)
    assert answer.json()["data"]["welcome"]

    request, _ = wait_for_request(server, TRACE)

    assert request["name"] == "GET /graphql"
    printed = "".join(map(json.dumps, read_spans(server.output)))
    secrets = [PASSWORD, "a wrong password", token, login["data"]["login"]["token"], "$2b$"]
    parts = ["firstName", "welcome", "query=", "mutation", "input"]
    assert [text for text in (*secrets, *parts, email) if text in printed] == []
    assert httpx.URL(server.url).path in printed
