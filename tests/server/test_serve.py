import os
import signal
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pymongo import MongoClient

from graphql_auth.embedded_mongo.mongod import URI_FILE, EmbeddedMongo
from graphql_auth.server.serve import listen
from graphql_auth.settings import Settings
from tests.client import WELCOME, Client
from tests.conftest import KEY, Start
from tests.process import (
    ServerProcess,
    environment,
    has_ended,
    run_command,
    skip_unless_it_can_be_named,
)


def refusal(directory: Path, *arguments: str, **settings: str) -> str:
    """The one line with which a start is refused."""
    ended = run_command(directory, "serve", "--port", "0", *arguments, **settings)

    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("graphql-auth: ")
    return ended.stderr


def test_banner_names_url_data_and_how_to_stop(start_embedded: Start, tmp_path: Path) -> None:
    server = start_embedded()

    assert f"GraphQL  {server.url}" in server.output
    assert f"Data     {tmp_path}/graphql-auth-data" in server.output
    assert "Stop     Ctrl-C" in server.output


def test_banner_names_the_playground_only_where_it_is_built(shared_server: ServerProcess) -> None:
    page = httpx.get(shared_server.url, headers={"Accept": "text/html"}).text

    is_missing = "the playground is missing" in page
    assert ("the playground" in shared_server.output) is not is_missing


@pytest.mark.parametrize(
    ("arguments", "how"),
    [
        ((), signal.SIGTERM),
        (("--workers", "2"), signal.SIGTERM),
        (("--workers", "2"), signal.SIGINT),
        (("--reload",), signal.SIGTERM),
    ],
)
def test_signal_ends_the_server_and_all_its_processes(
    start_embedded: Start, arguments: tuple[str, ...], how: int
) -> None:
    server = start_embedded(*arguments)
    with Client(server.url) as client:
        client.token()
    descendants = server.descendants()

    assert server.stop(how) == 0

    assert len(descendants) >= 1
    assert all(has_ended(pid) for pid in descendants)
    assert "Traceback" not in server.output


def test_ctrl_c_in_a_terminal_does_not_reach_mongod(
    start_embedded: Start,
) -> None:
    server = start_embedded()

    os.killpg(server.process.pid, signal.SIGINT)

    assert server.wait() == 0
    assert "mongod" not in server.output.partition("Ctrl-C")[2]


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")])
def test_nothing_outlives_a_server_that_is_killed(
    start_embedded: Start, arguments: tuple[str, ...]
) -> None:
    server = start_embedded(*arguments)
    with Client(server.url) as client:
        client.token()
    descendants = server.descendants()

    server.stop(signal.SIGKILL)

    assert all(has_ended(pid) for pid in descendants)
    again = start_embedded()
    with Client(again.url) as client:
        client.token()


def test_data_and_tokens_survive_a_restart(start_embedded: Start) -> None:
    first = start_embedded()
    with Client(first.url) as client:
        registered = client.register()["data"]["register"]
    first.stop()

    with Client(start_embedded().url) as client:
        assert client.ask(WELCOME, token=registered["token"])["data"]["welcome"]
        assert client.login(registered["user"]["email"])["data"]["login"]


def test_it_ends_when_its_mongod_is_killed(start_embedded: Start) -> None:
    server = start_embedded()

    os.kill(server.mongod_pid(), signal.SIGKILL)

    assert server.wait() == 1
    assert "graphql-auth: mongod ended with exit status -9" in server.output


def test_it_ends_quietly_when_its_mongod_is_asked_to_stop(start_embedded: Start) -> None:
    server = start_embedded()

    os.kill(server.mongod_pid(), signal.SIGTERM)

    assert server.wait() == 0
    assert "mongod has ended; the server stops" in server.output


def test_a_second_server_on_the_same_data_is_refused(start_embedded: Start, tmp_path: Path) -> None:
    server = start_embedded()

    line = refusal(tmp_path)

    assert f"in use by another server (process {server.process.pid})" in line


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        line = refusal(tmp_path, "--port", str(port))

    assert f"PORT {port} on HOST 127.0.0.1 cannot be used: Address already in use" in line
    assert "PORT=4002" in line
    assert not (tmp_path / "graphql-auth-data").exists()


# Neither of the names is one that the system asks a name server for.
@pytest.mark.parametrize("host", [".".join(["x" * 60] * 5), "x" * 300, "192.0.2.1"])
def test_a_host_that_is_not_ours_is_refused(tmp_path: Path, host: str) -> None:
    assert f"HOST {host} is not an IP address of this machine;" in refusal(tmp_path, "--host", host)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_banner_names_localhost(start: Start, host: str) -> None:
    assert start("--host", host).url.startswith("http://localhost:")


def test_banner_names_path_of_application(start: Start, tmp_path: Path) -> None:
    module = "from graphql_auth import GraphQLAuth\nauth = GraphQLAuth(path='/api/graphql')\n"
    (tmp_path / "with_path.py").write_text(module, encoding="utf-8")

    server = start("with_path:auth")

    assert urlsplit(server.url).path == "/api/graphql"
    with Client(server.url) as client:
        client.token()


def test_an_ipv6_address_is_shown_as_a_url_needs_it(start: Start) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"This machine has no IPv6 loopback address: {error.strerror}")
    server = start("--host", "::1")

    assert urlsplit(server.url).netloc.startswith("[::1]:")
    with Client(server.url) as client:
        client.token()


def test_nagle_is_off() -> None:
    with listen(Settings(port=0)) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_tcp_user_timeout_is_set() -> None:
    with listen(Settings(port=0, request_read_timeout=timedelta(seconds=7))) as listener:
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7_000


