"""What graphql-auth sets itself, and whether a run shows it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks import starts
from benchmarks.contenders import APOLLO_SERVER, BARE_STARLETTE, EXPRESS, STOCK_STRAWBERRY
from benchmarks.rounds import Measured, Spread, spread
from benchmarks.workloads import BARE_REFRESHES, RAW_BCRYPT

US = "graphql-auth"
SMALL, LARGE = 1_000, 1_000_000
# Rounds differ, also where nothing can be better.
A_LITTLE_MORE = 1.05
AFTER_LOAD = "after load MB"

Results = Mapping[str, Measured]


@dataclass(frozen=True, slots=True)
class Goal:
    """A number of a run, and what it shall be at least, or at most."""

    title: str
    found: Callable[[Results], list[float]]
    at_least: float | None = None
    at_most: float | None = None
    unit: str = "×"
    # Beyond this, the measurement is wrong: nobody does more than a floor that does less work.
    most_possible: float = math.inf

    def reached(self, results: Results) -> Spread | None:
        """Return the number, round by round; None where the run has not measured it."""
        return spread(self.found(results))

    def is_met(self, results: Results) -> bool | None:
        """Whether the median is within the bounds; None where it is not known, or cannot be."""
        reached = self.reached(results)
        if reached is None:
            return None
        if reached.median > self.most_possible:
            return None
        low = -math.inf if self.at_least is None else self.at_least
        high = math.inf if self.at_most is None else self.at_most
        return low <= reached.median <= high

    def verdict(self, results: Results) -> str:
        """Say in a word whether it is met."""
        reached = self.reached(results)
        if reached is None:
            return "not measured"
        if reached.median > self.most_possible:
            return "**cannot be**: the machine was not quiet"
        return "met" if self.is_met(results) else "**short**"

    @property
    def wanted(self) -> str:
        """The bounds, for people."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g} {self.unit}"
        return f"≤ {self.at_most:g} {self.unit}"


def _ratio(workload: str, other: str) -> Callable[[Results], list[float]]:
    def found(results: Results) -> list[float]:
        if workload not in results:
            return []
        return results[workload].ratios(US, other, "per second")

    return found


def _values(workload: str, name: str, metric: str) -> Callable[[Results], list[float]]:
    return lambda results: results[workload].values(name, metric) if workload in results else []


def _growth(metric: str) -> Callable[[Results], list[float]]:
    def found(results: Results) -> list[float]:
        if "size" not in results:
            return []
        return results["size"].ratios(f"{LARGE:,}", f"{SMALL:,}", metric)

    return found


WELCOME = "welcome-16"
GOALS = (
    *(
        Goal(f"`welcome`, 16 connections, against {other}", _ratio(WELCOME, other), at_least=bound)
        for other, bound in (
            (APOLLO_SERVER.name, 3),
            (EXPRESS.name, 2.5),
            (STOCK_STRAWBERRY.name, 5),
            (BARE_STARLETTE.name, 0.5),
        )
    ),
    Goal(
        "logins, against raw bcrypt on all cores",
        _ratio("logins", RAW_BCRYPT),
        at_least=0.95,
        most_possible=A_LITTLE_MORE,
    ),
    Goal(f"logins, against {EXPRESS.name}", _ratio("logins", EXPRESS.name), at_least=2.2),
    Goal(
        "`welcome` during a login storm, against before it",
        _values("storm", US, "kept"),
        at_least=0.95,
    ),
    Goal("its p99, against before it", _values("storm", US, "p99 times"), at_most=1.2),
    *(
        Goal(
            f"refreshes, {so_many}, against the bare operation of the database",
            _ratio(workload, BARE_REFRESHES),
            at_least=0.6,
            most_possible=A_LITTLE_MORE,
        )
        for workload, so_many in (("refreshes-1", "one at a time"), ("refreshes-16", "16 at once"))
    ),
    Goal("login, a million users against a thousand", _growth("login ms"), at_most=1.1),
    Goal("refresh, a million sessions against a thousand", _growth("refresh ms"), at_most=1.1),
    *(
        Goal(
            f"start with the embedded database, {data}",
            _values("embedded", data, "seconds"),
            at_most=1.2,
            unit="s",
        )
        for data in (starts.FRESH, starts.EXISTING)
    ),
    Goal(
        "memory of one process after load",
        _values("memory", US, AFTER_LOAD),
        at_most=100,
        unit="MB",
    ),
)
