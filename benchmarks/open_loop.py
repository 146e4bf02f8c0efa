"""Send requests at a fixed rate, whether the server keeps up or not (an open-loop load generator).

wrk waits for an answer before it sends the next request, so a server that stalls gets fewer
requests and its worst times hardly count: coordinated omission. Here each request has a time at
which it is due, and its latency counts from then, also if it could not be sent or answered.
"""

import gc
import math
import socket
import time
from concurrent.futures import ThreadPoolExecutor

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
    connections = [socket.create_connection((HOST, port)) for _ in range(CONNECTIONS)]
    text, expected = request.encode(), request.expected.encode()
    began = time.perf_counter()
    end = began + WARM_UP_SECONDS + seconds
    count = int((end - began) * rate)

    def run(number: int) -> list[float]:
        """Send every 64th request over one connection, and return their latencies."""
        latencies = []
        for index in range(number, count, CONNECTIONS):
            due = began + index / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            if time.perf_counter() < end + PATIENCE_SECONDS:
                _exchange(connections[number], text, expected, end + PATIENCE_SECONDS)
            if due >= began + WARM_UP_SECONDS:
                latencies.append((time.perf_counter() - due) * 1e3)
        return latencies

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        found = sorted(one for latencies in pool.map(run, range(CONNECTIONS)) for one in latencies)
    return {f"p{share}": found[math.ceil(len(found) * share / 100) - 1] for share in (50, 99)}


def _exchange(connection: socket.socket, text: bytes, expected: bytes, give_up: float) -> None:
    """Send a request and wait for the answer; raises WrongAnswer."""
    connection.sendall(text)
    answer = b""
    while expected not in answer:
        connection.settimeout(max(0.001, give_up - time.perf_counter()))
        try:
            data = connection.recv(65536)
        except TimeoutError:
            if answer:
                raise WrongAnswer(f"at a fixed rate: {answer[:300].decode()}") from None
            return
        if not data:
            raise WrongAnswer("it closed a connection")
        answer += data
