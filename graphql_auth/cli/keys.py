"""``graphql-auth keys``: they work with running servers, which read the directory every minute."""

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql_auth.cli.terminal import confirm
from graphql_auth.environment import read_settings
from graphql_auth.errors import StartError
from graphql_auth.runtime import output

if TYPE_CHECKING:
    from graphql_auth.tokens.signing_keys import SigningKeys

DESCRIPTION = """\
List and change the keys in the directory SIGNING_KEYS, which sign access tokens.
Of the keys that are at least an hour old, the newest signs; the only key signs at once.
Running servers follow within a minute. A change of keys signs nobody out.
"""
EXAMPLES = """\
a rotation:
  graphql-auth keys new          publish a new key, which signs an hour later
  graphql-auth keys list         see which key signs
  graphql-auth keys retire KID   after TOKEN_TTL, remove the old key; with --yes, do not ask

A key that others may have: run new and retire at once. Clients refresh their access tokens.
"""
ALGORITHMS = ["ES256", "EdDSA", "RS256"]


def add_parser(commands: "argparse._SubParsersAction[Any]") -> None:
    group = commands.add_parser(
        "keys",
        help="list and change the keys that sign access tokens",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).add_subparsers(title="commands", metavar="COMMAND", required=True)
    new = group.add_parser("new", help="make a key, and the directory if it is missing")
    new.add_argument("--algorithm", choices=ALGORITHMS, default="ES256", help="default: ES256")
    new.set_defaults(work=_create)
    show = group.add_parser("list", help="list the keys, the oldest first")
    show.add_argument("--json", action="store_true", help="print a JSON object on each line")
    show.set_defaults(work=_list)
    retire = group.add_parser("retire", help="remove a key; its tokens are refused")
    retire.add_argument("kid", metavar="KID", help="id of the key, as list shows it")
    retire.add_argument("--yes", action="store_true", help="do not ask before")
    retire.set_defaults(work=_retire)
    for command in (new, show, retire):
        command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    # Imported here, because --help does not need it.
    from graphql_auth.keys import check_extra, signing_directory  # noqa: PLC0415

    directory = signing_directory(read_settings())
    check_extra()
    options.work(directory, options)


def _create(directory: Path, options: argparse.Namespace) -> None:
    from graphql_auth.tokens.signing_keys import create_key  # noqa: PLC0415 - of an extra

    try:
        key = create_key(directory, options.algorithm)
    except OSError as error:
        raise StartError(f"SIGNING_KEYS: cannot write to {directory}: {error.strerror}.") from None
    output.write_line(f"The key {key.kid} ({key.algorithm}) is in {directory}.")


def _list(directory: Path, options: argparse.Namespace) -> None:
    for values in _describe(_load(directory)):
        text = "{kid}  {algorithm}  since {published_at}  {state}".format_map(values)
        output.write_line(json.dumps(values) if options.json else text)


def _retire(directory: Path, options: argparse.Namespace) -> None:
    keys = _load(directory)
    found = next((one for one in keys.found if one.key.kid == options.kid), None)
    if found is None:
        raise StartError(f"{directory} has no key {options.kid}. See: graphql-auth keys list")
    if not options.yes:
        state = "signs now" if found.key is keys.current.signing else "does not sign"
        confirm(f"Remove the key {options.kid}, which {state}? Its tokens are refused.")
    found.path.unlink(missing_ok=True)
    output.write_line(f"The key {options.kid} is removed. Servers follow within a minute.")


def _load(directory: Path) -> "SigningKeys":
    from graphql_auth.tokens.signing_keys import SigningKeys  # noqa: PLC0415 - of an extra

    return SigningKeys(directory)


def _describe(keys: "SigningKeys") -> Iterator[dict[str, str]]:
    state = "verifies"
    for found in keys.found:
        if found.key is keys.current.signing:
            state = "signs"
        elif state != "verifies":
            state = f"signs from {_format(found.signs_from)}"
        yield {
            "kid": str(found.key.kid),
            "algorithm": found.key.algorithm,
            "published_at": _format(found.published_at),
            "state": state,
        }


def _format(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%FT%TZ")
