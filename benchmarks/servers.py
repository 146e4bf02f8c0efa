"""Start and stop servers, and give them and the load generator CPU cores of their own."""

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from socket import create_server

from benchmarks.http_client import HOST, Client, Request, WrongAnswer
from benchmarks.measurements import Sample
from benchmarks.peers.catalog import Peer
from graphql_auth.embedded_mongo.mongod import find_mongod

BCRYPT_ROUNDS = 12
TOKEN_KEY = "a key of the benchmarks, that is long enough"  # noqa: S105 - of no real server
# What a program needs to run at all: no other setting of the shell reaches a server.
ENVIRONMENT = {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "PYENV_ROOT", "TMPDIR"}
SECONDS_TO_START, SECONDS_TO_STOP, SECONDS_TO_IDLE = 30, 20, 60
SECONDS_BETWEEN_TRIES = 0.005
# A server that polls now and then uses less than a tenth of a core.
IDLE_SECONDS, IDLE_CORES = 0.2, 0.1

ALL_CORES = tuple(sorted(os.sched_getaffinity(0)))
# The load generator has the last core. On a machine with one core all share it.
LOAD_CORES, SERVER_CORES = ALL_CORES[-1:], ALL_CORES[:1]


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; ``seconds_to_start`` is the time to its first answer."""

    port: int
    pid: int
    mongo_uri: str
    seconds_to_start: float

    @property
    def megabytes(self) -> float:
        """The memory that it holds (VmRSS)."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        return int(status.partition("VmRSS:")[2].split()[0]) / 1000

    def wait_until_idle(self) -> None:
        """Wait until no request is left that slows the next server down; raises WrongAnswer."""
        for _ in range(int(SECONDS_TO_IDLE / IDLE_SECONDS)):
            if self.cores_used(IDLE_SECONDS) <= IDLE_CORES:
                return
        raise WrongAnswer("it was still busy long after the load had ended")

    def cores_used(self, seconds: float) -> float:
        """Return how many cores it uses in the next seconds."""
        before = self._cpu_seconds()
        time.sleep(seconds)
        return (self._cpu_seconds() - before) / seconds

    def _cpu_seconds(self) -> float:
        """Return how much CPU time it has used: utime and stime of proc(5)."""
        stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8")
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pin(pid: int, cores: Sequence[int]) -> None:
    """Keep all threads of a process, and those that they start, on some cores."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        # A thread may end in between.
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(task.name), cores)


def become_load_generator() -> None:
    """Move this process to its core, with real-time priority if that is allowed.

    A client that waits for its core would count that as time of the server. A nice value does not
    do: it counts only among the processes of one session (sched(7)).
    """
    os.sched_setaffinity(0, LOAD_CORES)
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def run_alone(function: Callable[..., Sample], *arguments: object) -> Sample:
    """Call a function in a process that has nothing else to do."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


@contextmanager
def start_mongodb(directory: Path) -> Iterator[str]:
    """Start a MongoDB on loopback; yield its URI, to which the name of a database is added."""
    port, data = _free_port(), directory / "mongodb"
    data.mkdir()
    command = [str(find_mongod()), f"--dbpath={data}", f"--bind_ip={HOST}", f"--port={port}"]
    command += ["--nounixsocket", "--networkMessageCompressors=snappy,zstd"]
    # Neither log is to be written to the disk while something is measured.
    command += ["--slowms=1000000000", "--setParameter=diagnosticDataCollectionEnabled=false"]
    command += ["--wiredTigerCacheSizeGB=2"]
    with _running(command, {}, directory, directory / "mongodb.log"):
        yield f"mongodb://{HOST}:{port}/"


def start_peer(
    peer: Peer, mongo_uri: str, directory: Path, bcrypt_rounds: int = BCRYPT_ROUNDS
) -> AbstractContextManager[Server]:
    """Start a peer with a database of its own; raises WrongAnswer if it does not answer."""
    settings = {"TOKEN_KEY": TOKEN_KEY, "BCRYPT_ROUNDS": str(bcrypt_rounds)}
    settings["MONGO_URI"] = mongo_uri + peer.name.replace(" ", "_").lower()
    return start_server(peer, {**peer.environment, **settings}, directory)


@contextmanager
def start_server(peer: Peer, environment: Mapping[str, str], directory: Path) -> Iterator[Server]:
    """Start a peer with this environment only; yield when it answers."""
    port, began = _free_port(), time.perf_counter()
    log = directory / f"{port}.log"
    ports = {"PORT": str(port), "UVICORN_PORT": str(port), "NODE_ENV": "production"}
    with _running(peer.command, {**environment, **ports}, directory, log) as process:
        while not _answers(port, peer.guarded("none")):
            if process.poll() is not None or time.perf_counter() - began > SECONDS_TO_START:
                raise WrongAnswer(f"it did not start: {log.read_text(encoding='utf-8')[-500:]}")
            time.sleep(SECONDS_BETWEEN_TRIES)
        seconds = time.perf_counter() - began
        yield Server(port, process.pid, environment.get("MONGO_URI", ""), seconds)


def _free_port() -> int:
    with create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def _answers(port: int, request: Request) -> bool:
    try:
        with closing(Client(port)) as client:
            return client.send(request)[1] < http.client.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False


@contextmanager
def _running(
    command: list[str], environment: Mapping[str, str], directory: Path, log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a process in a session of its own, and stop all of the session at the end."""
    kept = {name: value for name, value in os.environ.items() if name in ENVIRONMENT}
    # The kernel kills it if the benchmark is killed.
    command = ["setpriv", "--pdeathsig=KILL", *command]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - a command of the catalog
            command,
            cwd=directory,
            env={**kept, **environment},
            stdout=output,
            stderr=output,
            # Ctrl-C reaches the benchmark only, which then stops them in order.
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS_TO_STOP)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
