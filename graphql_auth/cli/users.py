"""``graphql-auth users``: works with a running server and without one."""

import argparse
from typing import Any

from graphql_auth.runtime import output

COMMANDS = {
    "disable": "log a user out everywhere and refuse new logins",
    "enable": "let a disabled user log in again",
    "delete": "log a user out everywhere and delete the account",
}


def add_parser(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "users",
        help="disable, enable or delete a user",
        description="Change a user. A running server follows within a second.",
    )
    changes = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, effect in COMMANDS.items():
        command = changes.add_parser(name, help=effect, description=f"{effect.capitalize()}.")
        command.add_argument("email", metavar="EMAIL", help="e-mail of the user")
        command.set_defaults(run=_run, change=name)


def _run(options: argparse.Namespace) -> None:
    # Imported here, because --help and schema do not need them.
    from graphql_auth.cli.change_user import change_user  # noqa: PLC0415
    from graphql_auth.settings import read_settings  # noqa: PLC0415

    output.write_line(change_user(read_settings(), options.change, options.email))
