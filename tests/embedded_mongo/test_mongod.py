import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from graphql_auth.embedded_mongo import mongod as embedded
from graphql_auth.embedded_mongo.data_directory import lock_data_directory
from graphql_auth.embedded_mongo.mongod import find_or_run_mongod, run_mongod
from graphql_auth.errors import StartError
from tests.embedded_mongo.programs import running
from tests.process import has_ended, skip_unless_it_can_be_named

# The flags of a Unix socket that listens, in /proc/net/unix.
LISTENING = "00010000"


def socket_inodes(pid: int) -> set[str]:
    """The inodes of the sockets of a process, which may close some meanwhile."""
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            kind, _, inode = str(descriptor.readlink()).partition(":")
            if kind == "socket":
                found.add(inode.strip("[]"))
    return found


def rows(table: str) -> list[list[str]]:
    """One of the kernel's tables of sockets; it has none of a protocol that is switched off."""
    file = Path(f"/proc/net/{table}")
    text = file.read_bytes().decode(errors="replace") if file.exists() else ""
    return [row.split() for row in text.splitlines()[1:]]


def test_data_survives_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as mongo, MongoClient[dict[str, Any]](mongo.uri) as client:
        client.get_default_database()["kept"].insert_one({"_id": 1})
    with running(tmp_path) as mongo, MongoClient[dict[str, Any]](mongo.uri) as client:
        assert client.get_default_database()["kept"].find_one() == {"_id": 1}


def mark_as(version: str, database: Database[dict[str, Any]]) -> None:
    """Mark the files as those of a mongod of this version, which MongoDB itself does not offer."""
    database["mark"].insert_one({"_id": "featureCompatibilityVersion", "version": version})
    target = {"to": "admin.system.version", "dropTarget": True}
    rename = {"renameCollection": "admin.mark"} | target
    database.command("applyOps", [{"op": "c", "ns": "admin.$cmd", "o": rename}])


@pytest.mark.parametrize("version", ["4.4", "7.0", "8.2"])
def test_data_that_mongod_does_not_open_is_named(version: str, tmp_path: Path) -> None:
    with running(tmp_path) as mongo, MongoClient[dict[str, Any]](mongo.uri) as client:
        mark_as(version, client["admin"])

    with pytest.raises(StartError) as refused, running(tmp_path):
        pass

    assert str(refused.value) == (
        f"DATA_DIR has data of MongoDB {version}, which this mongod does not open;"
        f" put a mongod {version} on the PATH, or set another DATA_DIR."
    )


def test_data_of_the_version_before_is_opened(tmp_path: Path) -> None:
    with running(tmp_path) as mongo, MongoClient[dict[str, Any]](mongo.uri) as client:
        client.get_default_database()["kept"].insert_one({"_id": 1})
        client.admin.command("setFeatureCompatibilityVersion", "5.0")
    with running(tmp_path) as mongo, MongoClient[dict[str, Any]](mongo.uri) as client:
        assert client.get_default_database()["kept"].find_one() == {"_id": 1}


def test_mongod_listens_only_on_a_private_socket(tmp_path: Path) -> None:
    with running(tmp_path) as mongo:
        own = socket_inodes(mongo.process.pid)
        ports = [row for table in ("tcp", "tcp6") for row in rows(table) if row[9] in own]
        paths = [" ".join(row[7:]) for row in rows("unix") if row[6] in own and row[3] == LISTENING]
        (path,) = paths

        assert ports == []
        assert mongo.uri == f"mongodb://{quote(path, safe='')}/{embedded.DATABASE}"
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600


def test_it_ends_with_the_block(tmp_path: Path) -> None:
    with running(tmp_path) as mongo:
        pid = mongo.process.pid
    assert has_ended(pid)
    assert not mongo.has_failed
    assert not mongo.wait_for_exit()


def test_killed_mongod_has_failed(tmp_path: Path) -> None:
    with running(tmp_path) as mongo:
        os.kill(mongo.process.pid, signal.SIGKILL)
        assert mongo.wait_for_exit()
        assert mongo.has_failed


@pytest.mark.parametrize("name", ["mongodb", "mongod.log", "mongodb/mongod.lock"])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, name: str) -> None:
    if name == "mongodb":
        (tmp_path / name).touch()
    else:
        (tmp_path / name).mkdir(parents=True)

    with pytest.raises(StartError, match=rf"{name} cannot be used: "), running(tmp_path):
        pass


