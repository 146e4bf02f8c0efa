import errno
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from graphql_auth.logs import LogRateLimit
from graphql_auth.server import descriptors
from graphql_auth.server.descriptors import raise_limit
from tests.client import Client
from tests.conftest import KEY
from tests.process import ServerProcess, environment


@pytest.fixture
def limited(tmp_path: Path, database_uri: str) -> Iterator[ServerProcess]:
    """A server that may have 100 file descriptors, and begins with 50."""
    output = tmp_path / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "graphql_auth", "serve", "--port", "0"],
            cwd=tmp_path,
            env=environment(MONGO_URI=database_uri, TOKEN_KEY=KEY),
            stdout=file,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (50, 100)),  # noqa: PLW1509 - no thread runs
        )
    server = ServerProcess(process, output)
    yield server
    server.stop()


def test_the_end_of_file_descriptors_is_logged_once(limited: ServerProcess) -> None:
    limits = Path(f"/proc/{limited.process.pid}/limits").read_text(encoding="ascii")
    assert "Max open files            100" in limits
    address = (urlsplit(limited.url).hostname, urlsplit(limited.url).port)
    with ExitStack() as connections:
        for _ in range(150):
            connections.enter_context(socket.create_connection(address, 10))
        limited.wait_for_output("ERROR")
        # Two more looks.
        time.sleep(2.5)

    assert limited.output.count("no file descriptor is left") == 1
    assert "the limit of this process is 100" in limited.output
    # The server has to notice that the connections are closed, and to connect to MongoDB again.
    deadline = time.monotonic() + 30
    while not can_register(limited):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def can_register(server: ServerProcess) -> bool:
    try:
        with Client(server.url) as client:
            return "errors" not in client.register()
    except httpx.TransportError:
        return False


def test_the_line_comes_once_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now, number = [1_000.0], [errno.EMFILE]

    def refuse(*_: object) -> int:
        raise OSError(number[0], os.strerror(number[0]))

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(descriptors, "_rate_limit", LogRateLimit(60.0, lambda: now[0]))

    for _ in range(121):
        descriptors.check()
        now[0] += 1
    assert len(caplog.records) == 3
    assert "(Too many open files)" in caplog.text
    number[0] = errno.ENFILE
    now[0] += 60
    descriptors.check()
    assert "(Too many open files in system)" in caplog.text
    number[0] = errno.ENOENT
    now[0] += 60
    descriptors.check()
    assert len(caplog.records) == 4


def test_infinite_limit_of_macos_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """MacOS refuses more than OPEN_MAX, with the error of setrlimit(2)."""
    limits = [(256, resource.RLIM_INFINITY)]

    def set_limit(_: int, new: tuple[int, int]) -> None:
        if not 0 < new[0] <= 10_240:
            raise ValueError("current limit exceeds maximum limit")
        limits.append(new)

    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", set_limit)

    raise_limit()

    assert limits[-1] == (10_240, resource.RLIM_INFINITY)
