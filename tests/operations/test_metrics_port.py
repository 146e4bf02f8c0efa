"""The port, the files and the documentation of `/metrics`, and a server without it."""

import re
import signal
import socket
import stat
import struct
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from graphql_auth.errors import StartError
from graphql_auth.operations.metrics_files import DIRECTORY, get_metrics
from tests.client import Client
from tests.conftest import KEY, Start
from tests.operations.prometheus import PREFIX, URL, Scrape, files
from tests.outages import until
from tests.process import ROOT, environment, has_ended, run_command

WORKERS = pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["alone", "workers"])
PROBE = """
import sys
import strawberry
from graphql_auth import GraphQLAuth, Query

@strawberry.type
class ProbeQuery(Query):
    @strawberry.field
    def imported(self) -> bool:
        return "prometheus_client" in sys.modules

auth = GraphQLAuth(query=ProbeQuery)
"""
LIBRARY = """
import asyncio, sys
from graphql_auth import GraphQLAuth

async def main():
    async with GraphQLAuth().lifespan():
        print("prometheus_client" in sys.modules)

asyncio.run(main())
"""


@WORKERS
def test_server_without_port_has_no_metrics(
    start: Start, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "probe.py").write_text(PROBE)
    server = start("probe:auth", *arguments, TMPDIR=str(tmp_path))
    with Client(server.url) as client:
        assert client.ask("{ imported }")["data"] == {"imported": False}
    with httpx.Client(verify=False) as http:
        assert http.get(server.url.replace("/graphql", "/metrics")).status_code == 404

    assert not re.search(URL, server.output)
    assert files(tmp_path) == []