def test_it_is_killed_when_it_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "STOP_TIMEOUT", 0.0)
    with running(tmp_path) as mongo:
        os.kill(mongo.process.pid, signal.SIGSTOP)
    assert has_ended(mongo.process.pid)


def test_stopped_mongod_shuts_down_cleanly(tmp_path: Path) -> None:
    with running(tmp_path) as mongo:
        os.kill(mongo.process.pid, signal.SIGSTOP)
    assert "exit status 0" in mongo.exit_reason()


def test_a_file_system_without_locks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)

    with (
        pytest.raises(StartError, match=r"DATA_DIR .* cannot be used: No locks available\."),
        lock_data_directory(tmp_path),
    ):
        pass


def test_second_server_on_a_directory_names_the_first(tmp_path: Path) -> None:
    with (
        lock_data_directory(tmp_path),
        pytest.raises(StartError, match=rf"in use by another server \(process {os.getpid()}\)"),
        ExitStack() as stack,
    ):
        stack.enter_context(lock_data_directory(tmp_path))
    with lock_data_directory(tmp_path):
        pass


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with (
        pytest.raises(StartError, match=r"DATA_DIR .*/file/data cannot be used: Not a directory\."),
        lock_data_directory(tmp_path / "file" / "data"),
    ):
        pass
    with (
        pytest.raises(StartError, match=r"DATA_DIR .*/file is not a directory\."),
        lock_data_directory(tmp_path / "file"),
    ):
        pass


@pytest.mark.parametrize("name", ["long" * 30, "co:lon", "com,ma", "ü", "d\udcff"])
def test_socket_of_a_long_or_odd_path_is_elsewhere(tmp_path: Path, name: str) -> None:
    data = tmp_path / name
    skip_unless_it_can_be_named(data)
    with running(data) as mongo, MongoClient[dict[str, Any]](mongo.uri) as client:
        assert client.admin.command("ping")["ok"] == 1
    assert not (data / "mongod.sock").exists()


def test_another_mongod_on_the_same_files_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path) as mongo:
        monkeypatch.setattr(embedded, "PREDECESSOR_TIMEOUT", 0.05)
        with (
            pytest.raises(StartError, match=rf"another mongod \(process {mongo.process.pid}\)"),
            run_mongod(tmp_path),
        ):
            pass


def test_it_does_not_outlive_a_server_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from graphql_auth.embedded_mongo.mongod import lock_data_directory, run_mongod\n"
        "with lock_data_directory(Path(sys.argv[1])) as data, run_mongod(data) as mongo:\n"
        "    mongo.wait_until_ready(); print(mongo.process.pid, flush=True); time.sleep(60)\n"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    pid = int(server.stdout.readline())

    server.kill()
    server.wait()
    server.stdout.close()

    assert has_ended(pid)
    with running(tmp_path) as mongo:
        assert mongo.process.pid != pid


def test_a_running_mongod_is_reached_where_it_is(tmp_path: Path) -> None:
    with running(tmp_path / "data") as mongo, find_or_run_mongod(tmp_path / "data") as uri:
        assert uri == mongo.uri


def test_command_waits_until_another_command_has_ended(tmp_path: Path) -> None:
    (tmp_path / "mongodb").mkdir()
    with ExitStack() as other:
        other.enter_context(lock_data_directory(tmp_path))
        (tmp_path / "mongod.address").write_text("mongodb://%2Fmissing.sock/graphql_auth")
        threading.Timer(0.3, other.close).start()

        with (
            find_or_run_mongod(tmp_path) as uri,
            MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=5_000) as client,
        ):
            assert client.admin.command("ping")["ok"]


def test_data_of_another_user_gets_no_files_of_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mongodb").mkdir()
    owner = os.getuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)

    with (
        pytest.raises(StartError, match=rf"^DATA_DIR .* belongs to uid {owner}; run it as "),
        find_or_run_mongod(tmp_path),
    ):
        raise AssertionError
    assert not (tmp_path / "mongod.log").exists()


def test_a_server_whose_mongod_cannot_be_found_is_named(tmp_path: Path) -> None:
    (tmp_path / "mongodb").mkdir()

    with (
        lock_data_directory(tmp_path),
        pytest.raises(StartError, match="in use by another server"),
        find_or_run_mongod(tmp_path),
    ):
        raise AssertionError
