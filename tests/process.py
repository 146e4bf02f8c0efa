"""A server as its operator runs it: a process of its own, a port, and what it prints."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parent.parent
# Generous: other test runs may share the machine. Only a failing test waits this long.
SECONDS_TO_START = 60
SECONDS_TO_STOP = 60


class ServerProcess:
    """A server process that has said that it is ready, and has answered once."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self._output = output
        try:
            self.url = self._await_url()
            # The listener accepts before the processes are up; this request waits for them.
            asked = {"query": "{ __typename }"}
            httpx.post(self.url, json=asked, timeout=SECONDS_TO_START, verify=False)
        except BaseException:
            process.kill()
            process.wait()
            raise

    @property
    def output(self) -> str:
        """Everything that the server has printed so far."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def stop(self, how: int = signal.SIGTERM) -> int:
        """End the server and return its exit status."""
        self.process.send_signal(how)
        return self.wait()

    def wait(self) -> int:
        """Wait for the server to end and return its exit status."""
        try:
            return self.process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def descendants(self) -> list[int]:
        """The process ids of its children, and of theirs."""
        return _descendants(self.process.pid)

    def workers(self) -> list[int]:
        """The process ids of the workers of a server that has several."""
        return [pid for pid in self.descendants() if not _is_helper(pid)]

    def mongod_pid(self) -> int:
        """The process id of the mongod that it started."""
        (pid,) = (pid for pid in self.descendants() if process_name(pid) == "mongod")
        return pid

    def wait_for_output(self, pattern: str, within: float = SECONDS_TO_START) -> str:
        """Wait until the server has printed what the pattern matches, and return that."""
        deadline = time.monotonic() + within
        while not (found := re.search(pattern, self.output)):
            assert time.monotonic() < deadline, self.output
            time.sleep(0.01)
        return found[0]

    def _await_url(self) -> str:
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline:
            found = re.search(r"http://\S+/graphql", self.output)
            if found:
                return found[0]
            assert self.process.poll() is None, self.output
            time.sleep(0.01)
        raise AssertionError(self.output)


def environment(**settings: str) -> dict[str, str]:
    """The environment of a server: quick hashes, no throttle by address, and what is given."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in {"PATH", "HOME", "TMPDIR"} or name.startswith("COVERAGE")
    }
    quick = {"BCRYPT_ROUNDS": "4", "PORT": "0", "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
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
    directory: Path, *arguments: str, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "graphql_auth", *arguments],
        cwd=directory,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=SECONDS_TO_START,
        check=False,
    )


def skip_unless_it_can_be_named(directory: Path) -> None:
    """Skip the test where the file system takes names in UTF-8 only."""
    try:
        directory.mkdir()
    except OSError as error:
        pytest.skip(f"The file system refuses the name {directory.name!a}: {error.strerror}")
    directory.rmdir()


def has_ended(pid: int, within: float = SECONDS_TO_STOP) -> bool:
    """Whether a process is gone, or waits only for its parent to notice."""
    deadline = time.monotonic() + within
    while _is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def process_name(pid: int) -> str | None:
    """The name of a process, or None when it has ended."""
    name = _read(pid, "comm")
    return None if name is None else name.strip()


def _is_helper(pid: int) -> bool:
    """Whether a process is the resource tracker of multiprocessing, or a mongod; or has ended."""
    command = _read(pid, "cmdline")
    return not command or "resource_tracker" in command or process_name(pid) == "mongod"


def _is_alive(pid: int) -> bool:
    stat = _read(pid, "stat")
    return stat is not None and stat.rpartition(")")[2][1] not in "ZX"


def _descendants(pid: int) -> list[int]:
    children = (_read(pid, f"task/{pid}/children") or "").split()
    return [found for child in map(int, children) for found in (child, *_descendants(child))]


def _read(pid: int, file: str) -> str | None:
    """Read a file of /proc about a process; None if the process has ended."""
    try:
        return Path(f"/proc/{pid}/{file}").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
