import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.client import WELCOME, Client
from tests.conftest import KEY, Start
from tests.process import SECONDS_TO_START, ServerProcess, process_name, run_command


def test_workers_share_one_database_and_one_key(start_embedded: Start) -> None:
    server = start_embedded("--workers", "2")

    names = [process_name(pid) for pid in server.descendants()]
    assert names.count("mongod") == 1
    with Client(server.url) as client:
        registered = client.register()["data"]["register"]
    for _ in range(20):
        with Client(server.url) as client:
            assert client.ask(WELCOME, token=registered["token"])["data"]["welcome"]


def test_a_changed_file_of_the_package_reloads_the_server(start: Start, tmp_path: Path) -> None:
    """On a copy: other tests serve the package with ``--reload`` meanwhile."""
    package = Path(sys.modules["graphql_auth"].__file__ or "").parent
    copy = tmp_path / "copy" / package.name
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    # What runs of the copy does not count for the coverage of the package.
    server = start("--reload", PYTHONPATH=str(copy.parent), COVERAGE_PROCESS_CONFIG="")
    before = set(server.descendants())

    (copy / "__init__.py").touch()

    server.wait_for_output("detected changes")
    deadline = time.monotonic() + SECONDS_TO_START
    while set(server.descendants()) <= before:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with Client(server.url) as client:
        client.token()


def test_syntax_error_after_a_change_is_named_and_the_server_answers(
    start: Start, tmp_path: Path
) -> None:
    module = tmp_path / "changing.py"
    module.write_text("from graphql_auth import GraphQLAuth\nauth = GraphQLAuth()\n")
    server = start("changing:auth", "--reload")
    changed = f"{module.read_text()}# Changed\n"

    replace(module, f"{changed}auth = (\n")
    server.wait_for_output("starts after the next change; until then, the code before it answers")
    ask(server)
    replace(module, changed)
    server.wait_for_output(r"(?s)after the next change.*worker \d+ is ready")
    ask(server)

    assert (
        "CRITICAL graphql_auth.server.worker_process: Cannot import 'changing': '(' was never"
        in (server.output)
    )
    assert f"({module}, line 4)." in server.output
    assert server.output.count("ended with exit status") == 1
    assert "Traceback" not in server.output


def test_old_code_answers_while_new_code_is_mended(start: Start, tmp_path: Path) -> None:
    module = tmp_path / "changing.py"
    module.write_text("from graphql_auth import GraphQLAuth\nauth = GraphQLAuth()\n")
    server = start("changing:auth", "--reload")

    for number in (1, 2):
        replace(module, f"{module.read_text()}auth = (\n")
        server.wait_for_output(rf"(?s)(detected changes.*){{{number}}}")
    server.wait_for_output("another one starts after the next change")
    ask(server)


def replace(file: Path, text: str) -> None:
    """Replace a file, so that nobody sees half of it."""
    file.with_suffix(".new").write_text(text)
    file.with_suffix(".new").replace(file)


def test_workers_that_cannot_start_end_the_server_with_a_reason(
    tmp_path: Path, database_uri: str
) -> None:
    (tmp_path / "failing.py").write_text(
        "import multiprocessing\n"
        "from graphql_auth import GraphQLAuth\n"
        "auth = None if multiprocessing.parent_process() else GraphQLAuth()\n"
    )
    settings = {"MONGO_URI": database_uri, "TOKEN_KEY": KEY}

    ended = run_command(tmp_path, "serve", "failing:auth", "--workers", "2", **settings)

    assert ended.returncode == 1
    assert (
        "CRITICAL graphql_auth.server.worker_process: failing:auth is not a GraphQLAuth"
        in ended.stderr
    )
    assert "graphql-auth: A worker cannot start; the line above says why.\n" in ended.stderr


def workers_of(server: ServerProcess) -> list[int]:
    """The process ids of the workers, which multiprocessing spawned."""
    command = "spawn_main"
    return [pid for pid in server.descendants() if command in command_line(pid)]


def has_replaced(server: ServerProcess, worker: int) -> bool:
    """Whether two workers run, and this one does not."""
    workers = workers_of(server)
    return len(workers) == 2 and worker not in workers


def command_line(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    return ""


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ask(server: ServerProcess) -> None:
    with Client(server.url) as client:
        assert client.ask("{ __typename }")["data"]


def test_a_killed_worker_is_replaced_and_named(start: Start, database_uri: str) -> None:
    server = start("--workers", "2", MONGO_URI=database_uri, TOKEN_KEY=KEY)
    first, second = workers_of(server)

    os.kill(first, signal.SIGKILL)

    until(lambda: has_replaced(server, first))
    assert f"WARNING graphql_auth.server.supervisor: worker {first} was killed by SIGKILL;" in (
        server.output
    )
    assert second in workers_of(server)
    ask(server)
    assert server.stop() == 0
    assert server.output.count("WARNING") == 1


def test_a_worker_that_hangs_is_killed_and_replaced(start: Start, database_uri: str) -> None:
    server = start("--workers", "2", MONGO_URI=database_uri, TOKEN_KEY=KEY)
    first, _ = workers_of(server)
    # One that has not said a word yet has a minute for its imports.
    server.wait_for_output(f"worker {first} is ready")

    os.kill(first, signal.SIGSTOP)

    until(lambda: has_replaced(server, first))
    assert f"worker {first} did not respond and was killed by SIGKILL" in server.output
    ask(server)


BLOCKING = """
import time
import strawberry
from graphql_auth import GraphQLAuth, Query
from graphql_auth.server import http_server

http_server.TICK_TIMEOUT = 2.0


@strawberry.type
class Blocking(Query):
    @strawberry.field
    def block(self) -> bool:
        time.sleep(600)
        return True


auth = GraphQLAuth(query=Blocking)
"""


def test_worker_whose_event_loop_is_blocked_is_replaced(start: Start, tmp_path: Path) -> None:
    (tmp_path / "blocking.py").write_text(BLOCKING)
    server = start("blocking:auth", "--workers", "2")
    before = set(workers_of(server))

    closed = (httpx.ReadError, httpx.RemoteProtocolError)
    with pytest.raises(closed), Client(server.url) as client:
        client.ask("{ block }")

    server.wait_for_output(r"worker \d+ did not respond and was killed by SIGKILL")
    until(lambda: len(before & set(workers_of(server))) == 1 and len(workers_of(server)) == 2)
    ask(server)


def test_sighup_replaces_every_worker_and_refuses_nobody(start: Start, database_uri: str) -> None:
    server = start("--workers", "2", MONGO_URI=database_uri, TOKEN_KEY=KEY)
    before = set(workers_of(server))

    for _ in range(2):
        server.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 60
    while len(now := set(workers_of(server))) != 2 or before & now:
        assert time.monotonic() < deadline
        ask(server)
        time.sleep(0.02)

    assert server.stop() == 0
    assert "WARNING" not in server.output


@pytest.mark.parametrize("ends", [signal.SIGSTOP, signal.SIGTERM])
def test_stopped_worker_does_not_delay_shutdown(start: Start, database_uri: str, ends: int) -> None:
    server = start("--workers", "2", MONGO_URI=database_uri, TOKEN_KEY=KEY)

    os.kill(workers_of(server)[0], ends)

    assert server.stop() == 0
