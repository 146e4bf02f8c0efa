"""The data directory of an embedded server, which one server uses at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from graphql_auth.errors import StartError


class DirectoryInUse(StartError):
    """Another server holds the data directory."""


@contextmanager
def lock_data_directory(path: Path) -> Iterator[Path]:
    """Create ``path`` if it is missing, and lock it until the block ends.

    Raises StartError when it cannot be used or another server holds the lock.
    """
    with ExitStack() as stack:
        try:
            path = path.absolute()
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = stack.enter_context((path / "server.lock").open("ab+", buffering=0))
            if not try_lock(lock.fileno()):
                lock.seek(0)
                raise DirectoryInUse(
                    f"DATA_DIR {path} is in use by another server"
                    f" (process {lock.read().decode() or '?'});"
                    " stop that server, or set another DATA_DIR for this one."
                )
            lock.truncate(0)
            lock.write(b"%d" % os.getpid())
        except FileExistsError:
            raise StartError(f"DATA_DIR {path} is not a directory.") from None
        except OSError as error:
            # Some network file systems have no locks, and a full disk has no room.
            raise StartError(f"DATA_DIR {path} cannot be used: {error.strerror}.") from None
        yield path


def try_lock(descriptor: int) -> bool:
    """Lock an open file unless another process holds its lock; return whether it did."""
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
