"""A server where the kernel refuses what it would like to have; see tests/seccomp.py."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import seccomp
from tests.client import Client
from tests.conftest import KEY
from tests.process import ServerProcess, environment, has_ended, process_name

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
            ["lowest priority", "TCP_USER_TIMEOUT", "at most 900 connections"],
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


@pytest.mark.parametrize(
    ("how", "arguments"),
    [
        (signal.SIGKILL, ()),
        (signal.SIGKILL, ("--workers", "2")),
        (signal.SIGINT, ("--workers", "2")),
        (signal.SIGTERM, ()),
    ],
)
def test_nothing_outlives_a_server_without_prctl(
    start_refused: StartRefused, how: signal.Signals, arguments: tuple[str, ...]
) -> None:
    server = start_refused("prctl", *arguments)
    descendants = server.descendants()
    assert {"mongod", "sh"} <= {process_name(pid) for pid in descendants}
    with Client(server.url) as client:
        email = client.register()["data"]["register"]["user"]["email"]

    # As Ctrl-C reaches the whole group.
    os.killpg(server.process.pid, how)

    assert server.wait() == (-how if how == signal.SIGKILL else 0)
    assert all(has_ended(pid, within=30) for pid in descendants)
    assert "mongod has ended" not in server.output
    again = start_refused("prctl", *arguments)
    with Client(again.url) as client:
        assert client.login(email)["data"]["login"]["token"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP])
def test_server_goes_on_without_its_warden(
    start_refused: StartRefused, how: signal.Signals
) -> None:
    server = start_refused("prctl")
    descendants = server.descendants()
    (warden,) = (pid for pid in descendants if process_name(pid) == "sh")

    os.kill(warden, how)
    assert how == signal.SIGSTOP or has_ended(warden)

    with Client(server.url) as client:
        client.token()
    assert server.stop() == 0
    assert all(has_ended(pid) for pid in descendants)


def test_mongod_lives_while_its_server_is_stopped_without_prctl(
    start_refused: StartRefused,
) -> None:
    server = start_refused("prctl")
    mongod = server.mongod_pid()

    os.kill(server.process.pid, signal.SIGSTOP)
    time.sleep(0.5)
    os.kill(server.process.pid, signal.SIGCONT)

    with Client(server.url) as client:
        client.token()
    assert server.mongod_pid() == mongod


def test_mongod_that_lost_server_and_warden_is_named(start_refused: StartRefused) -> None:
    """Only SIGKILL for both leaves it; the next server says which process it is."""
    server = start_refused("prctl")
    mongod = server.mongod_pid()
    (warden,) = (pid for pid in server.descendants() if process_name(pid) == "sh")
    os.kill(warden, signal.SIGKILL)
    os.kill(server.process.pid, signal.SIGKILL)

    with pytest.raises(AssertionError, match=rf"another mongod \(process {mongod}\); stop that"):
        start_refused("prctl")

    os.kill(mongod, signal.SIGTERM)
    assert has_ended(mongod)
    with Client(start_refused("prctl").url) as client:
        client.token()


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
