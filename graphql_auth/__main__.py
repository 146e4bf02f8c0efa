"""The command line."""

import argparse
import difflib
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn, cast

from graphql_auth import __version__
from graphql_auth.errors import StartError
from graphql_auth.runtime.process import end_process
from graphql_auth.runtime.signals import Stopped, StopSignals

EPILOG = """\
examples:
  graphql-auth serve                      start on http://127.0.0.1:4001/graphql
  PORT=8080 TOKEN_TTL=15m graphql-auth serve
  graphql-auth users disable EMAIL        sign a user out, and let them in no more
  graphql-auth schema > schema.graphql    write the schema for code generators

Settings come from the environment or a file .env; .env.example describes each.
With MONGO_URI unset, a MongoDB of its own is started and keeps its data in DATA_DIR.
"""


def main() -> NoReturn:
    """Run the command of this process, and end the process with its exit status."""
    # A path that the terminal cannot show is shown with escapes.
    cast("TextIOWrapper", sys.stdout).reconfigure(errors="backslashreplace")
    end_process(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command and return the exit status.

    0: done; 1: it cannot be done; 2: wrong usage; 130: interrupted before it was done.
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except StartError as error:
        print(f"graphql-auth: {error}", file=sys.stderr)  # noqa: T201 - for the operator
        return 1
    except Stopped as stopped:
        return 130 if stopped.number == signal.SIGINT else 0
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="graphql-auth",
        description="The authentication API that a GraphQL frontend starts with.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"graphql-auth {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    serve = commands.add_parser(
        "serve",
        help="start the server, and MongoDB if none is set",
        description="Start the server and say where it listens, until Ctrl-C ends it.",
    )
    serve.add_argument("--host", help="the address to listen on (HOST, 127.0.0.1)")
    serve.add_argument("--port", help="the port to listen on (PORT, 4001; 0: any free one)")
    how = serve.add_mutually_exclusive_group()
    how.add_argument(
        "--workers",
        type=_at_least_one,
        default=1,
        metavar="N",
        help="how many processes serve requests (1); they share the database",
    )
    how.add_argument(
        "--reload", action="store_true", help="restart when the code changes, for development"
    )
    serve.set_defaults(run=_serve)

    users = commands.add_parser(
        "users",
        help="disable, enable or delete a user",
        description="Change a user, also while the server runs; it counts there within a second.",
    )
    changes = users.add_subparsers(title="changes", metavar="CHANGE", required=True)
    for change, effect in (
        ("disable", "sign a user out everywhere, and let them in no more"),
        ("enable", "let a disabled user sign in again"),
        ("delete", "sign a user out everywhere, and remove the account for good"),
    ):
        parser_of_change = changes.add_parser(change, help=effect, description=f"{effect}.")
        parser_of_change.add_argument("email", metavar="EMAIL", help="the address of the user")
        parser_of_change.set_defaults(run=_users, change=change)

    schema = commands.add_parser(
        "schema",
        help="print the GraphQL schema",
        description="Print the schema definition, for code generators and linters.",
    )
    schema.add_argument(
        "--check",
        action="store_true",
        help="print nothing, but fail with a diff when ./schema.graphql is another schema",
    )
    schema.set_defaults(run=_schema)
    return parser


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("it takes a whole number from 1 on")
    return int(text)


def _serve(options: argparse.Namespace) -> int:
    # To the end of the process, so that no signal is lost.
    signals = StopSignals()
    signals.install()
    # Imported here, so that --help and schema need not wait for it.
    from graphql_auth.server.serve import serve  # noqa: PLC0415
    from graphql_auth.settings import read_settings  # noqa: PLC0415

    given = {"host": options.host, "port": options.port}
    settings = read_settings(**{name: value for name, value in given.items() if value is not None})
    serve(settings, signals, workers=options.workers, reload=options.reload)
    return 0


def _users(options: argparse.Namespace) -> int:
    from graphql_auth.cli.users import change_user  # noqa: PLC0415 - as in _serve
    from graphql_auth.settings import read_settings  # noqa: PLC0415

    print(change_user(read_settings(), options.change, options.email))  # noqa: T201
    return 0


def _schema(options: argparse.Namespace) -> int:
    from graphql_auth.schema import create_schema, sdl  # noqa: PLC0415 - as in _serve

    current = sdl(create_schema())
    if not options.check:
        sys.stdout.write(current)
        return 0
    file = Path("schema.graphql")
    if not file.exists():
        raise StartError("there is no schema.graphql in this directory to check")
    kept = file.read_text(encoding="utf-8")
    if kept == current:
        return 0
    sys.stdout.writelines(
        difflib.unified_diff(
            kept.splitlines(keepends=True),
            current.splitlines(keepends=True),
            "schema.graphql",
            "the code",
        )
    )
    raise StartError(
        "schema.graphql is stale; write it anew with: graphql-auth schema > schema.graphql"
    )


if __name__ == "__main__":
    main()
