"""``graphql-auth keys``: commands for the directory SIGNING_KEYS."""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql_auth.errors import StartError
from graphql_auth.runtime import output

if TYPE_CHECKING:
    from graphql_auth.tokens.key_ring import KeyFile

DESCRIPTION = """\
List and change the keys in the directory SIGNING_KEYS, which sign access tokens.
A new key is published for an hour before it signs; the only key signs at once.
Running servers follow within a minute. A new key signs nobody out.
"""
EXAMPLES = """\
examples:
  graphql-auth keys new                  publish a new key, which signs an hour later
  graphql-auth keys list                 see which key signs
  graphql-auth keys retire KID           TOKEN_TTL after that, remove the old key
  graphql-auth keys retire KID --force   remove the key that signs, if it has leaked
"""


def add_parser(commands: "argparse._SubParsersAction[Any]") -> None:
    group = commands.add_parser(
        "keys",
        help="list and change the keys that sign access tokens",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).add_subparsers(title="commands", metavar="COMMAND", required=True)
    new = group.add_parser("new", help="make a key, and the directory if it is missing")
    new.add_argument("--algorithm", choices=["ES256", "EdDSA", "RS256"], default="ES256")
    show = group.add_parser("list", help="list the keys, the oldest first")
    show.add_argument("--json", action="store_true", help="print a JSON object on each line")
    retire = group.add_parser("retire", help="remove a key; its tokens are refused")
    retire.add_argument("kid", metavar="KID", help="id of the key, as list shows it")
    retire.add_argument("--force", action="store_true", help="even if this key signs")
    for parser, work in ((new, _create), (show, _list), (retire, _retire)):
        parser.set_defaults(run=_run, work=work)


def _run(options: argparse.Namespace) -> None:
    from graphql_auth.environment import read_settings  # noqa: PLC0415 - not for --help

    directory = read_settings().signing_keys
    if directory is None:
        raise StartError(
            "SIGNING_KEYS is not set. For the servers and this command, it is the directory of the"
            " keys, such as SIGNING_KEYS=signing-keys in .env."
        )
    try:
        options.work(directory, options)
    except OSError as error:
        raise StartError(f"SIGNING_KEYS: cannot write to {directory} ({error.strerror}).") from None


def _create(directory: Path, options: argparse.Namespace) -> None:
    from graphql_auth.tokens.key_files import create_key  # noqa: PLC0415 - an extra

    kid = create_key(directory, options.algorithm).jwk["kid"]
    output.write_line(f"The key {kid} ({options.algorithm}) is in {directory}.")


def _list(directory: Path, options: argparse.Namespace) -> None:
    files, signing = _read(directory)
    state = "verifies"
    for file in files:
        later = f"signs from {_format(file.modified_at + 3600)}"
        state = "signs" if file is signing else state if state == "verifies" else later
        values = {"kid": file.key.jwk["kid"], "algorithm": file.key.jwk["alg"]}
        values |= {"published_at": _format(file.modified_at), "state": state}
        text = "{kid}  {algorithm}  since {published_at}  {state}".format_map(values)
        output.write_line(json.dumps(values) if options.json else text)


def _retire(directory: Path, options: argparse.Namespace) -> None:
    files, signing = _read(directory)
    found = next((file for file in files if file.key.jwk["kid"] == options.kid), None)
    if found is None:
        raise StartError(f"{directory} has no key {options.kid}. See: graphql-auth keys list")
    if len(files) == 1:
        raise StartError("It is the only key. Make another one first: graphql-auth keys new")
    if found is signing and not options.force:
        raise StartError("This key signs. Wait for the next one, or use --force if it has leaked.")
    for path in found.paths:
        path.unlink(missing_ok=True)
    output.write_line(f"The key {options.kid} is removed. Servers follow within a minute.")


def _read(directory: Path) -> "tuple[list[KeyFile], KeyFile | None]":
    from graphql_auth.tokens.key_files import read_files  # noqa: PLC0415 - an extra
    from graphql_auth.tokens.key_ring import find_signing  # noqa: PLC0415 - imports PyJWT

    files, problems = read_files(directory, {})
    for problem in problems.values():
        output.write_error(f"graphql-auth: {problem}\n")
    return files, find_signing(files)


def _format(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%FT%TZ")
