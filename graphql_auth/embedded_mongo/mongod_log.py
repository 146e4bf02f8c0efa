"""The log of the embedded mongod: kept for one more run, and read for the reason of an exit."""

import json
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

MAX_BYTES_READ = 262_144
FULL_DISK_BYTES = 1_048_576

# Messages that follow an error, and do not name its cause.
_AFTERMATH = re.compile(r"WT_PANIC|Fatal assertion|aborting after|Got signal")


def rotate(log: Path) -> None:
    """Rename the log of the previous run, and drop the one before."""
    if log.is_file():
        log.replace(log.with_name(f"{log.name}.1"))


def read_end(log: Path) -> str:
    """Return whole lines from the end of a log, which may have grown for months."""
    with log.open("rb") as file:
        if file.seek(0, os.SEEK_END) > MAX_BYTES_READ:
            file.seek(-MAX_BYTES_READ, os.SEEK_END)
            file.readline()
        else:
            file.seek(0)
        return file.read().decode(errors="replace")


def full_disk(log: Path) -> str:
    """Return a note when the disk is full, because mongod may not have been able to log it."""
    is_full = shutil.disk_usage(log.parent).free < FULL_DISK_BYTES
    return f"; the disk of {log.parent} is full" if is_full else ""


def last_error(log: str) -> str:
    """Return the error that ended mongod, in parentheses, or an empty string.

    The lines are JSON, or plain text for a wrong option. An error comes before its aftermath. On a
    full disk the last line is incomplete.
    """
    plain: list[str] = []
    errors: list[str] = []
    for line in filter(None, log.splitlines()):
        if not line.startswith("{"):
            plain.append(line)
            continue
        with suppress(ValueError):
            entry = json.loads(line)
            if entry.get("s") in {"E", "F"}:
                errors.append(_describe(entry))
    causes = [error for error in errors if not _AFTERMATH.search(error)]
    found = causes[-1:] or errors[-1:] or plain[:1]
    # Some messages have line breaks.
    return f" ({' '.join(found[0].split())})" if found else ""


def _describe(entry: dict[str, Any]) -> str:
    """Return the message of a line and its error, which WiredTiger nests deeper."""
    attributes = entry.get("attr", {})
    nested = attributes.get("message")
    if isinstance(nested, dict):
        return f"{nested.get('error_str')}: {nested.get('msg')}"
    detail = nested or attributes.get("error")
    return f"{entry['msg']}: {detail}" if detail else str(entry["msg"])
