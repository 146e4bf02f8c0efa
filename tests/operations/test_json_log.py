"""The log of a server with LOG_FORMAT=json."""

import json
from typing import Any

import pytest

from tests.client import Client
from tests.conftest import KEY, Start
from tests.outages import until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["alone", "workers"])
def test_every_line_is_an_object_and_follows_the_trace(
    start: Start, database_uri: str, arguments: tuple[str, ...]
) -> None:
    settings = {"MONGO_URI": database_uri, "TOKEN_KEY": KEY, "LOG_FORMAT": "json"}
    server = start(*arguments, **settings)
    with Client(server.url) as client:
        client.http.headers["traceparent"] = f"00-{TRACE}-00f067aa0ba902b7-01"
        user = client.register()["data"]["register"]["user"]

    def logged() -> list[dict[str, Any]]:
        lines = server.output.splitlines()
        return [json.loads(line) for line in lines if not line.startswith(("graphql-auth", "  "))]

    until(lambda: any("event" in line for line in logged()), server)
    (event,) = (line for line in logged() if "event" in line)
    assert (event["event"], event["outcome"], event["trace_id"]) == ("register", "success", TRACE)
    assert event["address"] == "127.0.0.1"
    assert user["email"] not in server.output


@pytest.mark.parametrize(
    "given",
    [
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-00f067aa0ba902b7",
        f"00-{TRACE}-00f067aa0ba902b7-01-x",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-",
        "",
    ],
)
def test_invalid_traceparent_is_ignored(start: Start, database_uri: str, given: str) -> None:
    server = start(MONGO_URI=database_uri, TOKEN_KEY=KEY)
    with Client(server.url) as client:
        client.http.headers["traceparent"] = given
        client.register()

    assert "trace " not in server.wait_for_output("register outcome=success.*")
    assert "trace " not in server.output