def test_application_that_mounts_graphql_auth_has_no_metrics(
    tmp_path: Path, database_uri: str
) -> None:
    settings = {"MONGO_URI": database_uri, "TOKEN_KEY": KEY, "METRICS_PORT": "0"}
    ended = subprocess.run(
        [sys.executable, "-c", LIBRARY],
        cwd=tmp_path,
        env=environment(TMPDIR=str(tmp_path), **settings),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.stdout == "False\n", ended.stderr
    assert files(tmp_path) == []


@WORKERS
def test_port_that_is_taken_stops_the_start_with_one_line(
    database_uri: str, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = {"MONGO_URI": database_uri, "TOKEN_KEY": KEY, "TMPDIR": str(tmp_path)}
        command = run_command(tmp_path, "serve", *arguments, METRICS_PORT=str(port), **settings)

    assert command.returncode == 1
    assert command.stderr == (
        f"graphql-auth: METRICS_PORT {port} cannot be used: Address already in use."
        " Set another port, or stop the program that uses this one.\n"
    )
    assert files(tmp_path) == []


def test_too_little_space_for_the_files_stops_the_start_with_one_line(
    database_uri: str, tmp_path: Path
) -> None:
    program = f"ulimit -f 100; exec {sys.executable} -m graphql_auth serve"
    settings = {"MONGO_URI": database_uri, "TOKEN_KEY": KEY, "METRICS_PORT": "0"}
    # The file that measures coverage would be too large too.
    settings |= {"TMPDIR": str(tmp_path), "COVERAGE_PROCESS_CONFIG": ""}
    ended = subprocess.run(
        ["bash", "-c", program],
        cwd=tmp_path,
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stderr == (
        "graphql-auth: METRICS_PORT needs space for temporary files: File too large."
        " Set TMPDIR to a directory that has some, or unset METRICS_PORT.\n"
    )
    assert [*tmp_path.glob("graphql-auth-metrics-*")] == []


def test_worker_whose_files_cannot_be_made_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(DIRECTORY, str(tmp_path / "gone" / "metrics"))

    with pytest.raises(StartError, match=r"METRICS_PORT needs .*: No such file or directory"):
        get_metrics(0)


@WORKERS
def test_files_are_private_allocated_and_removed_at_the_end(
    start: Start, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    server = start(*arguments, METRICS_PORT="0", TMPDIR=str(tmp_path))
    until(lambda: bool(Scrape(server).by("hash_queue_length")), server)

    (directory,) = tmp_path.glob("graphql-auth-metrics-*")
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for file in files(tmp_path):
        # A write to a hole kills the process when the disk is full.
        assert file.stat().st_blocks * 512 >= file.stat().st_size > 0, file

    assert server.stop() == 0
    assert not directory.exists()


def test_only_programs_of_this_machine_can_read_them(start: Start) -> None:
    server = start(METRICS_PORT="0", HOST="0.0.0.0")
    url = httpx.URL(server.wait_for_output(URL))
    assert httpx.get(url).headers["content-type"].startswith("text/plain; version=")
    assert httpx.post(url).status_code == 501

    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    assert re.findall(rf": ([0-9A-F]+):{url.port:04X} \S+ 0A", listening) == ["0100007F"]


def test_failed_scrape_is_one_line_and_a_closed_connection_is_none(
    start: Start, tmp_path: Path
) -> None:
    server = start(METRICS_PORT="0", TMPDIR=str(tmp_path))
    url = httpx.URL(server.wait_for_output(URL))
    with socket.create_connection(("127.0.0.1", url.port or 0)) as connection:
        # Closed by a reset, as a load balancer does that tries a port.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    (directory,) = tmp_path.glob("graphql-auth-metrics-*")
    (directory / "counter_99.db").write_bytes(b"no")

    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(url)

    server.wait_for_output("ERROR graphql_auth.operations.metrics: /metrics failed: struct.error")
    assert server.output.count("/metrics failed") == 1
    assert "Traceback" not in server.output
    assert "Exception" not in server.output
    (directory / "counter_99.db").write_bytes(b"")
    assert Scrape(server).value("workers_replaced_total") == 0


def test_page_lists_every_metric(start: Start) -> None:
    mail = {"MAIL_FROM": "no-reply@example.com", "APP_URL": "https://app.example.com"}
    server = start(METRICS_PORT="0", SMTP_URL="smtp+plain://127.0.0.1:9", **mail)
    with Client(server.url) as client:
        client.register()
    until(lambda: bool(Scrape(server).by("outbox_mails")), server)

    page = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    listed = {
        name.removesuffix("_total")
        for name in re.findall(rf"^\| `({PREFIX}\w+)", page, re.MULTILINE)
    }
    served = {name for name in Scrape(server).families if name.startswith(PREFIX)}
    assert served <= listed
    # It is there when a mail has been tried.
    assert listed - served == {f"{PREFIX}mails"}
    alerts = set(re.findall(rf"({PREFIX}\w+)(?:\{{| >)", page))
    assert len(alerts) == 3
    assert {name.removesuffix("_total") for name in alerts} <= listed


@WORKERS
def test_start_removes_what_a_killed_server_left(
    start: Start, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    running = start(*arguments, METRICS_PORT="0", TMPDIR=str(tmp_path))
    (kept,) = tmp_path.glob("graphql-auth-metrics-*")
    killed = start(*arguments, METRICS_PORT="0", TMPDIR=str(tmp_path))
    processes = killed.descendants()
    killed.stop(signal.SIGKILL)
    assert all(map(has_ended, processes))
    (tmp_path / "graphql-auth-metrics-new").mkdir()
    (tmp_path / "graphql-auth-metrics-foreign").symlink_to("graphql-auth-metrics-new")
    left = {*tmp_path.glob("graphql-auth-metrics-*")}
    assert len(left) == 4

    start(*arguments, METRICS_PORT="0", TMPDIR=str(tmp_path))

    found = {*tmp_path.glob("graphql-auth-metrics-*")}
    assert len(found & left) == 3
    assert kept in found
    assert len(found - left) == 1
    assert Scrape(running).requests is not None
