"""What the servers are asked to do."""

import secrets
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

from benchmarks import abuse, logins, open_loop
from benchmarks.accounts import wrong_login
from benchmarks.http_client import Client, Request, WrongAnswer, field_in
from benchmarks.measurements import Sample, Turns
from benchmarks.peers import catalog, floors
from benchmarks.servers import ALL_CORES, BCRYPT_ROUNDS, SERVER_CORES, run_alone
from benchmarks.subjects import Subject, with_claims
from benchmarks.wrk import REFRESH_TOKEN, Script, load, start_load

CONNECTIONS = 16
# Clients that read during a login storm: as many connections as the page of one user opens.
READERS = 4
MAX_REQUESTS_PER_SECOND = 1000
# Failures of an account that cost no wait.
FREE_FAILURES, REFUSED_ACCOUNTS = 5, 4
REFUSALS = {"INVALID_CREDENTIALS": "verified", "TOO_MANY_ATTEMPTS": "throttled"}
RAW_BCRYPT, BARE_REFRESHES = "raw bcrypt", "bare refreshes"
AFTER_LOAD = "after load MB"


def read(request: Callable[[Subject], Request], subject: Subject, seconds: float) -> Sample:
    subject.server.pin_to(SERVER_CORES)
    return load(subject.server.port, [Script([request(subject)])], CONNECTIONS, seconds)


def count_logins(subject: Subject, count: float) -> Sample:
    subject.server.pin_to(ALL_CORES)
    return run_alone(logins.measure, subject.server.port, subject.logins(), count)


def refreshes(connections: int, subject: Subject, seconds: float) -> Sample:
    subject.server.pin_to(ALL_CORES)
    with closing(Client(subject.server.port)) as client:
        answers = [client.text(login) for login in subject.logins()[:connections]]
    subject.server.wait_until_idle()
    requests = [catalog.our_refresh(REFRESH_TOKEN)]
    scripts = [Script(requests, field_in(answer, "refreshToken")) for answer in answers]
    return load(subject.server.port, scripts, connections, seconds)


class ManyTokens:
    """Read the greeting with so many access tokens, each of another user and session."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._requests: dict[str, list[Request]] = {}

    def __call__(self, subject: Subject, seconds: float) -> Sample:
        subject.server.pin_to(SERVER_CORES)
        port, name = subject.server.port, subject.peer.name
        if name not in self._requests:
            self._requests[name] = [self._request(subject) for _ in range(self.count)]
            self._send_all(subject)
        script = Script(self._requests[name], is_random=True)
        found = load(port, [script], CONNECTIONS, seconds)
        return {**found, "MB": subject.server.megabytes}

    def _request(self, subject: Subject) -> Request:
        names = {"sub": secrets.token_hex(12), "sid": secrets.token_hex(12)}
        token, _ = with_claims(subject.token, **names, jti=secrets.token_urlsafe(16))
        return subject.peer.welcome(token)

    def _send_all(self, subject: Subject) -> None:
        """Send each token at least once, for it may be remembered."""
        script, port = Script(self._requests[subject.peer.name]), subject.server.port
        rate = load(port, [script], CONNECTIONS, 1)["per second"]
        load(port, [script], CONNECTIONS, 1 + 1.1 * self.count / rate)


def storm(subject: Subject, seconds: float) -> Sample:
    """Read the greeting, first alone and then while 16 users log in without pause."""
    port, request = subject.server.port, subject.welcome()
    subject.server.pin_to(ALL_CORES)
    idle = load(port, [Script([request])], READERS, seconds)["per second"]
    rate = min(MAX_REQUESTS_PER_SECOND, idle / 2)
    scripts = [Script([login]) for login in subject.logins()]
    with start_load(port, scripts, CONNECTIONS, 4 * seconds + 30) as (process, _):
        # Let the logins queue up.
        time.sleep(1)
        busy = load(port, [Script([request])], READERS, seconds)["per second"]
        during = run_alone(open_loop.measure, port, request, rate, seconds)
        if process.poll() is not None:
            raise WrongAnswer("the logins ended too early")
    found = {"kept": busy / idle, "idle per second": idle, "storm per second": busy}
    return found | {f"{share} ms": milliseconds for share, milliseconds in during.items()}


def memory(subject: Subject, _seconds: float) -> Sample:
    return {AFTER_LOAD: subject.server.megabytes}


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
    peers: Sequence[catalog.Peer]
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


def _tokens(count: int) -> Workload:
    return Workload(ManyTokens(count), [*OURS, catalog.BARE_STARLETTE])


OURS = [catalog.GRAPHQL_AUTH]
RAW = {RAW_BCRYPT: partial(floors.raw_bcrypt, BCRYPT_ROUNDS)}
IN_STORM = [*OURS, catalog.EXPRESS, catalog.TUTORIAL, catalog.APOLLO_SERVER]
# Memory is measured before the workloads that fill it on purpose.
WORKLOADS = {
    "welcome": Workload(partial(read, Subject.welcome), catalog.WITH_WELCOME),
    "viewer": Workload(partial(read, Subject.viewer), catalog.WITH_VIEWER),
    "logins": Workload(count_logins, catalog.WITH_BCRYPT, RAW),
    "refusals": Workload(refusals, OURS),
    "refreshes-1": _refreshes(1),
    "refreshes-16": _refreshes(16),
    "storm": Workload(storm, IN_STORM),
    "memory": Workload(memory, catalog.WITH_LOGINS),
    "tokens-1000": _tokens(1_000),
    "tokens-100000": _tokens(100_000),
    "ended": Workload(abuse.end_sessions, OURS),
    "leaving": Workload(abuse.leave_everywhere, OURS),
}
