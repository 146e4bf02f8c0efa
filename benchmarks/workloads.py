"""What the servers are asked to do."""

import secrets
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache, partial

from benchmarks import abuse, servers
from benchmarks.http_client import Client, Request, WrongAnswer, field_in
from benchmarks.load import load, load_at_rate, start_load
from benchmarks.measurements import Sample, Turns, percentiles
from benchmarks.peers import catalog, floors
from benchmarks.servers import SERVER_CORES, run_alone
from benchmarks.subjects import Subject, with_claims, wrong_login

CONNECTIONS = 16
# Clients that read during a login storm: as many connections as the page of one user opens.
READERS = 4
MAX_REQUESTS_PER_SECOND = 1000
# Failures of an account that cost no wait.
FREE_FAILURES, REFUSED_ACCOUNTS = 5, 4
REFUSALS = {"INVALID_CREDENTIALS": "verified", "TOO_MANY_ATTEMPTS": "throttled"}
RAW_BCRYPT, BARE_REFRESHES = "raw bcrypt", "bare refreshes"


def read(request: Callable[[Subject], Request], subject: Subject, seconds: float) -> Sample:
    return load(subject.server.port, [[request(subject)]], CONNECTIONS, seconds)


def count_logins(subject: Subject, count: float) -> Sample:
    return run_alone(_repeat_logins, subject.server.port, subject.logins(), count)


def _repeat_logins(port: int, requests: Sequence[Request], count: float) -> dict[str, float]:
    """Repeat each login over one connection, until enough are counted or the time is over.

    The first login of each connection does not count.
    """
    servers.become_load_generator()
    began = time.perf_counter()
    deadline = began + floors.MAX_SECONDS_OF_LOGINS
    # When a login ended, and its latency.
    ended: list[tuple[float, float]] = []

    def repeat(request: Request) -> None:
        with closing(Client(port)) as client:
            start = began
            while start < deadline and len(ended) < len(requests) + count:
                client.text(request)
                now = time.perf_counter()
                ended.append((now, now - start))
                start = now

    with ThreadPoolExecutor(len(requests)) as pool:
        list(pool.map(repeat, requests))
    in_time = sorted(one for one in ended if one[0] <= deadline)
    (start, _), *counted = in_time[len(requests) - 1 :][: int(count) + 1] or [(began, 0)]
    if not counted:
        raise WrongAnswer("too few logins in the time")
    rate = len(counted) / (counted[-1][0] - start)
    return {"per second": rate, **percentiles(latency for _, latency in counted)}


def refreshes(connections: int, subject: Subject, seconds: float) -> Sample:
    with closing(Client(subject.server.port)) as client:
        answers = [client.text(login) for login in subject.logins()[:connections]]
    subject.server.wait_until_idle()
    requests = [catalog.our_refresh(field_in(answer, "refreshToken")) for answer in answers]
    threads = [[request] for request in requests]
    return load(subject.server.port, threads, connections, seconds, "refresh")


def read_with_tokens(count: int, subject: Subject, seconds: float) -> Sample:
    """Read the greeting with so many access tokens, each of another user and session."""
    requests = _requests_with_tokens(count, subject)
    found = load(subject.server.port, [requests], CONNECTIONS, seconds, "random")
    return {**found, "MB": subject.server.megabytes}


@cache
def _requests_with_tokens(count: int, subject: Subject) -> list[Request]:
    """Make the requests, and send each at least once, for its token may be remembered."""
    requests = []
    for _ in range(count):
        ids = {"sub": secrets.token_hex(12), "sid": secrets.token_hex(12)}
        token, _ = with_claims(subject.token, **ids, jti=secrets.token_urlsafe(16))
        requests.append(subject.peer.welcome(token))
    rate = load(subject.server.port, [requests], CONNECTIONS, 1)["per second"]
    load(subject.server.port, [requests], CONNECTIONS, 1 + 1.1 * count / rate)
    return requests


