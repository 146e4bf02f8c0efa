"""Send requests at a fixed rate, whether the server keeps up or not (an open-loop load generator).

wrk waits for an answer before it sends the next request, so a server that stalls gets fewer
requests and its worst times hardly count: coordinated omission. Here each request has a time at
which it is due, and its latency counts from then, also if it could not be sent or answered.
"""

import gc
import math
import socket
import time
from collections import deque
from selectors import EVENT_READ, SelectSelector

from benchmarks.http_client import HOST, Request, WrongAnswer
from benchmarks.servers import become_load_generator

CONNECTIONS = 64
WARM_UP_SECONDS = 0.5
# How long the last answers are waited for.
PATIENCE_SECONDS = 3


def measure(port: int, request: Request, rate: float, seconds: float) -> dict[str, float]:
    """Return the percentiles of the latency in milliseconds; raises WrongAnswer."""
    become_load_generator()
    gc.disable()
    idle = deque(socket.create_connection((HOST, port)) for _ in range(CONNECTIONS))
    began, seconds = time.perf_counter(), WARM_UP_SECONDS + seconds
    due = deque(began + number / rate for number in range(int(seconds * rate)))
    latencies = _run(request, due, idle, began + seconds + PATIENCE_SECONDS)
    found = sorted(one * 1e3 for at, one in latencies if at >= began + WARM_UP_SECONDS)
    return {f"p{share}": found[math.ceil(len(found) * share / 100) - 1] for share in (50, 99, 100)}


def _run(
    request: Request, due: deque[float], idle: deque[socket.socket], give_up: float
) -> list[tuple[float, float]]:
    """Send what is due, and return when each request was due and its latency."""
    text, expected, latencies = request.encode(), request.expected.encode(), []
    in_flight: dict[socket.socket, tuple[float, bytes]] = {}
    # select(2) is exact to a microsecond; epoll waits up to a millisecond too long.
    selector = SelectSelector()
    for connection in idle:
        selector.register(connection, EVENT_READ, connection)
    while (due or in_flight) and time.perf_counter() < give_up:
        while idle and due and due[0] <= time.perf_counter():
            in_flight[idle[0]] = due.popleft(), b""
            idle.popleft().sendall(text)
        wait = max(0.0, due[0] - time.perf_counter()) if due else 0.05
        for connection in [key.data for key, _ in selector.select(wait)]:
            data = connection.recv(65536)
            if not data:
                raise WrongAnswer("it closed a connection")
            # Otherwise it is the end of an answer that has what is expected.
            if connection in in_flight:
                at, answer = in_flight.pop(connection)
                if expected in answer + data:
                    latencies.append((at, time.perf_counter() - at))
                    # The one used last is used first, as in a browser.
                    idle.appendleft(connection)
                else:
                    in_flight[connection] = at, answer + data
    if wrong := [answer for _, answer in in_flight.values() if answer]:
        raise WrongAnswer(f"wrong answers at a fixed rate: {wrong[0][:300].decode()}")
    waiting = [*due, *(at for at, _ in in_flight.values())]
    return latencies + [(at, time.perf_counter() - at) for at in waiting]
