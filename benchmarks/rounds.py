"""Rounds in which contenders take turns, and what is made of their numbers.

A machine is now fast and now slow. Those who are compared are measured one right after the other,
and a ratio is taken within each round, so that what slows a round down slows both of them.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from benchmarks.servers import NotStarted
from benchmarks.wire import WrongAnswer

Sample = Mapping[str, float]
Priority = Callable[[], Sample]


class Spread(NamedTuple):
    """The median of some rounds, and the least and the most of them."""

    median: float
    low: float
    high: float


@dataclass(slots=True)
class Measured:
    """What the rounds of a workload gave, for each that took part in all of them."""

    title: str
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def values(self, name: str, metric: str) -> list[float]:
        """Return a number of one contender, round by round; none if it is not known."""
        return [sample[metric] for sample in self.samples.get(name, []) if metric in sample]

    def spread(self, name: str, metric: str) -> Spread | None:
        """Return the spread of a number of one contender."""
        return spread(self.values(name, metric))

    def ratios(self, name: str, other: str, metric: str) -> list[float]:
        """Return how one contender compares to another, round by round."""
        pairs = zip(self.values(name, metric), self.values(other, metric), strict=False)
        return [one / another for one, another in pairs if another]


@dataclass(frozen=True, slots=True)
class Clock:
    """How long the run may take."""

    most_seconds: float
    began: float = field(default_factory=time.monotonic)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    @property
    def is_over(self) -> bool:
        """Whether no further round begins."""
        return self.elapsed > self.most_seconds


def spread(values: Sequence[float]) -> Spread | None:
    """Return the spread of numbers, if there are any."""
    if not values:
        return None
    return Spread(statistics.median(values), min(values), max(values))


def alternate(
    title: str, turns: Mapping[str, Priority], rounds: int, clock: Clock, shown: str
) -> Measured:
    """Let all take their turns, round by round, and show the metric ``shown`` of each.

    Each round begins with another one, so that none always follows the same. One that fails is
    left out, with the reason.
    """
    measured = Measured(title, {name: [] for name in turns})
    for number in range(rounds):
        if number and clock.is_over:
            print(f"  time is over: {number} rounds instead of {rounds}", flush=True)
            break
        print(f"  round {number + 1} of {rounds}:", end="", flush=True)
        for name in _rotate(list(measured.samples), number):
            _take(measured, name, turns[name], shown)
        print(flush=True)
    return measured


def _take(measured: Measured, name: str, turn: Priority, shown: str) -> None:
    try:
        sample = turn()
    except (WrongAnswer, NotStarted) as reason:
        measured.left_out[name] = str(reason)
        del measured.samples[name]
        print(f" {name} LEFT OUT ({reason})", end=";", flush=True)
    else:
        measured.samples[name].append(sample)
        print(f" {name} {number_shown(sample[shown])}", end=";", flush=True)


def number_shown(value: float) -> str:
    """Write a number with three digits that matter, or all before the point."""
    if value >= 100:  # noqa: PLR2004
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"  # noqa: PLR2004


def _rotate(names: list[str], by: int) -> list[str]:
    start = by % len(names) if names else 0
    return names[start:] + names[:start]
