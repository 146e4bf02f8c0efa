"""The command line: its commands, and the exit status of each."""

import argparse
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import NoReturn, cast

from graphql_auth import __version__
from graphql_auth.cli import schema, serve, users
from graphql_auth.errors import StartError
from graphql_auth.runtime.process import end_process
from graphql_auth.runtime.signals import Stopped

EPILOG = """\
examples:
  graphql-auth serve                      start on http://127.0.0.1:4001/graphql
  PORT=8080 TOKEN_TTL=15m graphql-auth serve
  graphql-auth users disable EMAIL        log a user out and refuse new logins
  graphql-auth schema > schema.graphql    write the schema for code generators

Settings come from the environment or a file .env; .env.example describes each.
Without MONGO_URI, the server starts an embedded MongoDB with its data in DATA_DIR.
"""


def main() -> NoReturn:
    """Run the command of this process, and end the process with its exit status."""
    # A path that the terminal cannot show is printed with escapes.
    cast("TextIOWrapper", sys.stdout).reconfigure(errors="backslashreplace")
    end_process(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command and return the exit status.

    0: success; 1: failure, with the reason in one line; 2: wrong usage; 130: interrupted.
    """
    options = _create_parser().parse_args(arguments)
    try:
        options.run(options)
    except StartError as error:
        print(f"graphql-auth: {error}", file=sys.stderr)  # noqa: T201 - for the operator
        return 1
    except Stopped as stopped:
        return 130 if stopped.number == signal.SIGINT else 0
    except KeyboardInterrupt:
        return 130
    return 0


def _create_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="graphql-auth",
        description="A GraphQL server for registration, login and sessions.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"graphql-auth {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (serve, users, schema):
        command.add_parser(commands)
    return parser
