"""Log in over several connections at once, until enough logins are counted."""

import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from operator import itemgetter

from benchmarks.http_client import Client, Request, WrongAnswer
from benchmarks.peers.floors import MAX_SECONDS_OF_LOGINS
from benchmarks.servers import become_load_generator


def measure(port: int, requests: Sequence[Request], count: float) -> dict[str, float]:
    """Repeat each request over one connection; raises WrongAnswer.

    The first login of each connection does not count, and no login after the time is over.
    """
    become_load_generator()
    began = time.perf_counter()
    # When a login ended, and its latency.
    ended: list[tuple[float, float]] = []

    def repeat(request: Request) -> None:
        with closing(Client(port)) as client:
            start = began
            while start < began + MAX_SECONDS_OF_LOGINS and len(ended) < len(requests) + count:
                client.text(request)
                now = time.perf_counter()
                ended.append((now, now - start))
                start = now

    with ThreadPoolExecutor(len(requests)) as pool:
        list(pool.map(repeat, requests))
    in_time = sorted(one for one in ended if one[0] <= began + MAX_SECONDS_OF_LOGINS)
    counted = in_time[len(requests) - 1 :][: int(count) + 1]
    if len(counted) < 2:  # noqa: PLR2004
        raise WrongAnswer("too few logins in the time")
    latencies = sorted(map(itemgetter(1), counted[1:]))
    rate = len(latencies) / (counted[-1][0] - counted[0][0])
    p50, p99 = statistics.median(latencies), latencies[int(len(latencies) * 0.99)]
    return {"per second": rate, "p50 ms": p50 * 1e3, "p99 ms": p99 * 1e3}
