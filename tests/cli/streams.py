"""Standard streams that are closed, full or broken, and locales, in which commands run."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.process import environment

BROKEN_PIPE = "| true"
SIGPIPE = 128 + signal.SIGPIPE

# A redirection of the shell, variables, and the exit status of a command that prints.
CONDITIONS: dict[str, tuple[str, dict[str, str], int]] = {
    "plain": ("", {}, 0),
    "no input": ("<&-", {}, 0),
    "no output": (">&-", {}, 1),
    "no errors": ("2>&-", {}, 0),
    "nothing": ("<&- >&- 2>&-", {}, 1),
    "full": (">/dev/full", {}, 1),
    "errors full": ("2>/dev/full", {}, 0),
    "broken pipe": (BROKEN_PIPE, {}, SIGPIPE),
    "unbuffered broken pipe": (BROKEN_PIPE, {"PYTHONUNBUFFERED": "1"}, SIGPIPE),
    "ASCII": ("", {"PYTHONIOENCODING": "ascii:strict"}, 0),
    "UTF-16": ("", {"PYTHONIOENCODING": "utf-16"}, 0),
    "C locale": ("", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, 0),
    "narrow": ("", {"COLUMNS": "1"}, 0),
}


def start_in_shell(
    directory: Path, redirection: str, *arguments: str, **variables: str
) -> subprocess.Popen[bytes]:
    reader, writer = os.pipe()
    os.close(reader)
    is_broken = redirection == BROKEN_PIPE
    shell = ["sh", "-c", f'exec "$@" {"" if is_broken else redirection}', "sh"]
    process = subprocess.Popen(
        [*shell, sys.executable, "-m", "graphql_auth", *arguments],
        cwd=directory,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        stdout=writer if is_broken else subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    os.close(writer)
    return process
