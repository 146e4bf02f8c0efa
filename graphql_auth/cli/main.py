"""The command line: its commands, and the exit status of each."""

import argparse
import logging
import re
import signal
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import takewhile
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
    def error(self, message: str) -> NoReturn:
        """End with one line, as every other error; it suggests a command or an option."""
        message = re.sub("ignored explicit argument .*", "no value expected", message)
        wrong = re.search(r"(?:choice: '|arguments: )([\w-]+)", message)
        choices = re.findall(r"[\w-]+", message.partition("(choose from ")[2])
        names = choices or self._option_string_actions
        close = get_close_matches(wrong[1], names, 1) if wrong else []
        hint = f" Did you mean {close[0]}?" if close else ""
        said = escape_invisible(f"{message[:1].upper()}{message[1:]}.{hint}")
        self.exit(2, f"graphql-auth: {said} See: {self.prog} --help\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        # Each command refuses what it does not know, so that the line suggests its own options.
        is_group = self._subparsers is not None
        for given in takewhile(lambda it: it != "--" and not (is_group and it[:1] != "-"), args):
            # Argparse reads -hunter2 as -h, and reports missing arguments before unknown options.
            is_option = given[:2] == "--" or (not is_group and re.match(r"-(?!\d*$)", given))
            if is_option and (name := given.partition("=")[0]) not in self._option_string_actions:
                self._refuse(name)
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self._refuse(" ".join(unknown))
        return found, unknown

    def _refuse(self, unknown: str) -> NoReturn:
        is_option = unknown[:2] == "--" and get_close_matches(unknown, self._option_string_actions)
        # Otherwise it can be the password.
        shown = unknown if is_option or not self.get_default("reads_password") else "…"
        is_dashed = re.match("-[^-]", unknown)
        hint = ". Write -- before an argument that begins with -" if is_dashed else ""
        self.error(f"unrecognized arguments: {shown}{hint}")

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
