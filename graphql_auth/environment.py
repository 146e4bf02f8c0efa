"""Reads the settings from the environment and the file .env."""

import io
import logging
import os
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from dotenv.parser import parse_stream

from graphql_auth.errors import StartError
from graphql_auth.logs import LogFormat, escape_invisible
from graphql_auth.runtime.files import read_file
from graphql_auth.settings import Settings

ENV_FILE = Path(".env")
# APP_PORT, DATA_DIRS, POST and PORT1 are no typos: a short name has other names beside it.
LONGEST_SHORT_NAME = 8

# What other servers call them. In the environment they can be those of another program.
ALIASES = {
    "mongodb_uri": "mongo_uri",
    "mongodb_url": "mongo_uri",
    "smtp_uri": "smtp_url",
    "trusted_proxy": "trusted_proxies",
}

_SERVICE_URL = re.compile(r"(tcp|udp|sctp)://")
# https://wiki.osdev.org/Target_Triplet, such as x86_64-conda-linux-gnu.
_TRIPLET = re.compile(r"\w+-(\w+-)?linux-(gnu|musl)\w*|\w+-apple-darwin[\d.]*|\w+-w64-mingw32")
_DECORATION = re.compile(r"^(\$env:|\W)+|\W+$")

logger = logging.getLogger(__name__)


def read_settings(kind: type[Settings] = Settings, /, **overrides: object) -> Settings:
    """Read the settings; an argument that is not None overrides the environment, and that .env.

    Logs a warning for each value and name that has no effect. Raises StartError.
    """
    environment = read_environment()
    foreign = find_foreign_values(environment)
    own = {name: value for name, value in environment.items() if name not in foreign}
    overrides = {name: value for name, value in overrides.items() if value is not None}
    file = read_env_file()
    given = file | own | overrides
    if "port" in given:
        given.pop("api_port", None)
        foreign.pop("api_port", None)
    for name in sorted(foreign.keys() - overrides.keys()):
        logger.warning("%s counts as unset: its value is %s", name.upper(), foreign[name])
    fields = kind.model_fields
    unknown = [name for name in given if name not in fields]
    misspelled = {name: one for name in unknown for one in fields if _is_typo(name, one)}
    misspelled |= {name: one for name, one in ALIASES.items() if name in file and one not in given}
    for name, intended in sorted(misspelled.items()):
        shown = escape_invisible(name.upper())
        logger.warning("%s is not a setting; did you mean %s?", shown, intended.upper())
    return kind(**{name: value for name, value in given.items() if name in fields})


def read_log_format() -> LogFormat:
    """Return LOG_FORMAT, in which the errors of other settings are logged too."""
    with suppress(StartError, ValueError, OSError):
        name = read_environment().get("log_format")
        if not name and ENV_FILE.is_file():  # A FIFO can be read only once.
            name = read_env_file().get("log_format")
        return LogFormat((name or "").lower())
    return LogFormat.LINE


def read_environment() -> dict[str, str]:
    """Return the environment, by names in lower case; an empty value counts as unset."""
    return {name.lower(): value for name, value in os.environ.items() if value}


def find_foreign_values(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings whose value another program set for itself, and what it is."""
    found = {
        name: "the URL of a service, as Kubernetes sets it"
        for name in ("port", "api_port")
        if _SERVICE_URL.match(environment.get(name, ""))
    }
    host, machine = environment.get("host", ""), socket.gethostname()
    if _TRIPLET.fullmatch(host):
        found["host"] = "a platform, as conda sets it for compilers"
    elif "machtype" in environment and host in {machine, machine.partition(".")[0]}:
        found["host"] = "the name of this machine, as csh and openSUSE set it"
    return found


def _is_typo(name: str, setting: str) -> bool:
    """Whether one character is too many, too few or wrong, or two are swapped."""
    pairs = enumerate(zip(name, setting, strict=False))
    start = next((i for i, (one, other) in pairs if one != other), min(len(name), len(setting)))
    wrong, right = name[start:], setting[start:]
    return wrong in {right[1:], right[1::-1] + right[2:]} or (
        len(setting) > LONGEST_SHORT_NAME and wrong[1:] in {right, right[1:]}
    )


def read_env_file() -> dict[str, str]:
    """Return what .env sets, by names in lower case; an empty value counts as unset.

    Raises StartError unless all of it can be read. A line is named by its number, since its text
    can be a secret.
    """
    try:
        text = read_file(ENV_FILE).decode(errors="replace")
    except OSError as error:
        is_missing = isinstance(error, FileNotFoundError) and not ENV_FILE.is_symlink()
        # A virtual environment can have this name too.
        if is_missing or os.path.exists(ENV_FILE / "pyvenv.cfg"):  # noqa: PTH110 - it never raises
            return {}
        raise StartError(f"Cannot read .env: {error.strerror}.") from None
    # NUL: UTF-16 without a byte order mark can be valid UTF-8.
    if damaged := re.search("[\0\N{REPLACEMENT CHARACTER}]", text):
        line = text.count("\n", 0, damaged.start()) + 1
        raise StartError(f"Cannot read .env: line {line} is not UTF-8.")
    return _parse(text)


def _parse(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    settings = Settings.model_fields
    # The parser itself, because dotenv_values() skips the lines that it cannot read.
    for binding in parse_stream(io.StringIO(text, newline=None)):
        name, value = (binding.key or "").lower(), binding.value
        has_no_value = value is None and re.split(r"\W", name)[0] in settings
        # "PORT"=1, $env:PORT=1 or an invisible character: it would have no effect.
        is_decorated = name not in settings and _DECORATION.sub("", name) in settings
        if binding.error or has_no_value or is_decorated:
            original = binding.original
            blank = original.string[: -len(original.string.lstrip())]
            line = original.line + blank.count("\n")
            raise StartError(
                f"Cannot read .env: line {line} is not NAME=value, or its quote is not closed."
            )
        values[name] = value or ""
    return {name: value for name, value in values.items() if value}
