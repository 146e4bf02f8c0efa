"""A server where the kernel refuses what it would like to have; see tests/seccomp.py."""

import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import seccomp
from tests.client import Client
from tests.conftest import KEY
from tests.process import ServerProcess, environment, has_ended

StartRefused = Callable[..., ServerProcess]


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (900, 1000))


@pytest.fixture
def start_refused(tmp_path: Path) -> Iterator[StartRefused]:
    """Start a server under a filter; skip the test where the kernel takes no filter."""
    started: list[ServerProcess] = []

    def start(refused: str, *arguments: str, **settings: str) -> ServerProcess:
        command = [sys.executable, "-m", "tests.seccomp", refused, sys.executable, "-m"]
        probe = subprocess.run([*command, "this"], capture_output=True, check=False)
        if probe.returncode == seccomp.NO_FILTERS:
            pytest.skip("the kernel takes no seccomp filter from this user")
        output = tmp_path / "output"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*command, "graphql_auth", "serve", "--port", "0", *arguments],
                cwd=tmp_path,
                env=environment(**settings),
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_limit,  # noqa: PLW1509 - no thread runs
            )
        started.append(ServerProcess(process, output))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        ("setpriority", ["lowest priority"]),
        (
            "sched_setscheduler,tcp_user_timeout,setrlimit,prctl",
            ["lowest priority", "TCP_USER_TIMEOUT", "at most 900 connections", "prctl"],
        ),
    ],
)
def test_each_refused_feature_is_one_warning(
    start_refused: StartRefused, database_uri: str, refused: str, said: list[str]
) -> None:
    server = start_refused(refused, MONGO_URI=database_uri, TOKEN_KEY=KEY)

    with Client(server.url) as client:
        client.token()
    assert server.stop() == 0
    warnings = re.findall("WARNING .*", server.output)
    assert len(warnings) == len(said)
    assert all(any(one in warning for warning in warnings) for one in said)
    assert "Traceback" not in server.output


def test_a_server_lives_with_every_refusal_at_once(start_refused: StartRefused) -> None:
    server = start_refused(",".join(seccomp.CALLS), "--workers", "2")

    with Client(server.url) as client:
        client.token()
    descendants = server.descendants()
    assert server.stop() == 0
    assert all(has_ended(pid) for pid in descendants)
    assert "Traceback" not in server.output


def test_workers_do_not_outlive_a_server_without_prctl(
    start_refused: StartRefused, database_uri: str
) -> None:
    server = start_refused("prctl", "--workers", "2", MONGO_URI=database_uri, TOKEN_KEY=KEY)
    descendants = server.descendants()

    os.kill(server.process.pid, signal.SIGKILL)

    assert all(has_ended(pid, within=30) for pid in descendants)


def test_a_system_without_threads_is_one_line(tmp_path: Path, database_uri: str) -> None:
    program = (
        "import sys, threading\n"
        "from graphql_auth.__main__ import main\n"
        "start = threading.Thread.start\n"
        "def refuse(thread):\n"
        "    if thread.name.startswith('hash'): raise RuntimeError('no more threads')\n"
        "    start(thread)\n"
        "threading.Thread.start = refuse\n"
        "sys.argv = ['graphql-auth', 'serve', '--port', '0']\n"
        "main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment(MONGO_URI=database_uri, TOKEN_KEY=KEY),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("graphql-auth: The system refuses to start more threads")
    assert ended.stderr.count("\n") == 1
