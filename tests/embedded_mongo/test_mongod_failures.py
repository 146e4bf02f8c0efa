"""A mongod that cannot be used is named with its error."""

import errno
import os
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from graphql_auth.embedded_mongo import mongod as embedded
from graphql_auth.errors import StartError
from graphql_auth.runtime import linux
from tests.embedded_mongo.programs import executable, running
from tests.process import has_ended, process_name

# What the loader of glibc prints.
LOADING = "error while loading shared libraries"
NO_FILE = "cannot open shared object file: No such file or directory"
# Each line of mongod has it.
TIME = '"t":{"$date":"2026-11-27T04:05:06.789+00:00"},'


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("exit 3", r"mongod ended with exit status 3; its log: .*mongod\.log"),
        ("echo no such option; exit 2", r"exit status 2 \(no such option\)"),
        (
            f"""echo '{{{TIME}"s":"I","msg":"hello"}}'; exit 14""",
            r"exit status 14; its log",
        ),
        (
            f"""echo '{{{TIME}"s":"F","msg":"No files","attr":{{"error":"v9"}}}}'; exit 62""",
            r"exit status 62 \(No files: v9\)",
        ),
        (f"""echo '{{{TIME}"s":"E","msg":"Bad disk"}}'; exit 1""", r"\(Bad disk\)"),
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
            f"""echo '{{{TIME}"s":"F","msg":"Bad libcurl.so.4"}}'; exit 1""",
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


def test_system_without_a_further_process_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)

    with (
        pytest.raises(StartError, match=r"^mongod cannot be used: Resource temporarily unavail"),
        running(tmp_path / "data"),
    ):
        pass


def test_directory_without_a_place_for_its_socket_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "/tmp/graphql-auth-1")

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)

    with (
        pytest.raises(StartError, match=r"^DATA_DIR needs a shorter path .* \(Read-only file sys"),
        running(tmp_path / "with:colon"),
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
        assert process_name(mongo.process.pid) == "mongod"
        os.kill(mongo.process.pid, signal.SIGKILL)
        assert mongo.wait_for_exit()
        assert mongo.exit_reason().startswith("mongod ended with exit status -9; its log: ")
    assert has_ended(mongo.process.pid)
