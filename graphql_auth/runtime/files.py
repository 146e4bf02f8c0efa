"""Files that can be a FIFO or a device, and files that nobody else may read."""

import errno
import os
import select
from io import FileIO
from pathlib import Path
from socket import socket

# A FIFO, such as a password manager writes, has no data before its writer is ready.
FIFO_TIMEOUT = 5
MAX_BYTES = 10_000_000


def read_file(path: Path) -> bytes:
    """Read a file, without waiting forever for the writer of a FIFO or the end of /dev/zero."""

    def open_at_once(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NONBLOCK)

    data = b""
    with open(path, "rb", buffering=0, opener=open_at_once) as file:
        while is_readable(file, FIFO_TIMEOUT):
            chunk = file.read(65_536)
            if not chunk:
                return data
            data += chunk
            if len(data) > MAX_BYTES:
                raise OSError(errno.EFBIG, f"more than {MAX_BYTES} bytes")
    raise TimeoutError(errno.ETIMEDOUT, f"no data for {FIFO_TIMEOUT} seconds")


def is_readable(file: FileIO | socket, seconds: float = 0) -> bool:
    """Whether a file or a socket has data, or a connection to accept, within some seconds."""
    # Not select(), which fails beside 1024 connections.
    poll = select.poll()
    poll.register(file, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def write_private_file(path: Path, data: bytes) -> None:
    """Write a file with mode 0600. A crash leaves no incomplete file of this name."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        unfinished.unlink()
        raise
    unfinished.rename(path)
