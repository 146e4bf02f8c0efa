"""The wall clock of a server process, which a test can step. The machine's clock stays."""

import re
from pathlib import Path

from tests.process import has_ended

LIBFAKETIME = next(
    Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"),
    Path("/usr/lib/faketime/libfaketimeMT.so.1"),
)
SHARED_MEMORY = Path("/dev/shm")


class WallClock:
    """A wall clock that differs from the machine's by an offset; the monotonic clock does not.

    Only the processes that get ``settings`` follow it. mongod would too, as a child of a server,
    so it is for servers with MONGO_URI.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)
        _remove_leftovers()

    @property
    def settings(self) -> dict[str, str]:
        """What has to be in the environment of the server."""
        return {
            "LD_PRELOAD": str(LIBFAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, seconds: float) -> None:
        """Set the offset from the machine's clock; it takes effect at once."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+.3f}\n", encoding="ascii")
        new.replace(self._file)


def _remove_leftovers() -> None:
    """Remove the shared memory that libfaketime left behind for servers that have ended."""
    for path in SHARED_MEMORY.glob("*faketime_*"):
        pid = re.search(r"faketime_(?:sem|shm)_(\d+)$", path.name)
        if pid and has_ended(int(pid[1]), within=0):
            path.unlink(missing_ok=True)
