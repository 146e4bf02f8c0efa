"""The log of the embedded mongod: kept for one more run, and read for the reason of an exit."""

import json
import os
import re
import shutil
import signal
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

MAX_BYTES_READ = 262_144
FULL_DISK_BYTES = 1_048_576

# The exit status of the loader, before mongod itself runs.
CANNOT_LOAD = 127
_LIBRARY = re.compile("error while loading shared libraries: ([^:]+)")
# On Debian and Ubuntu.
_PACKAGES = {
    "libcurl.so.4": "libcurl4",
    "libcrypto.so.3": "libssl3",
    "libssl.so.3": "libssl3",
    "liblzma.so.5": "liblzma5",
    "libgcc_s.so.1": "libgcc-s1",
}
# That of a mongod that does not open the files.
WRONG_VERSION = 62
# From the cause to the last error.
SECONDS_OF_AN_END = timedelta(seconds=10)
_VERSION = re.compile(r'{ _id: \\"featureCompatibilityVersion\\", version: \\"([\d.]+)')


def rotate(log: Path) -> None:
    """Rename the log of the previous run, and drop the one before."""
    if log.is_file():
        log.replace(log.with_name(f"{log.name}.1"))


def read_end(log: Path) -> str:
    """Return whole lines from the end of a log, which may have grown for months."""
    with log.open("rb") as file:
        excess = file.seek(0, os.SEEK_END) - MAX_BYTES_READ
        file.seek(max(0, excess))
        if excess > 0:
            file.readline()
        return file.read().decode(errors="replace")


def known_reason(log: str, status: int) -> str | None:
    """Return one line about an exit that has one cure."""
    if status == CANNOT_LOAD and (library := _LIBRARY.search(log)):
        package = _PACKAGES.get(library[1])
        how = f", on Debian 12, Ubuntu 22.04 and newer with: apt-get install {package}"
        return (
            f"mongod cannot start without {library[1]}; install it{how if package else ''}."
            " If the system does not have it, put another mongod on the PATH, or set MONGO_URI."
        )
    if status == WRONG_VERSION and (data := _VERSION.search(log)):
        return (
            f"DATA_DIR has data of MongoDB {data[1]}, which this mongod does not open; put a mongod"
            f" {data[1]} on the PATH, or set another DATA_DIR."
        )
    if status == -signal.SIGILL:
        return (
            "This CPU cannot run mongod, which needs AVX on x86-64 and ARMv8.2-A on ARM64;"
            " set MONGO_URI to a MongoDB on another machine."
        )
    return None


def full_disk(log: Path) -> str:
    """Return a note when the disk is full, because mongod may not have been able to log it."""
    is_full = shutil.disk_usage(log.parent).free < FULL_DISK_BYTES
    return f"; the disk of {log.parent} is full" if is_full else ""


def find_error(log: str) -> str:
    """Return the error that ended mongod, in parentheses, or an empty string.

    The lines are JSON, or plain text for a wrong option. Of the errors at the end, the first is the
    cause of the others. On a full disk the last line is incomplete.
    """
    plain: list[str] = []
    errors: list[str] = []
    latest = datetime.min.replace(tzinfo=UTC)
    for line in filter(None, log.splitlines()):
        if not line.startswith("{"):
            plain.append(line)
            continue
        with suppress(ValueError, KeyError):
            entry = json.loads(line)
            if entry.get("s") in {"E", "F"}:
                time = datetime.fromisoformat(entry["t"]["$date"])
                errors = errors if time - latest < SECONDS_OF_AN_END else []
                errors, latest = [*errors, _describe(entry)], time
    found = errors or plain
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
