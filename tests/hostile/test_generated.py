"""No document and no body that anyone could think of makes a 5xx, or takes the event loop long."""

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, target
from hypothesis import strategies as st

from tests.client import Client, all_errors
from tests.hostile.documents import documents
from tests.process import ServerProcess

pytestmark = pytest.mark.alone

SECONDS_OF_THE_EVENT_LOOP = 0.25
# A virtual machine that is paused counts as busy; what is slow is so each time.
TRIES = 3
LONGEST_BODY = 131_072
QUERY = b'{"query": "'
JSON = {"Content-Type": "application/json"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
requests = st.fixed_dictionaries(
    {"query": documents},
    optional={"variables": json_values, "operationName": json_values, "extensions": json_values},
)


def spent_by_the_event_loop(server: ServerProcess) -> float:
    """The seconds for which the main thread of the server was on a core so far."""
    pid = server.process.pid
    fields = Path(f"/proc/{pid}/task/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
    user, system = fields.split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def check(server: ServerProcess, body: bytes) -> None:
    spent = math.inf
    for number in range(TRIES):
        # A document that was read before is remembered; a space more makes it a new one.
        again = body.replace(QUERY, QUERY + b" " * number, 1)[:LONGEST_BODY]
        spent = min(spent, answered(server, again))
        if spent < SECONDS_OF_THE_EVENT_LOOP:
            break
    target(spent)
    assert spent < SECONDS_OF_THE_EVENT_LOOP


def answered(server: ServerProcess, body: bytes) -> float:
    """Have a body answered as it should be, and return the seconds of the event loop it took."""
    before = spent_by_the_event_loop(server)
    with Client(server.url) as client:
        response = client.http.post(client.url, content=body, headers=JSON)
    spent = spent_by_the_event_loop(server) - before

    assert response.status_code in {200, 400}
    for error in all_errors(response.json()):
        assert error["extensions"]["code"] not in {"INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE"}
    return spent


@settings(max_examples=150)
@given(requests)
def test_generated_documents(shared_server: ServerProcess, asked: dict[str, Any]) -> None:
    check(shared_server, json.dumps(asked).encode())


@settings(max_examples=100)
@given(requests, st.integers(0, 300), st.integers(0, 40), st.binary(max_size=40))
def test_generated_bodies(
    shared_server: ServerProcess, asked: dict[str, Any], start: int, length: int, inserted: bytes
) -> None:
    body = json.dumps(asked).encode()
    check(shared_server, body[:start] + inserted + body[start + length :])


def test_server_is_alive_after_generated_requests(shared_server: ServerProcess) -> None:
    assert shared_server.process.poll() is None
    assert "ERROR" not in shared_server.output
