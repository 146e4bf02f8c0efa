"""The report of a run: goals, medians with their spreads, the machine and versions."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from operator import attrgetter
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from benchmarks.goals import FLOOR, GOALS, US, Results
from benchmarks.measurements import Measurement, spread
from benchmarks.peers.catalog import PEERS
from benchmarks.servers import ALL_CORES
from benchmarks.workloads import AFTER_LOAD

HERE = Path(__file__).parent
# Those of the peers are in their lock files.
PACKAGES = "strawberry-graphql graphql-core starlette uvicorn httptools uvloop pyjwt bcrypt beanie"
# What the table of servers and workloads shows, if it was measured, and how.
CELL = {"per second": "{} a second", "p99 ms": "p99 {} ms", AFTER_LOAD: "{} MB"}
# Tables of all metrics of a workload.
TABLES = {"storm": "Login storm", "ended": "Sessions ended", "leaving": "Leaving everywhere"}
TABLES |= {"refusals": "Refused logins", "size": "Users and sessions"}
# A peer that does at least so much of what graphql-auth does is level.
LEVEL = 0.9
BEGIN, END = "<!-- The goals of the published run. -->\n", "<!-- The end of the goals. -->"

Cells = Mapping[tuple[str, str], object]


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


def write_report(
    directory: Path, results: Results, machine: Mapping[str, str], left_out: Mapping[str, str]
) -> str:
    """Write the tables and, as JSON, every number; return the goals and what is level."""
    raw = {"machine": machine, "left out": left_out} | {
        name: asdict(one) for name, one in results.items()
    }
    text = json.dumps(raw, indent=1, ensure_ascii=False)
    (directory / "results.json").write_text(f"{text}\n", encoding="utf-8")
    cells = {(goal.title, name): cell for goal in GOALS for name, cell in goal.row(results)}
    goals = f"{_table(cells, 'what')}\n\n{_level(results)}"
    parts = ["# Results", "Medians of the rounds, with the lowest and the highest in brackets."]
    parts += [", ".join(f"{name} {value}" for name, value in machine.items()) + ".", goals]
    parts += [f"{name} is left out: {reason}" for name, reason in left_out.items()]
    for name, one in results.items():
        parts += [f"{peer} has no {name}: {reason}" for peer, reason in one.left_out.items()]
    parts += ["## Servers", _servers(results)]
    for name, title in TABLES.items():
        if name in results:
            parts += [f"## {title}", _metrics(results[name])]
    (directory / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return goals


def publish(goals: str, machine: Mapping[str, str]) -> None:
    """Put the goals of a run into the README."""
    path = HERE / "README.md"
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    where = f"Commit {machine['commit']}, {machine['date']}, {machine['machine']}:"
    after = rest.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n{where}\n\n{goals}\n\n{END}{after}", encoding="utf-8")


def _level(results: Results) -> str:
    """Say which peers do as much as graphql-auth, or more."""
    found = []
    for workload, one in results.items():
        for peer in map(attrgetter("name"), PEERS):
            does = spread(one.ratios(peer, US))
            if peer not in {US, FLOOR} and does and does.median >= LEVEL:
                found.append(f"{peer} in `{workload}` ({does} × of graphql-auth)")
    return f"Level or ahead: {', '.join(found) or 'no peer'}."


def _servers(results: Results) -> str:
    cells: dict[tuple[str, str], str] = {}
    for name, one in results.items():
        for peer in one.samples:
            spreads = [(form, spread(one.values(peer, metric))) for metric, form in CELL.items()]
            spreads += [(f"{US} does {{}} ×", spread(one.ratios(US, peer)) if peer != US else None)]
            lines = [form.format(found) for form, found in spreads if found]
            cells |= {(peer, name): "<br>".join(lines)} if lines else {}
    return _table(cells)


def _metrics(one: Measurement) -> str:
    metrics = [(peer, metric) for peer, rounds in one.samples.items() for metric in rounds[0]]
    return _table({(peer, metric): spread(one.values(peer, metric)) for peer, metric in metrics})


def _table(cells: Cells, corner: str = "") -> str:
    rows = dict.fromkeys(row for row, _ in cells)
    columns = dict.fromkeys(column for _, column in cells)
    lines = [[corner, *columns], ["---"] * (1 + len(columns))]
    lines += [[row, *(str(cells.get((row, column), "")) for column in columns)] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
