"""What the servers are asked to do."""

import itertools
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

from benchmarks import open_loop
from benchmarks.accounts import EMAILS, begin_sessions, wrong_login
from benchmarks.http_client import Client, Request, WrongAnswer, field_in
from benchmarks.measurements import Sample, Turns
from benchmarks.peers import catalog, floors
from benchmarks.servers import ALL_CORES, BCRYPT_ROUNDS, SERVER_CORES, Server, run_alone
from benchmarks.wrk import REFRESH_TOKEN, Script, load, start_load

CONNECTIONS = 16
# Clients that read during a login storm: as many connections as the page of one user opens.
READERS = 4
MAX_REQUESTS_PER_SECOND = 1000
# Percent of the mix; a peer without refreshes has more reads.
WEIGHTS = {"read": 90, "refresh": 5, "login": 4, "register": 1}
# More than any machine can do, so that no e-mail is registered twice.
STEPS_PER_SECOND, REGISTRATIONS_PER_SECOND = 500, 20
# Failures of an account that cost no wait.
FREE_FAILURES, REFUSED_ACCOUNTS = 5, 4
REFUSALS = {"INVALID_CREDENTIALS": "verified", "TOO_MANY_ATTEMPTS": "throttled"}
RAW_BCRYPT, BARE_REFRESHES = "raw bcrypt", "bare refreshes"

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Subject:
    """A peer that runs, and an access token."""

    peer: catalog.Peer
    server: Server
    token: str

    def registration(self) -> Request:
        return self.peer.register(f"new{next(_numbers)}@example.com")

    def logins(self) -> list[Script]:
        return [Script([self.peer.login(email)]) for email in EMAILS]

    def welcome(self) -> Request:
        return self.peer.welcome(self.token)

    def read(self, connections: int, seconds: float) -> dict[str, float]:
        return load(self.server.port, [Script([self.welcome()])], connections, seconds)

    def load(self, scripts: list[Script], seconds: float) -> Sample:
        """Send each script over one connection while the server has all cores."""
        self.server.pin_to(ALL_CORES)
        return load(self.server.port, scripts, len(scripts), seconds)


def welcome(connections: int, subject: Subject, seconds: float) -> Sample:
    subject.server.pin_to(SERVER_CORES)
    return subject.read(connections, seconds)


def logins(subject: Subject, seconds: float) -> Sample:
    return subject.load(subject.logins(), seconds)


def registrations(subject: Subject, seconds: float) -> Sample:
    count = range(int((seconds + 1) * REGISTRATIONS_PER_SECOND))
    scripts = [Script([subject.registration() for _ in count]) for _ in range(CONNECTIONS)]
    return subject.load(scripts, seconds)


def refreshes(connections: int, subject: Subject, seconds: float) -> Sample:
    tokens = begin_sessions(subject.peer, subject.server, connections)
    subject.server.wait_until_idle()
    request = catalog.our_refresh(REFRESH_TOKEN)
    return subject.load([Script([request], token) for token in tokens], seconds)


def mix(subject: Subject, seconds: float) -> Sample:
    tokens = begin_sessions(subject.peer, subject.server, CONNECTIONS)
    count = int((seconds + 1) * STEPS_PER_SECOND)
    requests = [_mixed(subject, email, count) for email in EMAILS]
    return subject.load(list(map(Script, requests, tokens)), seconds)


def _mixed(subject: Subject, email: str, count: int) -> list[Request]:
    peer, refresh = subject.peer, partial(catalog.our_refresh, REFRESH_TOKEN)
    requests: dict[str, Callable[[], Request]] = {
        "read": subject.welcome,
        "refresh": refresh if peer is catalog.GRAPHQL_AUTH else subject.welcome,
        "login": partial(peer.login, email),
        "register": subject.registration,
    }
    # The same order for every peer and round.
    dice = random.Random(email)  # noqa: S311
    return [requests[kind]() for kind in dice.choices([*WEIGHTS], [*WEIGHTS.values()], k=count)]


def storm(subject: Subject, seconds: float) -> Sample:
    """Read the greeting, first alone and then while 16 users log in without pause."""
    port, request = subject.server.port, subject.welcome()
    subject.server.pin_to(ALL_CORES)
    idle = subject.read(READERS, seconds)["per second"]
    rate = min(MAX_REQUESTS_PER_SECOND, idle / 2)
    before = run_alone(open_loop.measure, port, request, rate, seconds)
    with start_load(port, subject.logins(), CONNECTIONS, 4 * seconds + 30) as (process, _):
        # Let the logins queue up.
        time.sleep(1)
        busy = subject.read(READERS, seconds)["per second"]
        during = run_alone(open_loop.measure, port, request, rate, seconds)
        if process.poll() is not None:
            raise WrongAnswer("the logins ended too early")
    found = {"kept": busy / idle, "idle per second": idle, "storm per second": busy}
    found |= {f"idle {share} ms": milliseconds for share, milliseconds in before.items()}
    found |= {f"storm {share} ms": milliseconds for share, milliseconds in during.items()}
    return found | {"p99 times": during["p99"] / before["p99"]}


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
    """A workload of some peers, and the floor that they are compared to."""

    measure: Callable[[Subject, float], Sample]
    peers: Sequence[catalog.Peer] = catalog.WITH_LOGINS
    # By name; called with MONGO_URI and seconds.
    floor: Mapping[str, Callable[[str, float], dict[str, float]]] = field(default_factory=dict)

    def turns(self, subjects: Sequence[Subject], mongo_uri: str, seconds: float) -> Turns:
        peers = [one for one in subjects if one.peer in self.peers]
        turns = {one.peer.name: partial(self._measure, one, seconds) for one in peers}
        floor = {
            name: partial(run_alone, it, mongo_uri, seconds) for name, it in self.floor.items()
        }
        return {**turns, **floor}

    def _measure(self, subject: Subject, seconds: float) -> Sample:
        try:
            return self.measure(subject, seconds)
        finally:
            subject.server.wait_until_idle()


def _refreshes(connections: int) -> Workload:
    floor = {BARE_REFRESHES: partial(floors.bare_refreshes, connections)}
    return Workload(partial(refreshes, connections), OURS, floor)


OURS = [catalog.GRAPHQL_AUTH]
WORKLOADS = {
    "welcome-1": Workload(partial(welcome, 1), catalog.PEERS),
    "welcome-16": Workload(partial(welcome, 16), catalog.PEERS),
    "welcome-64": Workload(partial(welcome, 64), catalog.PEERS),
    "logins": Workload(logins, floor={RAW_BCRYPT: partial(floors.raw_bcrypt, BCRYPT_ROUNDS)}),
    "registrations": Workload(registrations),
    "refusals": Workload(refusals, OURS),
    "refreshes-1": _refreshes(1),
    "refreshes-16": _refreshes(16),
    "storm": Workload(storm, [*OURS, catalog.EXPRESS, catalog.STOCK_STRAWBERRY]),
    "mix": Workload(mix),
}
