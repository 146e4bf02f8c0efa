"""Two servers behind nginx: restarted in turn under load, and of two versions."""

import asyncio
import subprocess
import tarfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from io import BytesIO
from pathlib import Path

import pytest

from graphql_auth import __version__
from tests.conftest import Start
from tests.faults.load import RETRIED, WELCOME, Load, load
from tests.faults.replica_set import free_addresses
from tests.faults.verdict import verify
from tests.integrations.processes import free_port, run_nginx
from tests.process import ROOT, ServerProcess

pytestmark = pytest.mark.anyio

# As docs/deploying.md has it: both times of nginx are shorter than the delay.
SHUTDOWN_DELAY = 3
NGINX = """
upstream servers {{
    server {} fail_timeout=2s;
    server {} fail_timeout=2s;
    keepalive 32;
    keepalive_timeout 2s;
}}
server {{
    listen 127.0.0.1:{port};
    location / {{
        proxy_pass http://servers;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
    }}
}}
"""
SECONDS_OF_RESTARTS = 50
SECONDS_OF_TWO_VERSIONS = 10
# Beside the users of the load.
ASKING = 4
SECONDS_BETWEEN_QUESTIONS = 0.02


class Servers:
    """Two servers, whose ports stay theirs, and the URL of nginx in front of them."""

    def __init__(self, start: Start) -> None:
        self.hosts = free_addresses(2)
        self._start = start

    def start(self, number: int, **settings: str) -> ServerProcess:
        host, _, port = self.hosts[number].partition(":")
        # One that has workers, and one that has none.
        workers = str(number + 1)
        given = {"HOST": host, "SHUTDOWN_DELAY": f"{SHUTDOWN_DELAY}s"}
        return self._start("--port", port, "--workers", workers, **given | settings)

    @contextmanager
    def behind_nginx(self, directory: Path) -> Iterator[str]:
        port = free_port()
        with run_nginx(directory, NGINX.format(*self.hosts, port=port)) as output:
            yield f"http://127.0.0.1:{port}/graphql"
        print(output.read_text())


@pytest.fixture
def servers(start: Start) -> Servers:
    return Servers(start)


@asynccontextmanager
async def questions(clients: Load) -> AsyncIterator[None]:
    """Ask without a token all the time, beside the users of the load."""
    is_over = asyncio.Event()

    async def ask() -> None:
        while not is_over.is_set():
            await clients.ask(WELCOME)
            await asyncio.sleep(SECONDS_BETWEEN_QUESTIONS)

    tasks = [asyncio.create_task(ask()) for _ in range(ASKING)]
    yield
    is_over.set()
    await asyncio.gather(*tasks)


async def test_restart_in_turn_loses_no_request(servers: Servers, tmp_path: Path) -> None:
    running = [servers.start(number) for number in (0, 1)]
    restarts = 0
    with servers.behind_nginx(tmp_path) as url:
        async with load(url) as clients, questions(clients):
            end = time.monotonic() + SECONDS_OF_RESTARTS
            while time.monotonic() < end:
                number = restarts % 2
                assert await asyncio.to_thread(running[number].stop) == 0
                running[number] = await asyncio.to_thread(servers.start, number)
                restarts += 1

    failed = {code: times for code, times in clients.codes.items() if code in RETRIED}
    print(f"{restarts} restarts; failed: {failed}")
    verify(clients, running[0])
    assert failed == {}


async def test_two_versions_on_one_database(servers: Servers, tmp_path: Path) -> None:
    release = tmp_path / "release"
    extract_last_release(release)
    old = servers.start(0, PYTHONPATH=str(release))
    servers.start(1)
    with servers.behind_nginx(tmp_path) as url:
        async with load(url) as clients, questions(clients):
            await asyncio.sleep(SECONDS_OF_TWO_VERSIONS)

    verify(clients, old)
    assert {code for code in clients.codes if code in RETRIED} == set()


def extract_last_release(directory: Path) -> None:
    """Extract the last release before this version; skip the test in a clone without history."""
    log = ("git", "log", "--format=%H %s", "--grep=^Release [0-9]")
    releases = subprocess.check_output(log, cwd=ROOT, text=True).splitlines()
    earlier = [line for line in releases if not line.endswith(f" {__version__}")]
    commit = earlier[0].partition(" ")[0] if earlier else ""
    if not commit:
        pytest.skip("This clone does not have the commit of the last release")
    archive = subprocess.check_output(["git", "archive", commit, "graphql_auth"], cwd=ROOT)
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(directory, filter="data")