def test_system_without_tcp_user_timeout_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphql_auth.runtime.linux.TCP_USER_TIMEOUT", None)

    with listen(Settings(port=0)) as listener:
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 0


def test_a_database_without_a_key_is_refused(tmp_path: Path) -> None:
    line = refusal(tmp_path, MONGO_URI="mongodb://localhost")

    assert "TOKEN_KEY is not set" in line


def test_a_database_that_does_not_answer_is_refused_in_time(tmp_path: Path) -> None:
    start = time.monotonic()

    line = refusal(tmp_path, MONGO_URI="mongodb://127.0.0.1:1", TOKEN_KEY=KEY)

    assert time.monotonic() - start < 25
    assert "MONGO_URI: no MongoDB answers within 4 s" in line


def test_a_start_can_be_interrupted(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent_database:
        silent_database.settimeout(60)
        uri = f"mongodb://127.0.0.1:{silent_database.getsockname()[1]}"
        starting = subprocess.Popen(
            [sys.executable, "-m", "graphql_auth", "serve", "--port", "0"],
            cwd=tmp_path,
            env=environment(MONGO_URI=uri, TOKEN_KEY=KEY),
            stderr=subprocess.PIPE,
        )
        with silent_database.accept()[0]:
            starting.send_signal(signal.SIGINT)

            assert starting.communicate(timeout=60)[1] == b""
    assert starting.returncode == 130


def test_hanging_dns_lookup_does_not_delay_the_exit(tmp_path: Path) -> None:
    program = (
        "import socket, sys, time\n"
        "resolve = socket.getaddrinfo\n"
        "def slow(host, *rest, **options):\n"
        "    if host == 'db.example': time.sleep(60)\n"
        "    return resolve(host, *rest, **options)\n"
        "socket.getaddrinfo = slow\n"
        "from graphql_auth.__main__ import main\n"
        "sys.argv = ['graphql-auth', 'serve', '--port', '0']\n"
        "main()\n"
    )
    start = time.monotonic()

    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment(MONGO_URI="mongodb://db.example", TOKEN_KEY=KEY),
        capture_output=True,
        text=True,
        check=False,
    )

    assert time.monotonic() - start < 30
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "MONGO_URI: no MongoDB answers" in ended.stderr


def test_a_key_of_a_pair_is_refused(tmp_path: Path) -> None:
    line = refusal(tmp_path, TOKEN_KEY="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI")

    assert "Invalid TOKEN_KEY" in line


def test_duplicate_emails_in_the_embedded_database_are_named(
    start_embedded: Start, tmp_path: Path
) -> None:
    server = start_embedded()
    uri = (tmp_path / "graphql-auth-data" / URI_FILE).read_text(encoding="utf-8")
    with MongoClient[dict[str, Any]](uri) as mongo:
        users = mongo.get_default_database()["users"]
        users.drop_index("email_1")
        users.insert_many([{"email": "ada@example.com"}, {"email": "ada@example.com"}])
    server.stop()

    assert "ada@example.com (2)" in refusal(tmp_path)


def test_a_path_that_the_terminal_cannot_show_is_escaped(
    start_embedded: Start, tmp_path: Path
) -> None:
    directory = "d\udcff\u00fc\x1b[2J"
    skip_unless_it_can_be_named(tmp_path / directory)
    server = start_embedded(DATA_DIR=directory, PYTHONIOENCODING="ascii")

    assert r"/d\udcff\xfc\x1b[2J (embedded MongoDB)" in server.output


@pytest.mark.parametrize("name", ["accounts", ""])
def test_a_given_database_is_named_without_its_uri(
    start: Start, mongod: EmbeddedMongo, name: str
) -> None:
    uri = f"{mongod.uri.rpartition('/')[0]}/{name}"

    server = start(MONGO_URI=uri, TOKEN_KEY=KEY)

    assert f"Data     database {name or 'test'} of MONGO_URI\n" in server.output
    assert "mongodb://" not in server.output


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["alone", "workers"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_begin_and_end_of_a_stop_are_logged_once(
    start: Start, arguments: tuple[str, ...], number: signal.Signals
) -> None:
    server = start(*arguments)
    assert server.stop(number) == 0

    began, ended = (line for line in server.output.splitlines() if "the server" in line)
    assert began.endswith(f"INFO graphql_auth.runtime.signals: {number.name}: the server stops")
    assert ended.endswith("INFO graphql_auth.server.serve: the server has stopped")


def test_the_settings_may_stand_in_a_file(start_embedded: Start, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"TOKEN_KEY={KEY}\nDATA_DIR=elsewhere\n", encoding="utf-8")

    server = start_embedded()

    assert f"Data     {tmp_path}/elsewhere" in server.output
    assert not (tmp_path / "elsewhere" / "token.key").exists()


def test_the_package_brings_a_command(tmp_path: Path) -> None:
    command = Path(sys.executable).parent / "graphql-auth"

    ended = subprocess.run(
        [command, "--version"], cwd=tmp_path, env=environment(), capture_output=True, check=True
    )

    assert ended.stdout.startswith(b"graphql-auth ")


def test_name_and_value_without_effect_are_lines_of_the_log(start: Start) -> None:
    server = start(HOST="x86_64-conda-linux-gnu", ALLOWED_ORIGIN="https://app.example.com")

    assert "http://localhost:" in server.url
    assert "Z WARNING graphql_auth.environment: HOST counts as unset" in server.output
    assert "WARNING graphql_auth.environment: ALLOWED_ORIGIN is not a setting" in server.output
