"""The goals of graphql-auth, and whether a run meets them."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.measurements import Measurement, spread
from benchmarks.peers import catalog
from benchmarks.workloads import BARE_REFRESHES, RAW_BCRYPT

US, EXPRESS = catalog.GRAPHQL_AUTH.name, catalog.EXPRESS.name
SMALL, LARGE = "1,000", "1,000,000"
EMPTY, EXISTING = "no data yet", "existing data"
AFTER_LOAD = "after load MB"
# A ratio to a floor above this is impossible: something else slowed the floor down.
MAX_FLOOR_RATIO = 1.05

Results = Mapping[str, Measurement]
Values = Callable[[Results], list[float]]


@dataclass(frozen=True, slots=True)
class Goal:
    """A number of each round, and the limit of their median: the least or the most."""

    title: str
    limit: str
    values: Values
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
            verdict = "met" if compare(reached.median, float(limit)) else "**missed**"
        return [("limit", self.limit), ("measured", reached or "–"), ("", verdict)]


def _ratio(workload: str, other: str, name: str = US, metric: str = "per second") -> Values:
    return lambda found: found[workload].ratios(name, other, metric) if workload in found else []


def _values(workload: str, name: str, metric: str) -> Values:
    return lambda found: found[workload].values(name, metric) if workload in found else []


def _against(workload: str, what: str, other: str, limit: str) -> Goal:
    is_floor = other in {RAW_BCRYPT, BARE_REFRESHES}
    return Goal(f"{what}, against {other}", limit, _ratio(workload, other), is_floor)


def _growth(title: str, metric: str) -> Goal:
    return Goal(title, "≤ 1.1 ×", _ratio("size", SMALL, LARGE, metric))


def _start(data: str) -> Goal:
    return Goal(
        f"start with embedded MongoDB, {data}", "≤ 1.2 s", _values("embedded", data, "seconds")
    )


WELCOME, STORM = "`welcome`, 16 connections", "`welcome` in a login storm, against before it"
GOALS = (
    _against("welcome-16", WELCOME, catalog.APOLLO_SERVER.name, "≥ 3 ×"),
    _against("welcome-16", WELCOME, EXPRESS, "≥ 2.5 ×"),
    _against("welcome-16", WELCOME, catalog.STOCK_STRAWBERRY.name, "≥ 5 ×"),
    _against("welcome-16", WELCOME, catalog.BARE_STARLETTE.name, "≥ 0.5 ×"),
    _against("logins", "logins", RAW_BCRYPT, "≥ 0.95 ×"),
    _against("logins", "logins", EXPRESS, "≥ 2.2 ×"),
    Goal(STORM, "≥ 0.95 ×", _values("storm", US, "kept")),
    Goal("its p99, against before it", "≤ 1.2 ×", _values("storm", US, "p99 times")),
    _against("refreshes-1", "refreshes, one at a time", BARE_REFRESHES, "≥ 0.6 ×"),
    _against("refreshes-16", "refreshes, 16 at once", BARE_REFRESHES, "≥ 0.6 ×"),
    _growth("login, a million users against a thousand", "login ms"),
    _growth("refresh, a million sessions against a thousand", "refresh ms"),
    _start(EMPTY),
    _start(EXISTING),
    Goal("memory of one process after load", "≤ 100 MB", _values("memory", US, AFTER_LOAD)),
)
