import os
import resource
import signal
import socket
import time
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event

import pytest

from graphql_auth.errors import StartError
from graphql_auth.runtime.signals import StopSignals
from graphql_auth.server import supervisor
from graphql_auth.server.heartbeats import receive_heartbeat, send_heartbeat
from graphql_auth.server.supervisor import Supervisor, Worker, _Backoff, _file_times
from graphql_auth.server.worker_process import _send_heartbeats


def test_the_pause_doubles_up_to_its_limit_and_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    backoff = _Backoff()

    pauses = []
    for _ in range(8):
        pauses.append(backoff.next_pause())
        assert backoff.allows_start == (pauses[-1] == 0)
        now[0] += pauses[-1]
        assert backoff.allows_start
    now[0] += 61

    assert pauses == [0, 1, 2, 4, 8, 16, 30, 30]
    assert backoff.next_pause() == 0


def test_changed_new_or_deleted_file_is_detected_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "old.py").touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "loop.py").symlink_to("loop.py")
    supervising = Supervisor(deaf, 1, StopSignals(), print, tmp_path)

    def changed() -> list[str]:
        caplog.clear()
        supervising._restart_after_changes()  # noqa: SLF001
        return caplog.messages

    assert changed() == []
    os.utime(tmp_path / "old.py", (1, 1))
    os.utime(tmp_path / "notes.txt", (1, 1))
    assert changed() == [f"detected changes in {tmp_path / 'old.py'}; restarting"]
    (tmp_path / "new.py").touch()
    assert changed() == [f"detected changes in {tmp_path / 'new.py'}; restarting"]
    (tmp_path / "new.py").unlink()
    assert changed() == [f"detected changes in {tmp_path / 'new.py'}; restarting"]
    assert changed() == []


def deaf(heartbeats: Connection, *_: object) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    send_heartbeat(heartbeats, is_ready=True, metrics=[])
    time.sleep(60)


def mute(_heartbeats: Connection, *_: object) -> None:
    time.sleep(60)


def patient(heartbeats: Connection, *_: object) -> None:
    signals = StopSignals()
    signals.install()
    while not signals.has_come:
        send_heartbeat(heartbeats, is_ready=True, metrics=[])
        time.sleep(0.1)


def quick(heartbeats: Connection, *_: object) -> None:
    send_heartbeat(heartbeats, is_ready=True, metrics=[])


def until_ended(worker: Worker) -> None:
    deadline = time.monotonic() + 30
    while not worker.has_ended:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_worker_says_how_it_ended() -> None:
    worker = Worker(quick, 0, is_alone=True)
    until_ended(worker)
    worker.check_heartbeats(1)
    worker.terminate(signal.SIGTERM)

    assert worker.describe_end() == "ended with exit status 0"
    worker.close()


def test_a_worker_that_has_ended_is_not_killed_for_its_silence() -> None:
    worker = Worker(quick, 0, is_alone=True)
    until_ended(worker)
    worker.close()

    worker.check_heartbeats(supervisor.IMPORT_TIMEOUT + 1)

    assert not worker.is_killed


def test_a_worker_that_never_speaks_is_killed() -> None:
    worker = Worker(mute, 0, is_alone=True)
    worker.check_heartbeats(supervisor.IMPORT_TIMEOUT + 1)
    until_ended(worker)

    assert worker.describe_end() == "did not respond and was killed by SIGKILL"
    worker.close()


def test_a_worker_that_has_not_begun_ends_at_once() -> None:
    worker = Worker(mute, 0, is_alone=True)
    worker.terminate(signal.SIGTERM)
    until_ended(worker)

    worker.close()


def test_workers_that_do_not_end_are_killed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    signals = StopSignals()
    supervising = Supervisor(deaf, 1, signals, print)
    supervising._start_missing()  # noqa: SLF001
    supervising._restart()  # noqa: SLF001
    supervising._start_missing()  # noqa: SLF001
    old, new = supervising._workers  # noqa: SLF001
    deadline = time.monotonic() + 60
    while not (old.is_ready and new.is_ready):
        assert time.monotonic() < deadline
        supervising._check_heartbeats(0)  # noqa: SLF001
    supervising._stop_outdated()  # noqa: SLF001
    supervising._reap()  # noqa: SLF001
    assert not old.has_ended
    monkeypatch.setattr(supervisor, "STOP_TIMEOUT", 0.1)
    old.kill_at = 0.0

    supervising._reap()  # noqa: SLF001
    until_ended(old)
    supervising._reap()  # noqa: SLF001
    assert supervising._workers == [new]  # noqa: SLF001
    signals.note(signal.SIGTERM, None)
    before = signal.getsignal(signal.SIGHUP)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        supervising.run(listener)
    signal.signal(signal.SIGHUP, before)

    assert caplog.text.count("did not end and is killed by SIGKILL") == 2


def test_heartbeats_end_when_nobody_reads_them() -> None:
    ours, theirs = Pipe(duplex=False)
    ours.close()

    _send_heartbeats(theirs, Event(), Event(), lambda: True, None)


def test_worker_whose_event_loop_is_blocked_sends_no_heartbeats() -> None:
    ours, theirs = Pipe(duplex=False)
    has_ended, answers = Event(), [False, True, False]

    def is_responsive() -> bool:
        if len(answers) == 2:
            has_ended.set()
        return answers.pop(0)

    _send_heartbeats(theirs, Event(), has_ended, is_responsive, None)
    theirs.close()

    assert answers == []
    assert receive_heartbeat(ours) == (False, [])
    with pytest.raises(EOFError):
        receive_heartbeat(ours)


def test_worker_that_the_system_refuses_is_tried_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A machine that stops here for a second would try once more.
    monkeypatch.setattr(time, "monotonic", lambda: 1_000.0)
    supervising = Supervisor(deaf, 1, StopSignals(), print)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        with pytest.raises(StartError, match=r"^no worker can be started: Too many open files\.$"):
            supervising._start_missing()  # noqa: SLF001
        supervising._has_served = True  # noqa: SLF001
        for _ in range(3):
            supervising._start_missing()  # noqa: SLF001
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    reason = "no worker can be started: Too many open files; trying again in"
    assert caplog.messages == [f"{reason} 0 s", f"{reason} 1 s"]


def test_changed_file_replaces_every_worker(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "module.py").touch()
    signals = StopSignals()
    supervising = Supervisor(patient, 1, signals, print, tmp_path)
    os.utime(tmp_path / "module.py", (1, 1))
    started: list[Worker] = []

    wait = supervising._wait  # noqa: SLF001

    def wait_and_stop_when_replaced() -> None:
        wait()
        started[:] = {*started, *supervising._workers}  # noqa: SLF001
        if len(started) == 2 and all(worker.is_ready for worker in supervising._workers):  # noqa: SLF001
            signals.note(signal.SIGTERM, None)

    monkeypatch.setattr(supervising, "_wait", wait_and_stop_when_replaced)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        supervising.run(listener)

    assert f"detected changes in {tmp_path / 'module.py'}" in caplog.text
    assert len(started) == 2


def test_files_of_virtual_environments_are_not_watched(tmp_path: Path) -> None:
    watched = [tmp_path / "main.py", tmp_path / "shop" / "orders.py"]
    folders = (".venv/lib", "venv/lib/site-packages/beanie", "node_modules/gyp")
    for file in (*watched, *(tmp_path / folder / "other.py" for folder in folders)):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()

    assert sorted(_file_times(tmp_path)) == watched
