"""Servers of a run: one MongoDB, and contenders that are started, watched and stopped."""

import http.client
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import cores, processes
from benchmarks.peers.contender import Contender, Request
from benchmarks.wire import HOST, Client, WrongAnswer
from graphql_auth.embedded_mongo.mongod import find_mongod
from graphql_auth.errors import StartError

SECONDS_TO_START = 30.0
SECONDS_BETWEEN_LOOKS = 0.005
SERVER_ERROR = 500
SECONDS_TO_REST = 60.0
SECONDS_OF_REST = 0.2
# What looking for news now and then may take, of a core.
MOST_WORK_AT_REST = 0.1
BCRYPT_ROUNDS = 12
TOKEN_KEY = "a key of the benchmarks, that is long enough"  # noqa: S105 - of nobody's server


class NotStarted(Exception):
    """A server did not answer, and what it said last."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running contender; ``seconds_to_start`` until it answered for the first time."""

    port: int
    pid: int
    seconds_to_start: float

    @property
    def megabytes(self) -> float:
        """The memory that all its processes hold."""
        return processes.resident_megabytes(processes.tree(self.pid))

    def rest(self) -> None:
        """Wait until it does nothing; raises WrongAnswer if it goes on for too long.

        When the load ends, requests are under way, and a server may finish them, for seconds: at
        the cost of whoever is measured next.
        """
        deadline = time.monotonic() + SECONDS_TO_REST
        while self._work(SECONDS_OF_REST) > MOST_WORK_AT_REST:
            if time.monotonic() > deadline:
                raise WrongAnswer("it still worked long after the load had ended")

    def _work(self, seconds: float) -> float:
        """Return how many cores it keeps busy."""
        before = processes.seconds_of_work(processes.tree(self.pid))
        time.sleep(seconds)
        return (processes.seconds_of_work(processes.tree(self.pid)) - before) / seconds

    def pin(self, to: list[int]) -> None:
        """Keep it on some cores."""
        cores.pin(processes.tree(self.pid), to)


@contextmanager
def mongodb(directory: Path) -> Iterator[str]:
    """Start a MongoDB on loopback, and yield its address, to which the name of a database goes."""
    port = free_port()
    data = directory / "mongodb"
    data.mkdir()
    command = [
        str(find_mongod()),
        f"--dbpath={data}",
        f"--bind_ip={HOST}",
        f"--port={port}",
        "--nounixsocket",
        "--networkMessageCompressors=snappy,zstd",
        "--wiredTigerCacheSizeGB=2",
        # The log of slow commands would be written while others are measured.
        "--slowms=1000000000",
        "--setParameter=diagnosticDataCollectionEnabled=false",
    ]
    log = directory / "mongodb.log"
    with processes.running(command, {}, directory, log) as process:
        try:
            _await(process, lambda: _connects(port), log)
        except NotStarted as reason:
            raise StartError(f"MongoDB did not start: {reason}") from None
        yield f"mongodb://{HOST}:{port}/"


@contextmanager
def started(
    contender: Contender,
    mongo_uri: str,
    directory: Path,
    *,
    workers: int = 1,
    bcrypt_rounds: int = BCRYPT_ROUNDS,
) -> Iterator[Server]:
    """Start a contender, and yield once it answers; raises NotStarted."""
    settings = {
        "MONGO_URI": mongo_uri,
        "TOKEN_KEY": TOKEN_KEY,
        "BCRYPT_ROUNDS": str(bcrypt_rounds),
    }
    with launched(
        contender.command(workers),
        {**contender.environment, **settings},
        directory,
        contender.welcome("none"),
    ) as server:
        yield server


@contextmanager
def launched(
    command: list[str], environment: dict[str, str], directory: Path, ask: Request
) -> Iterator[Server]:
    """Start a server with just this environment; yield once it answers what it is asked."""
    port = free_port()
    log = directory / f"{port}.log"
    began = time.perf_counter()
    with processes.running(command, environment | {"PORT": str(port)}, directory, log) as process:
        _await(process, lambda: _answers(port, ask), log)
        yield Server(port, process.pid, time.perf_counter() - began)


def free_port() -> int:
    """Return a port on loopback that nobody listens on."""
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def _await(process: "subprocess.Popen[bytes]", is_ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(encoding="utf-8", errors="replace").strip()
            raise NotStarted(said[-500:] or "it said nothing")
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _connects(port: int) -> bool:
    try:
        socket.create_connection((HOST, port)).close()
    except OSError:
        return False
    return True


def _answers(port: int, ask: Request) -> bool:
    client = Client(port)
    try:
        return client.ask(ask)[0] < SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()
