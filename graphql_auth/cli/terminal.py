"""What a command asks for before its event loop runs, in which a prompt would ignore Ctrl-C."""

import os
from getpass import getpass

from graphql_auth.errors import StartError
from graphql_auth.logs import escape_invisible
from graphql_auth.runtime import output

STANDARD_INPUT = 0
# Four times the longest password in UTF-8.
MAX_BYTES = 16_384


def read_new_password() -> str:
    """Read a password twice from the terminal, or from standard input. Raises StartError."""
    if not os.isatty(STANDARD_INPUT):
        return _read_line()
    try:
        password, again = getpass("New password: "), getpass("The same again: ")
    except EOFError:
        raise StartError("No password was typed.") from None
    except UnicodeDecodeError:
        raise StartError("The terminal does not send UTF-8.") from None
    if password != again:
        raise StartError("The two passwords differ.")
    return password


def confirm(question: str) -> None:
    """Ask a person before what cannot be undone, but no script. Raises StartError without a yes."""
    if not os.isatty(STANDARD_INPUT):
        return
    output.write_error(f"{escape_invisible(question)} This cannot be undone. [y/N] ")
    if os.read(STANDARD_INPUT, MAX_BYTES).strip().lower() not in {b"y", b"yes"}:
        raise StartError("Nothing is changed.")


def _read_line() -> str:
    # Not by sys.stdin, whose encoding is that of the locale.
    with open(STANDARD_INPUT, "rb", closefd=False) as file:
        data = file.read(MAX_BYTES + 1)
    try:
        line = data.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        line = "\n"
    if len(data) > MAX_BYTES or "\n" in line:
        raise StartError("Standard input is not a password: one line of UTF-8.")
    return line
