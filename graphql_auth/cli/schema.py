"""``graphql-auth schema``."""

import argparse
import difflib
import sys
from pathlib import Path
from typing import Any

from graphql_auth.errors import StartError


def add_parser(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "schema",
        help="print the GraphQL schema",
        description="Print the schema definition (SDL), for code generators and linters.",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="print nothing, but fail with a diff if ./schema.graphql is out of date",
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    # Imported here, because --help and serve need not wait for it.
    from graphql_auth.schema import create_schema, sdl  # noqa: PLC0415

    current = sdl(create_schema())
    if options.check:
        _check(current)
    else:
        sys.stdout.write(current)


def _check(current: str) -> None:
    file = Path("schema.graphql")
    if not file.exists():
        raise StartError("There is no schema.graphql in this directory.")
    kept = file.read_text(encoding="utf-8").splitlines(keepends=True)
    diff = [*difflib.unified_diff(kept, current.splitlines(keepends=True), file.name, "the code")]
    sys.stdout.writelines(diff)
    if diff:
        raise StartError("schema.graphql is out of date; run: graphql-auth schema > schema.graphql")
