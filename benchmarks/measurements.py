"""Rounds in which the servers take turns, and the statistics of their numbers."""

import http.client
import math
import statistics
import subprocess
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from benchmarks.http_client import WrongAnswer

Sample = Mapping[str, float]
Turns = Mapping[str, Callable[[], Sample]]
FAILURES = (WrongAnswer, OSError, http.client.HTTPException, subprocess.SubprocessError)


class Spread(NamedTuple):
    median: float
    low: float
    high: float

    def __str__(self) -> str:
        median, low, high = map(format_number, self)
        return median if self.low == self.high else f"{median} ({low}–{high})"


@dataclass(slots=True)
class Measurement:
    """The samples of a workload by server, round by round, and why some servers have none."""

    samples: dict[str, list[Sample]]
    left_out: dict[str, str] = field(default_factory=dict)

    def values(self, name: str, metric: str) -> list[float]:
        return [sample[metric] for sample in self.samples.get(name, []) if metric in sample]

    def ratios(self, name: str, other: str, metric: str = "per second") -> list[float]:
        """Return the ratios within each round: a slow moment of the machine slows both sides."""
        pairs = zip(self.values(name, metric), self.values(other, metric), strict=False)
        return [one / another for one, another in pairs if another]


def spread(values: Sequence[float]) -> Spread | None:
    return Spread(statistics.median(values), min(values), max(values)) if values else None


def percentiles(seconds: Iterable[float]) -> dict[str, float]:
    """Return the median, the 99th percentile and the maximum, in milliseconds."""
    found = sorted(seconds)
    shares = {share: math.ceil(len(found) * share / 100) - 1 for share in (50, 99, 100)}
    return {f"p{share} ms": found[index] * 1e3 for share, index in shares.items()}


def take_turns(turns: Turns, rounds: int, once: Collection[str] = ()) -> Measurement:
    """Measure all in each round, beginning with another one, but some in the first round only."""
    measurement = Measurement({name: [] for name in turns})
    for number in range(rounds):
        print(f"  round {number + 1} of {rounds}:", end="", flush=True)
        names = list(measurement.samples)
        start = number % max(1, len(names))
        for name in names[start:] + names[:start]:
            if number and name in once:
                continue
            try:
                sample = turns[name]()
            except FAILURES as reason:
                measurement.left_out[name] = " ".join(str(reason).split())
                del measurement.samples[name]
                print(f" {name} LEFT OUT ({reason});", end="", flush=True)
            else:
                measurement.samples[name].append(sample)
                print(f" {name} {format_number(next(iter(sample.values())))};", end="", flush=True)
        print(flush=True)
    return measurement


def format_number(value: float) -> str:
    """Format a number with three significant digits, or with all digits of an integer."""
    if value >= 100:  # noqa: PLR2004
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"  # noqa: PLR2004