def storm(subject: Subject, seconds: float) -> Sample:
    """Read the greeting, first alone and then while 16 users log in without pause."""
    port, request = subject.server.port, subject.welcome()
    idle = load(port, [[request]], READERS, seconds)["per second"]
    rate = min(MAX_REQUESTS_PER_SECOND, idle / 2)
    logins = [[login] for login in subject.logins()]
    with start_load(port, logins, CONNECTIONS, 4 * seconds + 30) as process:
        # Let the logins queue up.
        time.sleep(1)
        busy = load(port, [[request]], READERS, seconds)["per second"]
        during = run_alone(load_at_rate, port, request, rate, seconds)
        if process.poll() is not None:
            raise WrongAnswer("the logins ended too early")
    return {"kept": busy / idle, "idle per second": idle, "storm per second": busy, **during}


def memory(subject: Subject, _seconds: float) -> Sample:
    return {"MB": subject.server.megabytes}


def refusals(subject: Subject, _seconds: float) -> Sample:
    """Log in with a wrong password to accounts that exist and that do not, until throttled."""
    milliseconds = defaultdict[str, list[float]](list)
    with closing(Client(subject.server.port)) as client:
        for _ in range(REFUSED_ACCOUNTS):
            registration = subject.registration()
            client.text(registration)
            email = field_in(registration.body, "email")
            for _ in range(2 * FREE_FAILURES):
                for kind, address in (("known", email), ("unknown", f"no-{email}")):
                    login = wrong_login(subject.peer, address)
                    began = time.perf_counter()
                    code = field_in(client.send(login)[2], "code")
                    elapsed = (time.perf_counter() - began) * 1e3
                    milliseconds[f"{kind}, {REFUSALS[code]} ms"].append(elapsed)
    return {name: statistics.median(found) for name, found in milliseconds.items()}


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload of some peers on some cores, and the floor that they are compared to."""

    measure: Callable[[Subject, float], Sample]
    peers: Sequence[catalog.Peer]
    cores: Sequence[int] = servers.ALL_CORES
    # By name; called with MONGO_URI and seconds.
    floor: Mapping[str, Callable[[str, float], Sample]] = field(default_factory=dict)

    def turns(self, subjects: Sequence[Subject], mongo_uri: str, seconds: float) -> Turns:
        peers = [one for one in subjects if one.peer in self.peers]
        turns = {one.peer.name: partial(self._measure, one, seconds) for one in peers}
        for name, floor in self.floor.items():
            turns[name] = partial(run_alone, floor, mongo_uri, seconds)
        return turns

    def _measure(self, subject: Subject, seconds: float) -> Sample:
        servers.pin(subject.server.pid, self.cores)
        try:
            return self.measure(subject, seconds)
        finally:
            subject.server.wait_until_idle()


def _refreshes(connections: int) -> Workload:
    floor = {BARE_REFRESHES: partial(floors.bare_refreshes, connections)}
    return Workload(partial(refreshes, connections), OURS, floor=floor)


OURS = [catalog.GRAPHQL_AUTH]
WITH_TOKENS = [*OURS, catalog.BARE_STARLETTE]
RAW = {RAW_BCRYPT: partial(floors.raw_bcrypt, servers.BCRYPT_ROUNDS)}
IN_STORM = [*OURS, catalog.EXPRESS, catalog.TUTORIAL, catalog.APOLLO_SERVER]
# Memory is measured before the workloads that fill it on purpose.
WORKLOADS = {
    "welcome": Workload(partial(read, Subject.welcome), catalog.WITH_WELCOME, SERVER_CORES),
    "viewer": Workload(partial(read, Subject.viewer), catalog.WITH_VIEWER, SERVER_CORES),
    "logins": Workload(count_logins, catalog.WITH_BCRYPT, floor=RAW),
    "refusals": Workload(refusals, OURS),
    "refreshes-1": _refreshes(1),
    "refreshes-16": _refreshes(16),
    "storm": Workload(storm, IN_STORM),
    "memory": Workload(memory, catalog.WITH_LOGINS),
    "tokens-1000": Workload(partial(read_with_tokens, 1_000), WITH_TOKENS, SERVER_CORES),
    "tokens-100000": Workload(partial(read_with_tokens, 100_000), WITH_TOKENS, SERVER_CORES),
    "ended": Workload(abuse.end_sessions, OURS, SERVER_CORES),
    "leaving": Workload(abuse.leave_everywhere, OURS),
}
