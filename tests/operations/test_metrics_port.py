"""The port and the documentation of `/metrics`, and a server without it."""

import re
import socket
import struct
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.client import Client
from tests.conftest import KEY, Start
from tests.operations.prometheus import PREFIX, URL, Scrape
from tests.outages import until
from tests.process import ROOT, environment, run_command

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
BROKEN = """
from pathlib import Path
from prometheus_client import GC_COLLECTOR, REGISTRY, Gauge, Metric
from graphql_auth import GraphQLAuth

def read():
    raise KeyError("secret")

class Wrong:
    def __init__(self, name, labels, value):
        self.sample = name, labels, value

    def describe(self):
        return []

    def collect(self):
        if Path(self.sample[0]).exists():
            wrong = Metric(self.sample[0], "Wrong.", "gauge")
            wrong.add_sample(*self.sample)
            yield wrong

REGISTRY.unregister(GC_COLLECTOR)
Gauge("stock", "Stock.").set_function(read)
REGISTRY.register(Wrong("text", {}, "secret"))
REGISTRY.register(Wrong("wrong", {"label": chr(0xD800)}, 1))
auth = GraphQLAuth()
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
    server = start("probe:auth", *arguments)
    with Client(server.url) as client:
        assert client.ask("{ imported }")["data"] == {"imported": False}
    with httpx.Client(verify=False) as http:
        assert http.get(server.url.replace("/graphql", "/metrics")).status_code == 404

    assert not re.search(URL, server.output)


def test_application_that_mounts_graphql_auth_has_no_metrics(
    tmp_path: Path, database_uri: str
) -> None:
    settings = {"MONGO_URI": database_uri, "TOKEN_KEY": KEY, "METRICS_PORT": "0"}
    ended = subprocess.run(
        [sys.executable, "-c", LIBRARY],
        cwd=tmp_path,
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.stdout == "False\n", ended.stderr


@WORKERS
def test_port_that_is_taken_stops_the_start_with_one_line(
    database_uri: str, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = {"MONGO_URI": database_uri, "TOKEN_KEY": KEY}
        command = run_command(tmp_path, "serve", *arguments, METRICS_PORT=str(port), **settings)

    assert command.returncode == 1
    assert command.stderr == (
        f"graphql-auth: METRICS_PORT {port} cannot be used: Address already in use."
        " Set another port, or stop the program that uses this one.\n"
    )


def test_only_programs_of_this_machine_can_read_them(start: Start) -> None:
    server = start(METRICS_PORT="0", HOST="0.0.0.0")
    url = httpx.URL(server.wait_for_output(URL))
    assert httpx.get(url).headers["content-type"].startswith("text/plain; version=")
    assert httpx.post(url).status_code == 501

    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    assert re.findall(rf": ([0-9A-F]+):{url.port:04X} \S+ 0A", listening) == ["0100007F"]


@WORKERS
def test_metric_that_fails_is_missing_alone(
    start: Start, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    (tmp_path / "text").touch()
    server = start("broken:auth", *arguments, METRICS_PORT="0")

    until(lambda: Scrape(server).requests == {}, server)
    with Client(server.url) as client:
        client.ask("{ welcome }")
    until(lambda: Scrape(server).requests == {("welcome", "UNAUTHENTICATED"): 1}, server)

    assert not {"stock", "text"} & Scrape(server).families.keys()
    processes = 1 + len(server.workers())
    said = "WARNING graphql_auth.operations.metrics: a metric is missing: builtins."
    for error in ("KeyError at ", "ValueError at "):
        assert server.output.count(said + error) == processes
    assert "secret" not in server.output


def test_failed_scrape_is_one_line_and_a_closed_connection_is_none(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    server = start("broken:auth", METRICS_PORT="0")
    url = httpx.URL(server.wait_for_output(URL))
    with socket.create_connection(("127.0.0.1", url.port or 0)) as connection:
        # Closed by a reset, as a load balancer does that tries a port.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    (tmp_path / "wrong").touch()
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(url)

    server.wait_for_output("ERROR graphql_auth.operations.metrics: /metrics failed: builtins.Uni")
    assert server.output.count("/metrics failed") == 1
    assert "Traceback" not in server.output
    assert "Exception" not in server.output
    (tmp_path / "wrong").unlink()
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
    assert served == listed
    alerts = set(re.findall(rf"({PREFIX}\w+)(?:\{{| >)", page))
    assert len(alerts) == 3
    assert {name.removesuffix("_total") for name in alerts} <= listed
