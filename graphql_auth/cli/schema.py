"""``graphql-auth schema``."""

import argparse
import difflib
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Any, cast

from graphql_auth.cli.arguments import add_application
from graphql_auth.errors import StartError
from graphql_auth.runtime import output
from graphql_auth.runtime.files import read_file

UPDATE = "run: graphql-auth schema > schema.graphql"


def add_parser(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "schema",
        help="print the GraphQL schema",
        description="Print the schema definition (SDL), for code generators and linters.",
    )
    add_application(parser, "application", nargs="?")
    parser.add_argument(
        "--check",
        action="store_true",
        help="print nothing, but fail with a diff if ./schema.graphql is out of date",
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from graphql_auth.library import load_parts  # noqa: PLC0415 - not for --help and serve
    from graphql_auth.schema import sdl  # noqa: PLC0415

    # Code generators read UTF-8, not what the locale says.
    cast("TextIOWrapper", sys.stdout).reconfigure(encoding="utf-8")
    current = sdl(load_parts(options.application).schema)
    if options.check:
        _check(current)
    else:
        output.write(current)


def _check(current: str) -> None:
    file = Path("schema.graphql")
    try:
        kept = read_file(file).decode().replace("\r\n", "\n")
    except OSError as error:
        raise StartError(f"Cannot read schema.graphql: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise StartError(f"schema.graphql is not UTF-8; {UPDATE}") from None
    if kept == current:
        return
    lines, expected = kept.split("\n"), current.split("\n")
    for line in difflib.unified_diff(lines, expected, file.name, "the code", lineterm=""):
        output.write_line(line)
    raise StartError(f"schema.graphql is out of date; {UPDATE}")
