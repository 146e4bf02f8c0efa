"""Requests at a fixed rate, whether or not the server keeps up.

wrk sends the next request when an answer has come, so that a server that stands still is asked
less, and its worst times count least. Here each request has its moment, and the time until its
answer counts from that moment, also if no connection was free then.

Run: python -m benchmarks.openloop PORT REQUESTS_A_SECOND SECONDS EXPECTED < request
"""

import gc
import json
import math
import re
import selectors
import socket
import statistics
import sys
import time
from collections import deque

from benchmarks import cores
from benchmarks.wire import HOST

CONNECTIONS = 64
# A server that has not answered by then is waited for no longer, and has taken that long.
PATIENCE = 3.0
WARM_UP = 0.5
LONGEST_ANSWER = 65536
_LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)\r\n", re.IGNORECASE)


class Schedule:
    """The requests of one run: which are due, under way and answered."""

    def __init__(self, request: bytes, expected: bytes, rate: float, seconds: float) -> None:
        self._request = request
        self._expected = expected
        self._began = time.perf_counter()
        self._due = deque(self._began + number / rate for number in range(int(rate * seconds)))
        self._under_way: dict[socket.socket, tuple[float, bytes]] = {}
        self._taken: list[tuple[float, float]] = []
        self.wrong = 0

    @property
    def is_over(self) -> bool:
        """Whether all is answered."""
        return not self._due and not self._under_way

    @property
    def until_next(self) -> float:
        """Seconds until a request is due."""
        return max(0.0, self._due[0] - time.perf_counter()) if self._due else 0.05

    def send(self, free: deque[socket.socket]) -> None:
        """Send what is due, as far as connections are free."""
        while free and self._due and self._due[0] <= time.perf_counter():
            connection = free.popleft()
            self._under_way[connection] = (self._due.popleft(), b"")
            connection.sendall(self._request)

    def receive(self, connection: socket.socket) -> bool:
        """Take what has come, and say whether the answer is complete."""
        due, before = self._under_way[connection]
        data = connection.recv(LONGEST_ANSWER)
        if not data:
            raise ConnectionResetError("the server hung up")
        answer = before + data
        if not _is_whole(answer):
            self._under_way[connection] = (due, answer)
            return False
        del self._under_way[connection]
        self._taken.append((due, time.perf_counter() - due))
        self.wrong += not answer.startswith(b"HTTP/1.1 2") or self._expected not in answer
        return True

    def milliseconds(self) -> list[float]:
        """Return how long each took, sorted; those without an answer until now, as long as that."""
        now = time.perf_counter()
        waiting = [*self._due, *(due for due, _ in self._under_way.values())]
        taken = self._taken + [(due, now - due) for due in waiting]
        warm = self._began + WARM_UP
        return sorted(one * 1e3 for due, one in taken if due >= warm)


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head + b"\r\n")
    if length is None:
        return bool(end) and body.endswith(b"0\r\n\r\n")
    return bool(end) and len(body) >= int(length[1])


def measured(port: int, schedule: Schedule, seconds: float) -> dict[str, float]:
    """Keep to a schedule, and return what came of it."""
    give_up = time.perf_counter() + seconds + PATIENCE
    # select(2) waits to the microsecond; epoll, by up to a millisecond too long.
    with selectors.SelectSelector() as selector:
        free: deque[socket.socket] = deque()
        for _ in range(CONNECTIONS):
            connection = socket.create_connection((HOST, port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ)
            free.append(connection)
        while not schedule.is_over and time.perf_counter() < give_up:
            schedule.send(free)
            for key, _ in selector.select(schedule.until_next):
                connection = key.fileobj  # type: ignore[assignment] # - as registered
                if schedule.receive(connection):
                    # The one used last goes first, as a browser would do it.
                    free.appendleft(connection)
    taken = schedule.milliseconds()
    return {
        "requests": len(taken),
        "wrong": schedule.wrong,
        "p50": statistics.median(taken),
        "p99": _percentile(taken, 0.99),
        "worst": taken[-1],
    }


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, math.ceil(len(ordered) * share) - 1)]


def main() -> None:
    """Measure, and print it as JSON."""
    port, rate, seconds = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    cores.become_load()
    request = sys.stdin.buffer.read()
    gc.disable()
    schedule = Schedule(request, sys.argv[4].encode(), rate, seconds + WARM_UP)
    print(json.dumps(measured(port, schedule, seconds + WARM_UP)))


if __name__ == "__main__":
    main()
