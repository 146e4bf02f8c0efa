"""The goals of graphql-auth, and whether a run meets them."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.measurements import Measurement, spread
from benchmarks.peers import catalog
from benchmarks.workloads import AFTER_LOAD, BARE_REFRESHES, RAW_BCRYPT

US, FLOOR = catalog.GRAPHQL_AUTH.name, catalog.BARE_STARLETTE.name
SMALL, LARGE = "1,000", "1,000,000"
EMPTY, EXISTING = "no data yet", "existing data"
# What hashes only: a ratio above this is impossible, so something else slowed it down.
MAX_FLOOR_RATIO = 1.05
# The version of graphql-auth whose numbers are in the column "seen".
BASELINE = "172e614"

Results = Mapping[str, Measurement]


@dataclass(frozen=True, slots=True)
class Goal:
    """A number of each round, the limit of their median, and what the baseline did."""

    title: str
    limit: str
    seen: str
    values: Callable[[Results], list[float]]
    is_floor: bool = False

    def row(self, results: Results) -> list[tuple[str, object]]:
        """Return the cells of the goal in the table of goals."""
        reached = spread(self.values(results))
        sign, limit, *_ = self.limit.split()
        if reached is None:
            verdict = "not measured"
        elif self.is_floor and reached.median > MAX_FLOOR_RATIO:
            verdict = "**impossible**: the machine was busy"
        else:
            compare = operator.ge if sign == "≥" else operator.le
            verdict = "met" if compare(reached.median, float(limit)) else "**short**"
        cells = [("goal", self.limit), (f"seen on {BASELINE}", self.seen)]
        return [*cells, ("measured", reached or "–"), ("", verdict)]


def _ratio(title: str, workload: str, other: str, limit: str, seen: str) -> Goal:
    def values(found: Results) -> list[float]:
        return found[workload].ratios(US, other) if workload in found else []

    return Goal(f"{title} ÷ {other}", limit, seen, values, other == RAW_BCRYPT)


def _metric(  # noqa: PLR0913, PLR0917 - the cells of a row
    title: str, workload: str, metric: str, limit: str, seen: str, name: str = US
) -> Goal:
    def values(found: Results) -> list[float]:
        return found[workload].values(name, metric) if workload in found else []

    return Goal(title, limit, seen, values)


def _growth(what: str, metric: str) -> Goal:
    def values(found: Results) -> list[float]:
        return found["size"].ratios(LARGE, SMALL, metric) if "size" in found else []

    return Goal(f"{what}, a million users ÷ a thousand", "≤ 1.1", "0.95–0.99", values)


WELCOME, MANY, VIEWER = "`welcome`", "`welcome`, 100,000 tokens", "`viewer { email }`"
WHILE_ENDED = "`welcome` while 100,000 sessions are ended ÷ before"
GOALS = (
    _ratio(f"{WELCOME}, one token", "welcome", FLOOR, "≥ 0.75", "0.67–0.76"),
    _ratio(MANY, "tokens-100000", FLOOR, "≥ 0.6", "0.47"),
    _ratio(WELCOME, "welcome", catalog.APOLLO_SERVER.name, "≥ 5", "5–6.4"),
    _ratio(WELCOME, "welcome", catalog.CACHED_STRAWBERRY.name, "≥ 2.3", "2.2–2.6"),
    _ratio(WELCOME, "welcome", catalog.STOCK_STRAWBERRY.name, "≥ 7", "7"),
    _ratio(WELCOME, "welcome", catalog.EXPRESS.name, "≥ 4", "4–4.7"),
    _ratio(VIEWER, "viewer", catalog.PARSE_SERVER.name, "≥ 7", "6.3"),
    _ratio(VIEWER, "viewer", catalog.BETTER_AUTH.name, "≥ 9", "8.4"),
    _ratio("logins", "logins", RAW_BCRYPT, "≥ 0.95", "0.92–0.99"),
    _metric("login storm: throughput of `welcome` kept", "storm", "kept", "≥ 0.95", "0.95"),
    _metric("login storm: p99 of `welcome`", "storm", "p99 ms", "≤ 2 ms", "1.8–2.0"),
    _ratio("refreshes, one at a time", "refreshes-1", BARE_REFRESHES, "≥ 0.42", "0.35"),
    _ratio("refreshes, 16 at once", "refreshes-16", BARE_REFRESHES, "≥ 0.35", "0.26"),
    _metric(WHILE_ENDED, "ended", "kept", "≥ 0.9", "0.37"),
    _metric("CPU of the process 2 s later", "ended", "CPU % later", "≤ 5 %", "55"),
    _metric(
        "a bystander's worst `welcome` while a user with 20,000 sessions leaves everywhere",
        *("leaving", "worst ms", "≤ 50 ms", "109"),
    ),
    _metric("memory of one process after load", "memory", AFTER_LOAD, "≤ 75 MB", "86"),
    *(
        _metric(f"start, embedded, {data}", "embedded", "seconds", "≤ 0.7 s", "0.5", data)
        for data in (EMPTY, EXISTING)
    ),
    _growth("login", "login ms"),
    _growth("refresh", "refresh ms"),
)
