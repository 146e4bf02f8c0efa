"""Load from wrk (wrk.lua), and requests at a fixed rate (an open-loop load generator)."""

import gc
import signal
import socket
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from selectors import EVENT_READ, SelectSelector

from benchmarks.http_client import HOST, SECONDS_TO_ANSWER, Request, WrongAnswer
from benchmarks.measurements import percentiles
from benchmarks.servers import become_load_generator

LUA = Path(__file__).parent / "wrk.lua"
WARM_UP_SECONDS = 0.5
SECONDS_TO_END = 600
CONNECTIONS_AT_RATE = 64
# How long the last answers are waited for.
PATIENCE_SECONDS = 3

Threads = Sequence[Sequence[Request]]


def load(
    port: int, threads: Threads, connections: int, seconds: float, mode: str = "loop"
) -> dict[str, float]:
    """Return the rate and the latencies; raises WrongAnswer if an answer was wrong."""
    with start_load(port, threads, connections, seconds, mode) as process:
        return finish_load(process)


def finish_load(process: "subprocess.Popen[str]") -> dict[str, float]:
    output, _ = process.communicate(timeout=SECONDS_TO_END)
    _, _, result = output.partition("result:\t")
    rate, *faults, p50, p99, sample = (result or "0\t" * 7).split("\t", 6)
    if any(map(float, faults)) or not result:
        raise WrongAnswer(f"wrong, broken, late: {faults}; {(sample or output)[-300:]}")
    return {"per second": float(rate), "p50 ms": float(p50) / 1e3, "p99 ms": float(p99) / 1e3}


@contextmanager
def start_load(
    port: int, threads: Threads, connections: int, seconds: float, mode: str = "loop"
) -> Iterator["subprocess.Popen[str]"]:
    """Send the requests of each thread, in a mode of wrk.lua, and stop wrk at the end."""
    duration = max(1, round(seconds + WARM_UP_SECONDS))
    with tempfile.TemporaryDirectory() as directory:
        for number, requests in enumerate(threads):
            texts = [text for one in requests for text in (one.expected, one.encode())]
            content = "".join(f"{text}\0" for text in texts)
            (Path(directory) / str(number)).write_text(content, encoding="utf-8")
        command = ["wrk", f"--threads={len(threads)}", f"--connections={connections}"]
        command += [f"--duration={duration}s", f"--timeout={SECONDS_TO_ANSWER}s"]
        command += [f"--script={LUA}", f"http://{HOST}:{port}/"]
        command += ["--", directory, mode, str(WARM_UP_SECONDS), str(duration)]
        with subprocess.Popen(  # noqa: S603 - our own command
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=become_load_generator,  # noqa: PLW1509 - no other thread runs
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                process.send_signal(signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(1)
                process.kill()


def load_at_rate(port: int, request: Request, rate: float, seconds: float) -> dict[str, float]:
    """Send requests at a fixed rate, whether the server keeps up or not; return the percentiles.

    wrk waits for an answer before it sends the next request, so a server that stalls gets fewer
    requests and its worst times hardly count: coordinated omission. Here each request has a time
    at which it is due, and its latency counts from then, also if it could not be sent or answered.
    """
    become_load_generator()
    gc.disable()
    idle = deque(socket.create_connection((HOST, port)) for _ in range(CONNECTIONS_AT_RATE))
    began, seconds = time.perf_counter(), WARM_UP_SECONDS + seconds
    due = deque(began + number / rate for number in range(int(seconds * rate)))
    latencies = _send_when_due(request, due, idle, began + seconds + PATIENCE_SECONDS)
    return percentiles(one for at, one in latencies if at >= began + WARM_UP_SECONDS)


def _send_when_due(
    request: Request, due: deque[float], idle: deque[socket.socket], give_up: float
) -> list[tuple[float, float]]:
    """Send what is due, and return when each request was due and its latency."""
    text, expected, latencies = request.encode().encode(), request.expected.encode(), []
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
