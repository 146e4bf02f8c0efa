import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from graphql_auth import __version__
from graphql_auth.characters import INVISIBLE
from graphql_auth.cli.main import run
from graphql_auth.runtime import files
from graphql_auth.runtime.signals import HANDLED, Stopped
from graphql_auth.schema import create_schema, sdl
from tests.process import run_command


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The handlers of signals and logs, which ``serve`` sets for the rest of its process."""
    before = {number: signal.getsignal(number) for number in HANDLED}
    logs = logging.getLogger().handlers[:]
    yield
    logging.getLogger().handlers[:] = logs
    for number, handler in before.items():
        signal.signal(number, handler)


ROOT = Path(__file__).parents[2]
SCHEMA = sdl(create_schema())


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"graphql-auth {__version__}\n"


@pytest.mark.parametrize("command", [[], ["serve"], ["schema"], ["users"], ["sessions"]])
def test_help_teaches(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run([*command, "--help"])

    assert ended.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) >= 8


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "required: COMMAND. See: graphql-auth --help"),
        (["fly"], "invalid choice: 'fly' (choose from "),
        (["serve", "--workers", "0"], "Argument --workers: expected an integer from 1 to 256. "),
        (["serve", "--workers", "two"], "--workers: expected an integer from 1 to 256. See: "),
        (["serve", "--workers", "257"], "--workers: expected an integer from 1 to 256. See: "),
        (["serve", "--workers", "9" * 5_000], "expected an integer from 1 to 256. See: "),
        (["serve", "--workers", "2", "--reload"], "not allowed with"),
        (["serve", "main:auth", "\x1b[2J"], r"Unrecognized arguments: \x1b[2J. See: "),
        (["users", "disable"], "required: EMAIL. See: graphql-auth users disable --help"),
        (["sevre"], ". Did you mean serve? See: graphql-auth --help"),
        (["server"], ". Did you mean serve? "),
        (["shema"], ". Did you mean schema? "),
        (["user"], ". Did you mean users? "),
        (["users", "disabel", "a"], ". Did you mean disable? See: graphql-auth users --help"),
        (["--verson", "serve"], ". Did you mean --version? "),
        (["-v"], "required: COMMAND. See: graphql-auth --help"),
        (["--versoin"], "arguments: --versoin. Did you mean --version? See: graphql-auth --help"),
        (["users", "--hepl"], ". Did you mean --help? See: graphql-auth users --help"),
        (["users", "delete", "--yse"], "--yse. Did you mean --yes? See: graphql-auth users delete"),
        (["users", "create", "a@b.example", "--ap=x"], "arguments: --ap. Did you mean --app? "),
        (["users", "create", "a@b.example", "--app=x"], "required: FIRST_NAME, LAST_NAME. See: "),
        (["users", "show", "--json=1"], "Argument --json: no value expected. See: "),
        (["users", "show", "-help"], "arguments: -help. Write -- before an argument that begins "),
        (["keys", "retire", "-1a"], "arguments: -1a. Write -- before an argument that begins "),
        (["users", "set-password", "-1a"], "arguments: …. Write -- before an argument "),
        (["serve", "--workers", "-1"], "--workers: expected an integer from 1 to 256. See: "),
        (["serve", "--port"], "Argument --port: expected one argument. See: "),
        (["users", "show", "a@b.example", "--jsno"], ". Did you mean --json? "),
        (["session", "list"], ". Did you mean sessions? "),
        (["serve", "--prot", "1"], ": --prot. Did you mean --port? See: graphql-auth serve --help"),
        (["serve", "--deev"], ". Did you mean --dev? "),
        (["schema", "--chek"], ". Did you mean --check? See: graphql-auth schema --help"),
    ],
)
def test_wrong_usage_is_explained(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(arguments)

    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.startswith("graphql-auth: ")
    assert (printed.out, printed.err.count("\n")) == ("", 1)


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == 0
    assert capsys.readouterr().out == sdl(create_schema())


def test_schema_of_the_repository_is_current(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)

    assert run(["schema", "--check"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_stale_schema_is_a_diff_and_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("schema.graphql").write_text("type Query {\n  welcome: Int\n}\n", encoding="utf-8")

    assert run(["schema", "--check"]) == 1

    printed = capsys.readouterr()
    assert "-  welcome: Int" in printed.out
    assert "+  welcome: String!" in printed.out
    assert printed.err.startswith("graphql-auth: schema.graphql is out of date; run:")


def test_a_schema_that_is_not_there_cannot_be_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run(["schema", "--check"]) == 1

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == ("graphql-auth: Cannot read schema.graphql: No such file or directory.\n")


def test_a_module_is_a_command_too(tmp_path: Path) -> None:
    ended = run_command(tmp_path, "--version")

    assert (ended.returncode, ended.stdout) == (0, f"graphql-auth {__version__}\n")


@pytest.mark.parametrize("option", [["--port", "http"], ["--host", ""]])
def test_wrong_option_is_refused_like_its_setting(
    option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", *option]) == 1

    name = option[0].removeprefix("--").upper()
    assert capsys.readouterr().err.startswith(f"graphql-auth: Invalid {name}: expected ")


def test_interrupted_command_exits_with_130(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted() -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("graphql_auth.library.create_schema", interrupted)
    # A shell starts a command in the background with this signal ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    assert run(["schema"]) == 130


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_exit_status_depends_on_the_signal(
    monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    def stopped() -> NoReturn:
        raise Stopped(number)

    monkeypatch.setattr("graphql_auth.library.create_schema", stopped)

    assert run(["schema"]) == status


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (SCHEMA, None),
        (SCHEMA.replace("\n", "\r\n"), None),
        (SCHEMA.encode("utf-16"), "not UTF-8"),
        (SCHEMA.encode("latin-1", "replace") + b"\xff", "not UTF-8"),
        (SCHEMA.encode("utf-16-le"), "out of date"),
        ("\ufeff" + SCHEMA, "out of date"),
        (SCHEMA[:-1], "out of date"),
        (SCHEMA.replace("type User", "type \x1b[2JUser"), "out of date"),
        (SCHEMA.encode("ascii", "replace"), "out of date"),
    ],
)
def test_schema_is_compared_byte_for_byte(
    content: str | bytes,
    fault: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("schema.graphql").write_bytes(content.encode() if isinstance(content, str) else content)

    assert run(["schema", "--check"]) == (1 if fault else 0)

    printed = capsys.readouterr()
    advice = "run: graphql-auth schema > schema.graphql"
    assert printed.err == (f"graphql-auth: schema.graphql is {fault}; {advice}\n" if fault else "")
    assert ("--- schema.graphql" in printed.out) == (fault == "out of date")
    assert not INVISIBLE.search(printed.out.replace("\n", ""))


def test_schema_that_is_a_directory_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("schema.graphql").mkdir()

    assert run(["schema", "--check"]) == 1
    assert capsys.readouterr().err == (
        "graphql-auth: Cannot read schema.graphql: Is a directory.\n"
    )


def test_schema_that_is_a_fifo_does_not_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files, "FIFO_TIMEOUT", 0)
    os.mkfifo("schema.graphql")

    assert run(["schema", "--check"]) == 1
    assert capsys.readouterr().err == (
        "graphql-auth: Cannot read schema.graphql: no data for 0 seconds.\n"
    )


def test_schema_that_has_no_end_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("schema.graphql").symlink_to("/dev/zero")

    assert run(["schema", "--check"]) == 1
    assert capsys.readouterr().err == (
        "graphql-auth: Cannot read schema.graphql: more than 10000000 bytes.\n"
    )


def test_removed_working_directory_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    removed = tmp_path / "removed"
    removed.mkdir()
    monkeypatch.chdir(removed)
    removed.rmdir()

    assert run(["serve", "--port", "0"]) == 1
    assert run(["users", "disable", "ada@example.com"]) == 1
    reason = "No such file or directory"
    assert capsys.readouterr().err.splitlines() == [
        f"graphql-auth: DATA_DIR graphql-auth-data cannot be used: {reason}.",
        f"graphql-auth: [Errno 2] {reason}",
    ]
