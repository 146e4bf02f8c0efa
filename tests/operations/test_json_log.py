"""The log of a server with LOG_FORMAT=json."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.client import REGISTER, Client, registration
from tests.conftest import KEY, Start
from tests.outages import until
from tests.process import environment, run_command

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
        return [json.loads(line) for line in server.output.splitlines()]

    until(lambda: any("event" in line for line in logged()), server)
    (event,) = (line for line in logged() if "event" in line)
    assert (event["event"], event["outcome"], event["trace_id"]) == ("register", "success", TRACE)
    assert event["address"] == "127.0.0.1"
    assert user["email"] not in server.output
    (ready,) = (one["message"] for one in logged() if one["message"].startswith("graphql-auth"))
    assert f" is ready at {server.url} with database test_" in ready


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


def test_two_traceparents_are_ignored(start: Start, database_uri: str) -> None:
    server = start(MONGO_URI=database_uri, TOKEN_KEY=KEY)
    given = ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01")
    with Client(server.url) as client:
        for others in ([given], [("traceparent", "")], [given, given]):
            client.ask(REGISTER, {"input": registration()}, headers=[given, *others])

    server.wait_for_output("(?s)(register outcome=success.*){3}")
    assert "trace " not in server.output


@pytest.mark.parametrize(
    ("settings", "env_file", "named"),
    [
        ({"LOG_FORMAT": "json", "TOKEN_TTL": "x"}, "", "Invalid TOKEN_TTL"),
        ({"LOG_FORMAT": "JSON", "HOST": "192.0.2.1"}, "", "HOST 192.0.2.1 is not"),
        ({"LOG_FORMAT": "json"}, "TOKEN_TTL", "Cannot read .env: line 1"),
        ({"ALLOWED_ORIGIN": "x", "TOKEN_TTL": "x"}, "LOG_FORMAT=json\n", "Invalid TOKEN_TTL"),
    ],
)
def test_reason_of_a_failed_start_is_an_object(
    tmp_path: Path, settings: dict[str, str], env_file: str, named: str
) -> None:
    (tmp_path / ".env").write_text(env_file)

    ended = run_command(tmp_path, "serve", **settings)

    *_, last = map(json.loads, ended.stderr.splitlines())
    assert ended.returncode == 1
    assert (last["level"], last["logger"]) == ("CRITICAL", "graphql_auth.cli.main")
    assert last["message"].startswith(named)


@pytest.mark.parametrize("settings", [{"LOG_FORMAT": "xml"}, {}])
def test_reason_of_a_failed_start_without_json_is_a_line(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    ended = run_command(tmp_path, "serve", TOKEN_TTL="x", **settings)

    assert ended.stderr.startswith("graphql-auth: Invalid ")


NOISY = """
import logging, threading, warnings
from graphql_auth import GraphQLAuth

class Noisy:
    def __del__(self):
        raise ValueError("hunter2")

def fail(error):
    raise error

warnings.warn("of an application")
for error in (ValueError("hunter2"), SystemExit("hunter2")):
    thread = threading.Thread(target=fail, args=[error])
    thread.start()
    thread.join()
Noisy()
logging.getLogger("shop").warning("orders: %d", "hunter2")
auth = GraphQLAuth()
"""


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["alone", "workers"])
def test_what_python_prints_is_an_object_without_secrets(
    start: Start, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "noisy.py").write_text(NOISY)

    server = start("noisy:auth", *arguments, LOG_FORMAT="json")
    if arguments:
        until(lambda: server.output.count(" is ready") == 3, server)

    lines = [one for one in server.output.splitlines() if not one.startswith(("graphql", "  "))]
    logged = [json.loads(line) for line in lines]
    said = [line["message"] for line in logged]
    times = len(arguments) + 1
    assert sum("UserWarning: of an application" in one for one in said) == times
    assert sum(one.startswith("orders: %d (without its values: ") for one in said) == times
    errors = [line["error"] for line in logged if line["message"] == "an exception is not handled"]
    assert len(errors) == 2 * times
    assert all(error.startswith("builtins.ValueError at ") for error in errors)
    assert "hunter2" not in server.output


FAILING = """
import multiprocessing
from graphql_auth import GraphQLAuth

auth = GraphQLAuth()
if (multiprocessing.parent_process() is None) is {is_main}:
    raise ValueError("hunter2")
"""


def test_exception_of_the_application_is_an_object_without_its_message(tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text(FAILING.format(is_main=True))

    ended = run_command(tmp_path, "serve", "failing:auth", LOG_FORMAT="json")

    (line,) = map(json.loads, ended.stderr.splitlines())
    assert ended.returncode == 1
    assert (line["level"], line["message"]) == ("CRITICAL", "the process fails")
    assert f"builtins.ValueError at {tmp_path}/failing.py:7 " in line["error"]
    assert "hunter2" not in ended.stderr


def test_exception_of_the_application_in_a_worker_is_an_object(
    tmp_path: Path, database_uri: str
) -> None:
    (tmp_path / "failing.py").write_text(FAILING.format(is_main=False))
    settings = environment(LOG_FORMAT="json", MONGO_URI=database_uri, TOKEN_KEY=KEY)
    command = [sys.executable, "-m", "graphql_auth", "serve", "failing:auth", "--workers", "2"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=settings, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr
        lines = [json.loads(server.stderr.readline()) for _ in range(4)]
        server.terminate()
        server.stderr.read()

    assert server.wait(30) == 0
    said = [line["message"] for line in lines]
    assert said.count("the process fails") >= 1
    assert any("ended with exit status 1; another one starts now" in one for one in said)
    assert "hunter2" not in str(lines)
