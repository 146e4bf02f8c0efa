"""The tables of docs/scale.md."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace

from benchmarks.rounds import number_shown
from benchmarks.scale.demand import DAYS_A_MONTH, SECONDS_A_DAY
from benchmarks.scale.deployment import Deployment
from benchmarks.scale.figures import CHANGED, LOOKS_A_SECOND, NEWS, Assumptions, Numbers
from benchmarks.scale.limits import LIMITS
from graphql_auth.settings import Settings

HOSTILE_ADDRESSES = 100_000
FAILURES: int = Settings.model_fields["max_failures_per_address"].default
HOURS_A_DAY = 24
# Less than this is no other number.
A_LITTLE_MORE = 1.2

Shown = Callable[[Deployment], str]


ROWS: tuple[tuple[str, Shown | None], ...] = (
    ("monthly users", lambda one: shown(one.monthly)),
    ("**a second, at the busiest moment**", None),
    ("guarded requests (no database)", lambda one: shown(one.requests - one.viewers)),
    ("guarded requests that read the user", lambda one: shown(one.viewers)),
    ("refreshes", lambda one: shown(one.refreshes)),
    ("logins, with those that fail", lambda one: shown(one.logins)),
    ("logouts, and as many ended sessions", lambda one: shown(one.logouts)),
    ("commands to the database, but looks", lambda one: shown(one.commands)),
    ("writes", lambda one: shown(one.writes)),
    ("of these, the throttle's", lambda one: shown(one.throttle_writes)),
    ("looks for ended sessions (all processes)", lambda one: shown(one.app_cores * LOOKS_A_SECOND)),
    (
        "ended sessions that they read",
        lambda one: shown(one.app_cores * LOOKS_A_SECOND * one.ends_a_look),
    ),
    ("**the processes**", None),
    ("cores, and processes", lambda one: shown(one.app_cores)),
    ("of these, for passwords", lambda one: shown(one.hash_cores)),
    ("memory of each, MB", lambda one: shown(one.process_mb)),
    ("ended sessions in each", lambda one: shown(one.remembered)),
    ("share of its time for looks", lambda one: f"{one.look_seconds * LOOKS_A_SECOND:.1%}"),
    ("reading ended sessions at its start, s", lambda one: shown(one.start_seconds)),
    ("security log, GB a day", lambda one: shown(one.log_gb_a_day)),
    ("**the database**", None),
    ("users and sessions, GB", lambda one: shown(one.documents_gb)),
    ("their indexes, GB", lambda one: shown(one.indexes_gb)),
    ("pages read and written a second", lambda one: shown(one.disk_operations)),
    ("shards for memory", lambda one: shown(one.shards["memory"])),
    ("shards for disks", lambda one: shown(one.shards["disk"])),
    ("shards for cores", lambda one: shown(one.shards["cores"])),
    (
        "shards for cores, with the changes below",
        lambda one: shown(replace(one, code=CHANGED).shards["cores"]),
    ),
    ("**dollars a month, with the changes below**", None),
    ("processes", lambda one: shown(replace(one, code=CHANGED).app_dollars)),
    ("database", lambda one: shown(replace(one, code=CHANGED).database_dollars)),
    ("network", lambda one: shown(one.network_dollars)),
    (
        "**for a million monthly users**",
        lambda one: f"**{shown(replace(one, code=CHANGED).dollars_a_million)}**",
    ),
)


def shown(value: float) -> str:
    """Write a number with three digits that matter, and from a million on with its name."""
    if math.isinf(value):
        return "no number suffices"
    for name, size in (("billion", 1e9), ("million", 1e6)):
        if value >= size:
            return f"{value / size:.3g} {name}"
    return number_shown(float(f"{value:.3g}")) if value % 1 else f"{float(f'{value:.3g}'):,.0f}"


def sizes(deployments: Sequence[Deployment]) -> Iterator[str]:
    """Yield the lines of the table with a column for each deployment."""
    yield f"| registered users | {' | '.join(shown(one.users) for one in deployments)} |"
    yield "| --- |" + " ---: |" * len(deployments)
    for title, cell in ROWS:
        cells = [cell(one) if cell else "" for one in deployments]
        yield f"| {title} | {' | '.join(cells)} |"


def limits(deployment: Deployment) -> Iterator[str]:
    """Yield the lines of the table of limits, the first to be reached first."""
    yield "| | registered users | what to do |"
    yield "| --- | ---: | --- |"
    for limit in sorted(LIMITS, key=lambda one: one.reached_at(deployment)):
        then = limit.reached_at(replace(deployment, code=CHANGED))
        now = limit.reached_at(deployment)
        moved = f" (then {_about(then)})" if then > now * A_LITTLE_MORE else ""
        yield f"| {limit.title} | {_about(now)} | {limit.change}{moved} |"


def always(deployment: Deployment) -> Iterator[str]:
    """Yield what breaks at any size."""
    numbers, assumed = deployment.numbers, deployment.assumed
    failures = assumed.logins * assumed.failures / DAYS_A_MONTH
    yield (
        f"- **{_about(FAILURES * HOURS_A_DAY / failures)} monthly users behind one IP address.**"
        f" They fail to log in {FAILURES} times an hour then. Beyond that, new devices there have"
        " to wait."
    )
    a_second = HOSTILE_ADDRESSES * FAILURES * HOURS_A_DAY / SECONDS_A_DAY
    yield (
        f"- **{HOSTILE_ADDRESSES:,} hostile IP addresses.** Each has {FAILURES} failures an hour:"
        f" {shown(a_second)} passwords a second, or {shown(a_second / numbers.logins)} cores."
    )


def measured(numbers: Numbers) -> Iterator[str]:
    """Yield the lines of the table of what was measured."""
    yield "| measured | |"
    yield "| --- | ---: |"
    yield f"| `welcome`, one process on one core, a second | {shown(numbers.welcomes)} |"
    yield f"| refreshes, likewise | {shown(numbers.refreshes)} |"
    yield f"| logins, a core a second | {shown(numbers.logins)} |"
    yield f"| memory of a process, MB | {shown(numbers.process_mb)} |"
    pair = _pair(numbers.user_bytes, numbers.user_index_bytes)
    yield f"| a user, and its indexes, bytes | {pair} |"
    pair = _pair(numbers.session_bytes, numbers.session_index_bytes)
    yield f"| a session, and its indexes, bytes | {pair} |"
    for name in ("login", "register", "refresh", "logout", "look"):
        commands, writes = numbers.commands[name], numbers.writes[name]
        pair = f"{commands:.0f}, {writes:.0f}, {numbers.mongod[name]:,.0f}"
        yield f"| {name}: commands, writes, µs of `mongod` | {pair} |"
    pair = f"{numbers.mongod[NEWS]:.2f}, {numbers.process[NEWS]:.2f}"
    yield f"| an ended session in a look: µs of `mongod`, of the process | {pair} |"
    finds = [numbers.mongod[f"user by _id, {which}"] for which in ("there", "not there")]
    yield f"| a user by `_id`, there and not: µs of `mongod` | {finds[0]:.0f}, {finds[1]:.0f} |"


def assumptions(assumed: Assumptions) -> Iterator[str]:
    """Yield the lines of the table of what is assumed."""
    yield "| assumed | | | because |"
    yield "| --- | --- | ---: | --- |"
    for one in fields(assumed):
        value, told = getattr(assumed, one.name), one.metadata
        yield f"| `{one.name}` | {told['meaning']} | {value:,g} | {told['reason']} |"


def _about(value: float) -> str:
    return shown(float(f"{value:.2g}"))


def _pair(one: float, other: float) -> str:
    return f"{one:.0f}, {other:.0f}"
