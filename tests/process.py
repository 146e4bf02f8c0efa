"""A server as its operator runs it: a process of its own, a port, and what it prints."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

SECONDS_TO_START = 20
SECONDS_TO_STOP = 20


class ServerProcess:
    """A server process that has said that it is ready, and has answered once."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self._output = output
        self.url = self._await_url()
        # Whoever asks from now on is answered; this one waits until the processes are up.
        httpx.post(self.url, json={"query": "{ __typename }"}, timeout=SECONDS_TO_START)

    @property
    def output(self) -> str:
        """Everything that the server has printed so far."""
        return self._output.read_text(encoding="utf-8")

    def stop(self, how: int = signal.SIGTERM) -> int:
        """End the server and return its exit status."""
        self.process.send_signal(how)
        return self.process.wait(SECONDS_TO_STOP)

    def descendants(self) -> list[int]:
        """The process ids of its children, and of theirs."""
        return _descendants(self.process.pid)

    def mongod_pid(self) -> int:
        """The process id of the mongod that it started."""
        (pid,) = (pid for pid in self.descendants() if _name(pid) == "mongod")
        return pid

    def _await_url(self) -> str:
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline:
            found = re.search(r"http://\S+/graphql", self.output)
            if found:
                return found[0]
            assert self.process.poll() is None, self.output
            time.sleep(0.01)
        self.process.kill()
        raise AssertionError(self.output)


def environment(**settings: str) -> dict[str, str]:
    """The environment of a server: quick hashes, no throttle by address, and what is given."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in {"PATH", "HOME", "LANG", "TMPDIR"} or name.startswith("COVERAGE")
    }
    quick = {"BCRYPT_ROUNDS": "4", "PYTHONPATH": str(Path.cwd())}
    # All tests come from one address.
    unlimited = {"MAX_FAILURES_PER_ADDRESS": "1000000", "MAX_REGISTRATIONS_PER_ADDRESS": "1000000"}
    return kept | quick | unlimited | settings


def start_server(directory: Path, *arguments: str, **settings: str) -> ServerProcess:
    """Start a server in ``directory``, on a free port, and wait until it is ready."""
    output = directory / f"output-{time.monotonic_ns()}"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "graphql_auth", "serve", "--port", "0", *arguments],
            cwd=directory,
            env=environment(**settings),
            stdout=file,
            stderr=subprocess.STDOUT,
            # A group of its own, as a terminal gives it, for Ctrl-C goes to the whole group.
            start_new_session=True,
        )
    return ServerProcess(process, output)


def run_command(
    directory: Path, *arguments: str, timeout: float = 30, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "graphql_auth", *arguments],
        cwd=directory,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def has_ended(pid: int, within: float = 5) -> bool:
    """Whether a process is gone, or waits only for its parent to notice."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2][1] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()


def _descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [found for child in map(int, children) for found in (child, *_descendants(child))]
