"""What a worker sends to its supervisor: whether it is ready, and its metrics."""

import pickle
import zlib
from multiprocessing.connection import Connection
from typing import Any


def send_heartbeat(pipe: Connection, *, is_ready: bool, metrics: list[Any]) -> None:
    """Send a heartbeat, compressed: a short message is written at once, so no reader waits."""
    pipe.send_bytes(zlib.compress(pickle.dumps((is_ready, metrics)), 1))


def receive_heartbeat(pipe: Connection) -> tuple[bool, list[Any]]:
    is_ready, metrics = pickle.loads(zlib.decompress(pipe.recv_bytes()))  # noqa: S301 - of a child
    return is_ready, metrics
