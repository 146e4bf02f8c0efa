"""The command line: its commands, and the exit status of each."""

import argparse
import logging
import re
import signal
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from graphql_auth import __version__
from graphql_auth.cli import keys, schema, serve, users
from graphql_auth.errors import StartError
from graphql_auth.logs import JsonFormatter, escape_invisible
from graphql_auth.runtime import output
from graphql_auth.runtime.signals import Stopped, end_process

EPILOG = """\
examples:
  graphql-auth serve                      start on http://localhost:4001/graphql
  PORT=8080 TOKEN_TTL=15m graphql-auth serve
  graphql-auth users list                 list all users; users --help has more
  graphql-auth users disable EMAIL        log a user out and refuse new logins
  graphql-auth keys new                   add a key that signs access tokens
  graphql-auth schema > schema.graphql    write the schema for code generators

Settings come from the environment or a file .env; .env.example describes each.
Without MONGO_URI, the server starts an embedded MongoDB with its data in DATA_DIR.
"""


def main() -> NoReturn:
    """Run the command of this process, and end the process with its exit status."""
    output.open_closed_streams()
    status = run(sys.argv[1:])
    # Lines of the log that cannot be written must not change the status.
    output.write_error("")
    end_process(status)


def run(arguments: Sequence[str]) -> int:
    """Run a command and return the exit status.

    0: success; 1: failure, with the reason in one line; 2: wrong usage; 130: interrupted; 141: the
    reader of the output has ended.
    """
    try:
        options = _create_parser().parse_args(arguments)
        options.run(options)
    except (StartError, OSError) as error:
        if any(isinstance(one.formatter, JsonFormatter) for one in logging.root.handlers):
            logging.getLogger(__name__).critical("%s", error)
        else:
            output.write_error(f"graphql-auth: {escape_invisible(str(error))}\n")
        return 1
    except Stopped as stopped:
        return 0 if stopped.number == signal.SIGTERM else 128 + stopped.number
    except KeyboardInterrupt:
        return 130
    return 0


class _Parser(argparse.ArgumentParser):
    # What it has to parse.
    _given: Sequence[str] = ()

    def error(self, message: str) -> NoReturn:
        """End with one line, as every other error; it suggests a command or an option."""
        if "required:" in message and (unknown := self._find_unknown_options(self._given)):
            message = f"unrecognized arguments: {' '.join(unknown)}"
        # Of the password -hunter2, the flag -h would get the rest as a value.
        message = re.sub("ignored explicit argument .*", "no value expected", message)
        message = re.sub("(mbiguous option).*", r"\1", message)
        wrong = re.search(r"(?:choice: '|arguments: )([\w-]+)", message)
        choices = re.findall(r"[\w-]+", message.partition("(choose from ")[2])
        names = choices or [*self._option_string_actions]
        close = get_close_matches(wrong[1], names, 1) if wrong else []
        hint = f" Did you mean {close[0]}?" if close else ""
        is_dashed = any(re.match("-[^-]", given) for given in self._given)
        if is_dashed and "required:" in message and "COMMAND" not in message:
            hint = " Write -- before an argument that begins with -."
        said = escape_invisible(f"{message[:1].upper()}{message[1:]}.{hint}")
        self.exit(2, f"graphql-auth: {said} See: {self.prog} --help\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401
        # Each command refuses what it does not know, so that the line suggests its own options.
        self._given = args
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            is_secret = self.get_default("reads_password")
            shown = self._find_unknown_options(unknown) or ["…"] if is_secret else unknown
            self.error(f"unrecognized arguments: {' '.join(shown)}")
        return found, unknown

    def _find_unknown_options(self, arguments: Sequence[str]) -> Sequence[str]:
        names = [argument.partition("=")[0] for argument in arguments if argument[:2] == "--"]
        options = [*self._option_string_actions]
        unknown = [name for name in names if name not in " ".join(options)]
        if self.get_default("reads_password"):
            # One can be the password.
            return [name if get_close_matches(name, options, 1) else "…" for name in unknown]
        return unknown

    def _print_message(self, message: str, file: object = None) -> None:
        # According to its version, argparse ignores an output that fails, or raises.
        if file is sys.stdout:
            output.write(message)
        else:
            output.write_error(message)


def _create_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="graphql-auth",
        description="A GraphQL server for user accounts.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"graphql-auth {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    serve.add_parser(commands)
    users.add_parsers(commands)
    keys.add_parser(commands)
    schema.add_parser(commands)
    return parser
