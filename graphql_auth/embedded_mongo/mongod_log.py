"""The log of the embedded mongod: what was kept of the last run, and why it ended."""

import json
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

MOST_THAT_IS_READ = 262_144
ROOM_OF_A_FULL_DISK = 1_048_576

# What mongod says of an end for which it has named the cause before.
_AFTERMATH = re.compile(r"WT_PANIC|Fatal assertion|aborting after|Got signal")


def keep_last(log: Path) -> None:
    """Make room for a new log; that of the last run stays beside it, and the one before goes."""
    if log.is_file():
        log.replace(log.with_name(f"{log.name}.1"))


def end(log: Path) -> str:
    """Return the end of a log, which may have grown for months."""
    with log.open("rb") as file:
        if file.seek(0, os.SEEK_END) > MOST_THAT_IS_READ:
            file.seek(-MOST_THAT_IS_READ, os.SEEK_END)
            # Half a line.
            file.readline()
        else:
            file.seek(0)
        return file.read().decode(errors="replace")


def full_disk(log: Path) -> str:
    """Say so where the disk is full, for mongod may not have been able to write it down."""
    is_full = shutil.disk_usage(log.parent).free < ROOM_OF_A_FULL_DISK
    return f"; the disk of {log.parent} is full" if is_full else ""


def last_error(log: str) -> str:
    """Pick what ended mongod out of its log: lines of JSON, and plain text before it has begun.

    It logs the error first, and then what it does about it. On a full disk the last line is cut.
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
                errors.append(_parse_hash(entry))
    causes = [error for error in errors if not _AFTERMATH.search(error)]
    found = causes[-1:] or errors[-1:] or plain[:1]
    # Some messages have line breaks.
    return f" ({' '.join(found[0].split())})" if found else ""


def _parse_hash(entry: dict[str, Any]) -> str:
    """Return the message of a line and the error behind it, which WiredTiger nests deeper."""
    attributes = entry.get("attr", {})
    nested = attributes.get("message")
    if isinstance(nested, dict):
        return f"{nested.get('error_str')}: {nested.get('msg')}"
    detail = nested or attributes.get("error")
    return f"{entry['msg']}: {detail}" if detail else str(entry["msg"])
