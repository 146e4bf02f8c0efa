"""Children that end with their parent: by prctl, and without it, as on macOS."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from graphql_auth.runtime import linux
from tests.process import has_ended

# The C library of macOS has no prctl.
WITHOUT = "import ctypes; ctypes.CDLL = lambda _: object()\n"
SYSTEMS = pytest.mark.parametrize("system", ["", WITHOUT], ids=["prctl", "no prctl"])
WORKER = """
import multiprocessing, os, time
from graphql_auth.runtime.linux import die_with_parent

def work(parent, seconds):
    die_with_parent(parent)
    print(os.getpid(), flush=True)
    time.sleep(seconds)

if __name__ == "__main__":
    worker = multiprocessing.get_context("spawn").Process(target=work, args=[os.getpid(), SECONDS])
    worker.start()
    worker.join()
    raise SystemExit(worker.exitcode)
"""
TIED = """
import subprocess, time
from graphql_auth.runtime.linux import tie_children
with tie_children() as tie:
    child = subprocess.Popen(["sleep", "600"], **tie)
    print(child.pid, flush=True)
    DO
"""


@contextmanager
def started(*command: str | Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a command, and yield it and the process id that it prints; both end with the block."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            yield process, child
        finally:
            process.kill()
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


@SYSTEMS
def test_worker_ends_when_its_supervisor_is_killed(system: str, tmp_path: Path) -> None:
    file = tmp_path / "supervisor.py"
    file.write_text(system + WORKER.replace("SECONDS", "600"), encoding="utf-8")

    with started(sys.executable, file) as (supervisor, worker):
        supervisor.kill()

        assert has_ended(worker)


@SYSTEMS
def test_worker_whose_supervisor_lives_goes_on(system: str, tmp_path: Path) -> None:
    file = tmp_path / "supervisor.py"
    file.write_text(system + WORKER.replace("SECONDS", "0.1"), encoding="utf-8")

    subprocess.run([sys.executable, file], check=True, capture_output=True)


def test_child_of_a_dead_parent_ends_at_once() -> None:
    # Its own id is never that of its parent; 1 would be, where the tests run as process 1.
    program = (
        "import os; from graphql_auth.runtime.linux import die_with_parent as die; die(os.getpid())"
    )

    ended = subprocess.run([sys.executable, "-c", program], check=False)

    assert ended.returncode == -signal.SIGKILL


def test_process_that_no_supervisor_started_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linux, "_prctl", lambda *_: False)
    before = threading.active_count()

    linux.die_with_parent(os.getppid())

    assert threading.active_count() == before


@SYSTEMS
@pytest.mark.parametrize("child_is_stopped", [False, True])
def test_tied_child_ends_when_its_parent_is_killed(system: str, *, child_is_stopped: bool) -> None:
    program = system + TIED.replace("DO", "time.sleep(600)")

    with started(sys.executable, "-c", program) as (parent, child):
        if child_is_stopped:
            os.kill(child, signal.SIGSTOP)
        parent.kill()

        assert has_ended(child)


@SYSTEMS
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGTSTP])
def test_signal_from_the_terminal_does_not_reach_a_tied_child(
    system: str, number: signal.Signals
) -> None:
    # A terminal signals the process group in its foreground.
    send = f"import os, signal; signal.signal({number}, signal.SIG_IGN); os.killpg(0, {number});"
    program = system + TIED.replace("DO", f"{send} time.sleep(0.2); print(child.poll()); quit()")

    with started(sys.executable, "-c", f"import os; os.setsid()\n{program}") as (parent, _):
        assert parent.stdout is not None
        assert parent.stdout.readline() == "None\n"
        assert parent.wait() == 0


SHELLS = ["/bin/sh", "dash", "bash --posix", "zsh", "busybox sh"]


@pytest.mark.parametrize("shell", [one for one in SHELLS if shutil.which(one.split()[0])])
def test_warden_works_in_every_shell(shell: str) -> None:
    command = [*shell.split(), *linux.WARDEN[1:]]
    with subprocess.Popen(command, stdin=subprocess.PIPE, process_group=0) as warden:
        child = subprocess.Popen(["sleep", "600"], process_group=warden.pid)
        # It goes on after a pause.
        os.kill(warden.pid, signal.SIGSTOP)
        os.kill(warden.pid, signal.SIGCONT)
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.2)

    assert warden.returncode == child.wait() == -signal.SIGKILL


def test_system_without_priorities_of_threads_keeps_that_of_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    linux.lower_thread_priority()

    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
