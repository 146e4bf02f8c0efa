"""``graphql-auth users`` and ``sessions``: they work with a running server and without one."""

import argparse
from typing import Any

from graphql_auth.cli.arguments import add_application

EXAMPLES = """\
examples:
  graphql-auth users create ada@example.com Ada Lovelace
  graphql-auth users set-password ada@example.com < password.txt
  graphql-auth users list --json | jq -r 'select(.disabled) | .email'
  graphql-auth users grant ada@example.com admin --app main:auth
  graphql-auth sessions list ada@example.com
  graphql-auth sessions end ada@example.com

In place of the e-mail of a user, each command but create takes the id of "users list".
With --app, the settings, the users and the hooks are those of your own application.
"""
GROUPS = {
    "users": "list and change users and their roles; find those who cannot log in",
    "sessions": "list and end the sessions of a user",
}
COMMANDS = {
    "users list --json": "list all users, the earliest first",
    "users show EMAIL --json": "show a user, and how many sessions are live",
    "users create EMAIL FIRST_NAME LAST_NAME": "create a user; the e-mail counts as confirmed",
    "users set-password EMAIL": "set the password of a user, and log the user out everywhere",
    "users reset-password EMAIL": "mail a link to set a new password; without SMTP_URL, print it",
    "users disable EMAIL": "log a user out everywhere and refuse new logins",
    "users enable EMAIL": "let a disabled user log in again",
    "users delete EMAIL --yes": "log a user out everywhere and delete the account",
    "users grant EMAIL ROLE": "give a user a role, from the next login or refresh on",
    "users revoke EMAIL ROLE": "take a role from a user, and log the user out everywhere",
    "users confirm": "count an e-mail as confirmed, or all of them",
    "users check": "list users who cannot log in, except disabled ones, and why",
    "users normalize --dry-run": "change e-mails that no login finds, such as in upper case",
    "sessions list EMAIL --json": "list the live sessions of a user, the latest sign-in first",
    "sessions end EMAIL ID": "end one session of a user, or all of them",
}
ARGUMENTS = {
    "EMAIL": "e-mail of the user",
    "FIRST_NAME": "given name",
    "LAST_NAME": "family name",
    "ROLE": "role, such as admin",
    "ID": "id of the session (default: all sessions)",
    "--json": "print a JSON object on each line",
    "--yes": "do not ask before; without a terminal, nobody is asked",
    "--dry-run": "only print the changes",
}
PASSWORD = "The password is read from the terminal or, without one, from standard input."  # noqa: S105 - no password
MORE = {
    "create": PASSWORD,
    "set-password": PASSWORD,
    "check": "The status is 1 if there are any.",
    "normalize": "Each gets its canonical form, unless another user has it. Other programs that"
    " search for the old form will not find it.",
}


def add_parsers(commands: "argparse._SubParsersAction[Any]") -> None:
    groups = {}
    for name, effect in GROUPS.items():
        group = commands.add_parser(
            name,
            help=effect,
            description=f"{effect.capitalize()}.\nA running server follows within a second.",
            epilog=EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        groups[name] = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for usage, effect in COMMANDS.items():
        of_group, name, *arguments = usage.split()
        described = f"{effect[0].upper()}{effect[1:]}. {MORE.get(name, '')}"
        command = groups[of_group].add_parser(name, help=effect, description=described)
        for argument in arguments:
            _add_argument(command, argument)
        if name == "confirm":
            whose = command.add_mutually_exclusive_group(required=True)
            whose.add_argument("email", metavar="EMAIL", nargs="?", help=ARGUMENTS["EMAIL"])
            whose.add_argument("--all", action="store_true", help="all users, such as adopted ones")
        add_application(command, "--app")
        reads_password = MORE.get(name) is PASSWORD
        command.set_defaults(run=_run, command=f"{of_group} {name}", reads_password=reads_password)


def _add_argument(command: argparse.ArgumentParser, name: str) -> None:
    if name.startswith("--"):
        command.add_argument(name, action="store_true", help=ARGUMENTS[name])
    else:
        nargs = "?" if name == "ID" else None
        command.add_argument(name.lower(), metavar=name, nargs=nargs, help=ARGUMENTS[name])


def _run(options: argparse.Namespace) -> None:
    from graphql_auth.cli.user_commands import run_command  # noqa: PLC0415 - not for --help

    run_command(options)
