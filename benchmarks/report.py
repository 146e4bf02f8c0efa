"""The report of a run: whether it meets the goals, all medians, the machine and versions."""

import json
import operator
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from benchmarks.measurements import Measurement, spread
from benchmarks.peers import catalog
from benchmarks.servers import ALL_CORES
from benchmarks.workloads import BARE_REFRESHES, RAW_BCRYPT

HERE = Path(__file__).parent
# Those of the peers are in their lock files.
PACKAGES = "strawberry-graphql graphql-core starlette uvicorn httptools uvloop pyjwt bcrypt beanie"
# A peer that does at least so much of what graphql-auth does is level.
LEVEL = 0.9
US, FLOOR = catalog.GRAPHQL_AUTH.name, catalog.BARE_STARLETTE.name
SMALL, LARGE = "1,000", "1,000,000"
EMPTY, EXISTING = "no data yet", "existing data"
# What hashes only: a ratio above this is impossible, so something else slowed it down.
MAX_FLOOR_RATIO = 1.05

Results = Mapping[str, Measurement]


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit of the median of a metric of ``name``, or of its ratio to that of ``other``."""

    what: str
    limit: str
    seen: str
    workload: str
    other: str = ""
    metric: str = "per second"
    name: str = US

    @property
    def title(self) -> str:
        return f"{self.what} ÷ {self.other}" if self.other else self.what

    def row(self, results: Results) -> list[tuple[str, object]]:
        """Return the cells of the goal in the table of goals."""
        reached = spread(self._values(results))
        sign, limit, *_ = self.limit.split()
        if reached is None:
            verdict = "not measured"
        elif self.other == RAW_BCRYPT and reached.median > MAX_FLOOR_RATIO:
            verdict = "**impossible**: the machine was busy"
        else:
            compare = operator.ge if sign == "≥" else operator.le
            verdict = "met" if compare(reached.median, float(limit)) else "**short**"
        cells = [("goal", self.limit), ("seen on 172e614", self.seen)]
        return [*cells, ("measured", reached or "–"), ("", verdict)]

    def _values(self, results: Results) -> list[float]:
        found = results.get(self.workload, Measurement({}))
        if self.other:
            return found.ratios(self.name, self.other, self.metric)
        return found.values(self.name, self.metric)


WELCOME, VIEWER = "`welcome`", "`viewer { email }`"
WHILE_ENDED = "`welcome` while 100,000 sessions are ended ÷ before"
LEAVING = "a bystander's worst `welcome` while a user with 20,000 sessions leaves everywhere"
GOALS = (
    Goal(f"{WELCOME}, one token", "≥ 0.75", "0.67–0.76", "welcome", FLOOR),
    Goal("`welcome`, 100,000 tokens", "≥ 0.6", "0.47", "tokens-100000", FLOOR),
    Goal(WELCOME, "≥ 5", "5–6.4", "welcome", catalog.APOLLO_SERVER.name),
    Goal(WELCOME, "≥ 2.3", "2.2–2.6", "welcome", catalog.CACHED_STRAWBERRY.name),
    Goal(WELCOME, "≥ 7", "7", "welcome", catalog.STOCK_STRAWBERRY.name),
    Goal(WELCOME, "≥ 4", "4–4.7", "welcome", catalog.EXPRESS.name),
    Goal(VIEWER, "≥ 7", "6.3", "viewer", catalog.PARSE_SERVER.name),
    Goal(VIEWER, "≥ 9", "8.4", "viewer", catalog.BETTER_AUTH.name),
    Goal("logins", "≥ 0.95", "0.92–0.99", "logins", RAW_BCRYPT),
    Goal("login storm: throughput of `welcome` kept", "≥ 0.95", "0.95", "storm", metric="kept"),
    Goal("login storm: p99 of `welcome`", "≤ 2 ms", "1.8–2.0", "storm", metric="p99 ms"),
    Goal("refreshes, one at a time", "≥ 0.42", "0.35", "refreshes-1", BARE_REFRESHES),
    Goal("refreshes, 16 at once", "≥ 0.35", "0.26", "refreshes-16", BARE_REFRESHES),
    Goal(WHILE_ENDED, "≥ 0.9", "0.37", "ended", metric="kept"),
    Goal("CPU of the process 2 s later", "≤ 5 %", "55", "ended", metric="CPU % later"),
    Goal(LEAVING, "≤ 50 ms", "109", "leaving", metric="worst ms"),
    Goal("memory of one process after load", "≤ 75 MB", "86", "memory", metric="MB"),
    Goal(f"start, embedded, {EMPTY}", "≤ 0.7 s", "0.5", "embedded", "", "seconds", EMPTY),
    Goal(f"start, embedded, {EXISTING}", "≤ 0.7 s", "0.5", "embedded", "", "seconds", EXISTING),
    Goal("login, 1,000,000 users", "≤ 1.1", "0.95–0.99", "size", SMALL, "login ms", LARGE),
    Goal("refresh, 1,000,000 users", "≤ 1.1", "0.95–0.99", "size", SMALL, "refresh ms", LARGE),
)


def describe_machine(mongo_uri: str) -> dict[str, str]:
    """Return the machine and the versions, by the names of the report."""
    with MongoClient[dict[str, Any]](mongo_uri) as client:
        mongodb = client.server_info()["version"]
    cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("model name\t: ")[2]
    memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    return {
        "commit": _output("git", "-C", str(HERE), "describe", "--always", "--dirty", "--tags"),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{len(ALL_CORES)} cores of {cpu.partition(chr(10))[0]}, {memory} GB",
        "load before the start": f"{os.getloadavg()[0]:.2f}",
        "Linux": platform.release(),
        "Python": platform.python_version(),
        "MongoDB": mongodb,
        "Node.js": _output("node", "--version").removeprefix("v"),
        "wrk": _output("wrk", "-v").removeprefix("wrk ").partition(" ")[0],
    } | {name: version(name) for name in PACKAGES.split()}


def _output(*command: str) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return (ended.stdout or ended.stderr).strip().partition("\n")[0]


def write_report(directory: Path, results: Results, machine: Mapping[str, str]) -> str:
    """Write the tables and, as JSON, every number; return the goals and what is level."""
    raw = {"machine": machine} | {name: asdict(one) for name, one in results.items()}
    text = json.dumps(raw, indent=1, ensure_ascii=False)
    (directory / "results.json").write_text(f"{text}\n", encoding="utf-8")
    cells = {(goal.title, name): cell for goal in GOALS for name, cell in goal.row(results)}
    goals = f"{_table(cells, 'what')}\n\n{_level(results)}"
    parts = ["# Results", "Medians of the rounds, with the lowest and the highest in brackets."]
    parts += [", ".join(f"{name} {value}" for name, value in machine.items()) + ".", goals]
    for name, one in results.items():
        parts += [f"## {name}", metrics_table(one, US)]
        parts += [f"{peer} is left out: {reason}" for peer, reason in one.left_out.items()]
    (directory / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return goals


def _level(results: Results) -> str:
    """Say which peers do as much as graphql-auth, or more."""
    found = []
    for workload, one in results.items():
        for peer in catalog.PEERS:
            does = spread(one.ratios(peer.name, US))
            if peer.name not in {US, FLOOR} and does and does.median >= LEVEL:
                found.append(f"{peer.name} in `{workload}` ({does} × of graphql-auth)")
    return f"Level or ahead: {', '.join(found) or 'no peer'}."


def metrics_table(one: Measurement, base: str) -> str:
    """Return a table of the metrics of each server, with the ratio to those of one of them."""
    cells = {}
    for name, rounds in one.samples.items():
        for metric in rounds[0]:
            ratio = spread(one.ratios(name, base, metric)) if name != base else None
            compared = f"<br>{ratio} ×" if ratio else ""
            cells[name, metric] = f"{spread(one.values(name, metric))}{compared}"
    return _table(cells)


def _table(cells: Mapping[tuple[str, str], object], corner: str = "") -> str:
    rows = dict.fromkeys(row for row, _ in cells)
    columns = dict.fromkeys(column for _, column in cells)
    lines = [[corner, *columns], ["---"] * (1 + len(columns))]
    lines += [[row, *(str(cells.get((row, column), "")) for column in columns)] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
