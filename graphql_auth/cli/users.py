"""``graphql-auth users``: works with a running server and without one."""

import argparse
from typing import Any

from graphql_auth.runtime import output

COMMANDS = {
    "disable": "log a user out everywhere and refuse new logins",
    "enable": "let a disabled user log in again",
    "delete": "log a user out everywhere and delete the account",
    "grant": "give a user a role, from the next login or refresh on",
    "revoke": "take a role from a user, and log the user out everywhere",
}


def add_parser(commands: "argparse._SubParsersAction[Any]") -> None:
    parser = commands.add_parser(
        "users",
        help="change users and their roles; find those who cannot log in",
        description="Change users. A running server follows within a second.",
    )
    changes = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, effect in COMMANDS.items():
        command = changes.add_parser(name, help=effect, description=f"{effect.capitalize()}.")
        command.add_argument("email", metavar="EMAIL", help="e-mail of the user")
        if name in ("grant", "revoke"):
            command.add_argument("role", metavar="ROLE", nargs=1, help="role, such as admin")
        command.set_defaults(run=_run, change=name, role=[])
    _add_links(changes)
    check = changes.add_parser(
        "check",
        help="list users who cannot log in, except disabled ones, and why",
        description="List them, with the reasons. The status is 1 if there are any.",
    )
    check.set_defaults(run=_run, change="check")
    normalize = changes.add_parser(
        "normalize",
        help="change e-mails that no login finds, such as those with upper case",
        description=(
            "Change e-mails that no login finds to their canonical form, unless another user has"
            " it. Other programs that search for the old form will not find it."
        ),
    )
    normalize.add_argument("--dry-run", action="store_true", help="only print the changes")
    normalize.set_defaults(run=_run, change="normalize")


def _add_links(changes: "argparse._SubParsersAction[Any]") -> None:
    confirm = changes.add_parser(
        "confirm",
        help="count an e-mail as confirmed, or all of them",
        description="Count the e-mail of a user as confirmed, for example of adopted users.",
    )
    whose = confirm.add_mutually_exclusive_group(required=True)
    whose.add_argument("email", metavar="EMAIL", nargs="?", help="e-mail of the user")
    whose.add_argument("--all", action="store_true", help="all users")
    confirm.set_defaults(run=_run, change="confirm", role=[])
    reset = changes.add_parser(
        "reset-password",
        help="mail a link to set a new password; without SMTP_URL, print it",
        description="Mail a link to set a new password. Without SMTP_URL, print it.",
    )
    reset.add_argument("email", metavar="EMAIL", help="e-mail of the user")
    reset.set_defaults(run=_run, change="reset-password")


def _run(options: argparse.Namespace) -> None:
    # Imported here, because --help and schema do not need them.
    from graphql_auth.cli.change_user import (  # noqa: PLC0415
        change_user,
        confirm_all,
        reset_password,
    )
    from graphql_auth.cli.check_users import check_users, normalize_users  # noqa: PLC0415
    from graphql_auth.environment import read_settings  # noqa: PLC0415

    settings = read_settings()
    if options.change == "check":
        message = check_users(settings)
    elif options.change == "normalize":
        message = normalize_users(settings, dry_run=options.dry_run)
    elif options.change == "reset-password":
        message = reset_password(settings, options.email)
    elif options.change == "confirm" and options.all:
        message = confirm_all(settings)
    else:
        message = change_user(settings, options.change, options.email, *options.role)
    output.write_line(message)
