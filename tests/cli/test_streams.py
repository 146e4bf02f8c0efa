"""Every command, with streams that are closed, full or broken, and with any locale."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from graphql_auth.cli.main import _create_parser
from graphql_auth.schema import create_schema, sdl
from tests.cli.streams import CONDITIONS, start_in_shell
from tests.conftest import KEY
from tests.process import SECONDS_TO_START

SCHEMA = sdl(create_schema()).encode()
EMAIL = "ada@example.com"


def find_commands(parser: argparse.ArgumentParser, *path: str) -> Iterator[tuple[str, ...]]:
    """Return the words that each command and group of commands begins with."""
    yield path
    for action in parser._actions:  # noqa: SLF001 - argparse has no public name
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for name, command in action.choices.items():
                yield from find_commands(command, *path, name)


COMMANDS = [*find_commands(_create_parser())]
# A server that is refused; tests/server/test_streams.py starts one.
SERVE = ("serve", "--port", "http")
PRINTING = [
    ("--version",),
    ("schema",),
    ("users", "enable", EMAIL),
    ("users", "list"),
    *((*path, "--help") for path in COMMANDS),
]
SILENT = {
    ("schema", "--check"): 0,
    SERVE: 1,
    ("users", "disable", "\udcff\x1b[2J@\nx"): 1,
    ("users", "delete", "nobody@example.com"): 1,
    ("users", "set-password", EMAIL): 1,
    (): 2,
    ("users",): 2,
    ("\udcff\x1b[2J",): 2,
    ("schema", "\udcff\x1b[2J"): 1,
    ("schema", "--\x1b[2J=1"): 2,
}


def run_in_shell(
    directory: Path, redirection: str, *arguments: str, **variables: str
) -> tuple[int, bytes, bytes]:
    """Run a command, and return its exit status, its output and its errors."""
    with start_in_shell(directory, redirection, *arguments, **variables) as process:
        output, errors = process.communicate(timeout=SECONDS_TO_START)
    return process.returncode, output or b"", errors


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("streams")
    (path / "schema.graphql").write_bytes(SCHEMA)
    return path


@pytest.fixture(scope="module")
def uri(shared_uri: str) -> str:
    with MongoClient[dict[str, Any]](shared_uri) as client:
        client.get_default_database()["users"].insert_one({"email": EMAIL})
    return shared_uri


def test_every_command_is_tested() -> None:
    named = {words for line in [*PRINTING, *SILENT] for words in (line[:1], line[:2])}

    assert {path for path in COMMANDS if path} <= named


@pytest.mark.usefixtures("without_coverage")
@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_command_that_prints_says_in_one_line_why_it_cannot(
    directory: Path, uri: str, condition: str, arguments: tuple[str, ...]
) -> None:
    redirection, variables, expected = CONDITIONS[condition]
    settings = variables | {"MONGO_URI": uri, "TOKEN_KEY": KEY}

    status, output, errors = run_in_shell(directory, redirection, *arguments, **settings)

    assert status == expected
    assert bool(output) == (expected == 0)
    if condition in {"no output", "full"}:
        reason = "Bad file descriptor" if condition == "no output" else "No space left on device"
        assert errors.decode() == f"graphql-auth: Cannot write to standard output: {reason}.\n"
    else:
        assert errors == b""
    if arguments == ("schema",) and expected == 0:
        assert output == SCHEMA


@pytest.mark.usefixtures("without_coverage")
@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("arguments", SILENT, ids=" ".join)
def test_command_that_fails_says_so_in_one_line(
    directory: Path, uri: str, condition: str, arguments: tuple[str, ...]
) -> None:
    redirection, variables, _ = CONDITIONS[condition]
    settings = variables | {"MONGO_URI": uri, "TOKEN_KEY": KEY}

    status, output, errors = run_in_shell(directory, redirection, *arguments, **settings)

    assert (status, output) == (SILENT[arguments], b"")
    if status == 0 or "errors" in condition or "nothing" in condition:
        assert errors == b""
    else:
        encoding = "utf-16" if condition == "UTF-16" else "utf-8"
        text = errors.decode(encoding, "replace")
        assert text.startswith("graphql-auth: ")
        assert text.count("\n") == 1
        assert "Traceback" not in text
        assert "\x1b" not in text
