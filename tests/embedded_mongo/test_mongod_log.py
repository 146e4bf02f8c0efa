"""What mongod 6.0.5 logged when it ended, cut to the parts that count."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphql_auth.embedded_mongo import mongod_log
from graphql_auth.embedded_mongo.data_directory import lock_data_directory
from graphql_auth.embedded_mongo.mongod import run_mongod
from graphql_auth.errors import StartError

NOW = {"$date": "2026-11-27T04:05:06.789+00:00"}


def line(severity: str, message: str, /, **attributes: Any) -> str:
    entry = {"t": NOW, "s": severity, "c": "-", "id": 1, "msg": message, "attr": attributes}
    return json.dumps(entry)


def wired_tiger(code: int, error: str, message: str) -> str:
    inner: dict[str, Any] = {"msg": message, "error_str": error, "error_code": code}
    return line("E", "WiredTiger error message", error=code, message=inner)


ACCEPTED = line("I", "Connection accepted", connectionId=4)
FULL_DISK = [
    ACCEPTED,
    wired_tiger(28, "No space left on device", "__wt_evict_thread_run:324:cache eviction error"),
    wired_tiger(-31804, "WT_PANIC: WiredTiger library panic", "the process must exit and restart"),
    line("F", "Fatal assertion", msgid=50853, line=712),
    line("F", "\n\n***aborting after fassert() failure\n\n"),
    line("F", "Writing fatal message", message="Got signal: 6 (Aborted).\n"),
    line("I", "BACKTRACE"),
]
EARLIER = line("E", "Too many open files").replace("T04:05", "T03:05")
NO_SPACE = " (No space left on device: __wt_evict_thread_run:324:cache eviction error)"
NO_START = [
    line("E", "DBException in initAndListen, terminating", error="NonExistentPath: no /data"),
    line("I", "Now exiting"),
]
NO_METADATA = [
    wired_tiger(2, "No such file or directory", "WiredTiger.wt: handle-open: open"),
    wired_tiger(-31809, "WT_TRY_SALVAGE: database corruption detected", "WiredTiger.wt"),
    line("W", "WiredTiger metadata corruption detected"),
    line("F", "Please read the documentation for starting MongoDB with --repair here: http://…"),
    line("F", "Fatal assertion", msgid=50944, line=702),
]
USAGE = ["Error parsing command line: unrecognised option '--x'", "try 'mongod --help'"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (FULL_DISK, NO_SPACE),
        # The disk is full for the log too.
        ([*FULL_DISK[:4], FULL_DISK[4][:60]], NO_SPACE),
        ([ACCEPTED, ACCEPTED[:50]], ""),
        ([EARLIER, *FULL_DISK], NO_SPACE),
        (NO_START, " (DBException in initAndListen, terminating: NonExistentPath: no /data)"),
        (FULL_DISK[4:5], " (***aborting after fassert() failure)"),
        (NO_METADATA, " (No such file or directory: WiredTiger.wt: handle-open: open)"),
        (USAGE, f" ({USAGE[0]})"),
        ([], ""),
    ],
)
def test_the_error_that_ended_mongod_is_found(lines: list[str], said: str) -> None:
    assert mongod_log.find_error("\n".join(lines)) == said


@given(st.text(), st.dictionaries(st.text(), st.integers() | st.text()), st.integers(0, 400))
def test_any_log_gives_at_most_one_line(text: str, attributes: dict[str, Any], cut: int) -> None:
    line = json.dumps({"t": NOW, "s": "E", "msg": text, "attr": attributes})

    said = mongod_log.find_error(f"{text}\n{line[:cut]}\n{line}")

    assert len(said.splitlines()) <= 1


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    log = tmp_path / "mongod.log"
    log.write_text(f"{ACCEPTED}\n" * 9_999 + "the end\n", encoding="utf-8")

    end = mongod_log.read_end(log)

    assert len(end) < mongod_log.MAX_BYTES_READ
    assert end.startswith(ACCEPTED)
    assert end.endswith("the end\n")


def test_the_log_of_the_last_run_is_kept(tmp_path: Path) -> None:
    for _ in range(3):
        with lock_data_directory(tmp_path) as data, run_mongod(data) as mongo:
            mongo.wait_until_ready()
            log = (tmp_path / "mongod.log").read_text(encoding="utf-8")

    kept = (tmp_path / "mongod.log.1").read_text(encoding="utf-8")
    assert f'"pid":{mongo.process.pid}' in log
    assert f'"pid":{mongo.process.pid}' not in kept
    assert "MongoDB starting" in kept
    assert (tmp_path / "mongod.log.1").stat().st_mode & 0o077 == 0
    assert len(list(tmp_path.glob("mongod.log*"))) == 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 50 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=50m", "tmpfs", str(disk)]
    try:
        subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user may not mount a file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_named(small_disk: Path) -> None:
    with lock_data_directory(small_disk / "data") as data:
        with (small_disk / "all").open("wb") as file, pytest.raises(OSError, match="No space"):
            file.write(b"x" * 60_000_000)

        with pytest.raises(StartError) as refused, run_mongod(data) as mongo:
            mongo.wait_until_ready()

    assert f"the disk of {data} is full" in str(refused.value)
    with (
        pytest.raises(StartError, match="No space left"),
        lock_data_directory(small_disk / "other"),
    ):
        pass


def test_a_disk_with_room_is_not_named(tmp_path: Path) -> None:
    assert mongod_log.full_disk(tmp_path / "mongod.log") == ""
