"""What the contenders are asked to do."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks import cores
from benchmarks.accounts import Accounts
from benchmarks.load import Loaded, Script, Step, load, loading
from benchmarks.peers.contender import Contender
from benchmarks.programs import program
from benchmarks.rounds import Sample
from benchmarks.servers import BCRYPT_ROUNDS, Server
from benchmarks.wire import WrongAnswer, rendered

STORM_CONNECTIONS = 16
# As many as one user's page opens: what a storm must not slow down.
BYSTANDERS = 4
CONNECTIONS = 16
MOST_REQUESTS_A_SECOND = 1000
# What a mix is made of, in percent; where there are no refreshes, there are more reads.
REFRESHES, LOGINS, REGISTRATIONS = 5, 4, 1
# More than any machine gets through, so that no address is registered twice.
STEPS_A_SECOND = 500
REGISTRATIONS_A_SECOND = 20
SECONDS_FOR_A_STORM_TO_GATHER = 1.0
RAW_BCRYPT = "raw bcrypt"
BARE_REFRESHES = "bare refreshes"


@dataclass(frozen=True, slots=True)
class Subject:
    """A contender that runs, and its users."""

    contender: Contender
    server: Server
    accounts: Accounts


@dataclass(frozen=True, slots=True)
class Floor:
    """The least work that does the same: nobody could do more of it."""

    name: str
    # Called with the address of MongoDB and the seconds it is to take.
    measure: Callable[[str, float], Sample]


@dataclass(frozen=True, slots=True)
class Workload:
    """Something that a contender does for some seconds."""

    name: str
    title: str
    measure: Callable[[Subject, float], Sample]
    suits: Callable[[Contender], bool]
    # The number that is shown while it goes on.
    shown: str = "per second"
    # What a turn takes besides, or several times, the seconds it is given.
    times: int = 1
    seconds_more: float = 0.6
    # Takes its turn with the contenders.
    floor: Floor | None = None


def welcome(subject: Subject, seconds: float, connections: int, workers: int = 1) -> Sample:
    """Read the guarded greeting over and over."""
    subject.server.pin(cores.for_workers(workers))
    return _welcomed(subject, seconds, connections).metrics


def _welcomed(subject: Subject, seconds: float, connections: int) -> Loaded:
    return load(subject.server.port, [Script([subject.accounts.welcome()])], connections, seconds)


def warm(subject: Subject, seconds: float) -> None:
    """Have a contender do for a while what it will be measured by."""
    _welcomed(subject, seconds, CONNECTIONS)


def logins(subject: Subject, seconds: float) -> Sample:
    """Sign users in, no user twice at once."""
    subject.server.pin(cores.ALL)
    return load(subject.server.port, _logins(subject), STORM_CONNECTIONS, seconds).metrics


def _logins(subject: Subject) -> list[Script]:
    accounts = subject.accounts
    return [
        Script([accounts.login(email) for email in accounts.emails[number::STORM_CONNECTIONS]])
        for number in range(STORM_CONNECTIONS)
    ]


def registrations(subject: Subject, seconds: float) -> Sample:
    """Register new users."""
    subject.server.pin(cores.ALL)
    many = int((seconds + 1) * REGISTRATIONS_A_SECOND)
    scripts = [
        Script([subject.accounts.registration() for _ in range(many)]) for _ in range(CONNECTIONS)
    ]
    return load(subject.server.port, scripts, CONNECTIONS, seconds).metrics


def refreshes(subject: Subject, seconds: float, connections: int) -> Sample:
    """Carry sessions on, each by the refresh token that it was given last."""
    # As for the floor, the system finds the cores for two processes and a database.
    subject.server.pin(cores.ALL)
    port = subject.server.port
    scripts = subject.accounts.chains(
        port, connections, lambda _number: [subject.accounts.refresh()]
    )
    subject.server.rest()
    return load(port, scripts, connections, seconds).metrics


def mix(subject: Subject, seconds: float) -> Sample:
    """Do what users do: mostly read, and now and then the rest."""
    subject.server.pin(cores.ALL)
    port = subject.server.port
    scripts = subject.accounts.chains(port, CONNECTIONS, partial(_mixed, subject, seconds))
    return load(port, scripts, CONNECTIONS, seconds).metrics


def _mixed(subject: Subject, seconds: float, number: int) -> list[Step]:
    accounts = subject.accounts
    # The same dice for every contender and round.
    dice = random.Random(number)  # noqa: S311
    own = accounts.emails[number::CONNECTIONS]
    kinds: list[Callable[[], Step]] = [
        accounts.registration,
        lambda: accounts.login(dice.choice(own)),
        accounts.refresh if subject.contender.refresh else accounts.welcome,
        accounts.welcome,
    ]
    reads = 100 - REFRESHES - LOGINS - REGISTRATIONS
    weights = [REGISTRATIONS, LOGINS, REFRESHES, reads]
    many = int((seconds + 1) * STEPS_A_SECOND)
    return [kind() for kind in dice.choices(kinds, weights, k=many)]


def storm(subject: Subject, seconds: float) -> Sample:
    """Read the greeting, first alone, and then while others sign in without pause."""
    subject.server.pin(cores.ALL)
    idle = _welcomed(subject, seconds, BYSTANDERS).rate
    rate = min(MOST_REQUESTS_A_SECOND, idle / 2)
    idle_times = _on_schedule(subject, rate, seconds)
    port = subject.server.port
    with loading(port, _logins(subject), STORM_CONNECTIONS, 4 * seconds + 30):
        time.sleep(SECONDS_FOR_A_STORM_TO_GATHER)
        storm_rate = _welcomed(subject, seconds, BYSTANDERS).rate
        storm_times = _on_schedule(subject, rate, seconds)
    return {
        "idle per second": idle,
        "storm per second": storm_rate,
        "kept": storm_rate / idle,
        "asked per second": rate,
        "idle p50 ms": idle_times["p50"],
        "idle p99 ms": idle_times["p99"],
        "storm p50 ms": storm_times["p50"],
        "storm p99 ms": storm_times["p99"],
        "p99 times": storm_times["p99"] / idle_times["p99"],
    }


def _on_schedule(subject: Subject, rate: float, seconds: float) -> dict[str, float]:
    step = subject.accounts.welcome()
    arguments = [str(subject.server.port), str(rate), str(seconds), step.expected]
    found = program("benchmarks.openloop", *arguments, given=rendered(step.request))
    if found["wrong"]:
        raise WrongAnswer(f"{found['wrong']:.0f} wrong answers at a fixed rate")
    return found


def raw_bcrypt(_mongo_uri: str, seconds: float) -> Sample:
    """Compare a password on each core, over and over."""
    found = program("benchmarks.peers.raw_bcrypt", str(seconds), BCRYPT_ROUNDS=str(BCRYPT_ROUNDS))
    return {"per second": found["hashes_per_second"], "cores had": found["cores_had"]}


def bare_refreshes(mongo_uri: str, seconds: float, connections: int) -> Sample:
    """Replace tokens in the database, one after the other in each of some loops."""
    found = program(
        "benchmarks.peers.bare_refresh",
        str(connections),
        str(seconds),
        MONGO_URI=f"{mongo_uri}bare",
    )
    return {
        "per second": found["refreshes_per_second"],
        "p50 ms": found["p50_ms"],
        "p99 ms": found["p99_ms"],
    }


def _has_logins(contender: Contender) -> bool:
    return contender.login is not None and contender.register is not None


WELCOMES = [
    Workload(
        f"welcome-{connections}",
        f"`welcome`, {connections} connection{'s' * (connections > 1)}",
        partial(welcome, connections=connections),
        suits=lambda _contender: True,
    )
    for connections in (1, 16, 64)
]
# What is under way when the load ends is finished before the next turn.
LOGINS_ = Workload(
    "logins",
    "Logins, bcrypt cost 12",
    logins,
    _has_logins,
    seconds_more=2,
    floor=Floor(RAW_BCRYPT, raw_bcrypt),
)
REGISTRATIONS_ = Workload(
    "registrations",
    "Registrations, bcrypt cost 12",
    registrations,
    _has_logins,
    seconds_more=2,
)
REFRESHES_ = [
    Workload(
        f"refreshes-{connections}",
        "Refreshes, " + ("one at a time" if connections == 1 else f"{connections} at once"),
        partial(refreshes, connections=connections),
        lambda contender: contender.refresh is not None,
        seconds_more=3.5,
        floor=Floor(BARE_REFRESHES, partial(bare_refreshes, connections=connections)),
    )
    for connections in (1, 16)
]
STORM = Workload(
    "storm",
    "`welcome` during a login storm",
    storm,
    _has_logins,
    shown="kept",
    times=4,
    seconds_more=6,
)
MIX = Workload(
    "mix",
    "Mix: 90 % `welcome`, 5 % refreshes, 4 % logins, 1 % registrations",
    mix,
    _has_logins,
    seconds_more=1.5,
)
TWO_WORKERS = Workload(
    "workers",
    "`welcome`, 16 connections, 2 workers",
    partial(welcome, connections=CONNECTIONS, workers=2),
    lambda contender: contender.max_workers >= 2,  # noqa: PLR2004
)
