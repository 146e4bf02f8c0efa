"""The report of a run: goals, medians with their spreads, a picture, the machine and versions."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pymongo import MongoClient

from benchmarks.goals import AFTER_LOAD, GOALS, US, Results
from benchmarks.measurements import Measurement, format_number, spread
from benchmarks.servers import ALL_CORES

HERE = Path(__file__).parent
# Those of the peers are in their lock files.
PACKAGES = "strawberry-graphql graphql-core starlette uvicorn httptools uvloop pyjwt bcrypt beanie"
# What the table of servers and workloads shows, if it was measured, and how.
CELL = {"per second": "{} a second", "p99 ms": "p99 {} ms", "seconds": "{} s", AFTER_LOAD: "{} MB"}
# Tables of all metrics of a workload.
TABLES = {"storm": "Login storm", "refusals": "Refused logins", "size": "Users and sessions"}
TABLES |= {"mail": "Requests for mail, with and without an account"}
# The panels of the picture, and the metrics of their bars.
PANELS = {name: ["per second"] for name in ("welcome-16", "logins", "refreshes-16", "mix")}
PANELS |= {"storm": ["idle p99 ms", "storm p99 ms"]}
PANELS |= {"size": ["login ms", "refresh ms", "sessions ms"]}
PANELS |= {"start": ["seconds"], "memory": [AFTER_LOAD]}
# By Okabe and Ito: people who are colour-blind can tell them apart.
COLOURS = ("#0072B2", "#E69F00", "#999999")
# The same numbers make the same file, and its text can be searched.
STYLE = {"axes.titlelocation": "left", "svg.hashsalt": "graphql-auth", "svg.fonttype": "none"}
STYLE |= {"font.size": "8"}

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
    """Write the tables, the picture and, as JSON, every number; return the table of goals."""
    raw = {"machine": machine, "left out": left_out} | {
        name: asdict(one) for name, one in results.items()
    }
    text = json.dumps(raw, indent=1, ensure_ascii=False)
    (directory / "results.json").write_text(f"{text}\n", encoding="utf-8")
    _draw(directory / "results.svg", results)
    cells = {(goal.title, name): cell for goal in GOALS for name, cell in goal.row(results)}
    goals = _table(cells, "goal")
    parts = ["# Results", "Medians of the rounds, with the lowest and the highest in brackets."]
    parts += [", ".join(f"{name} {value}" for name, value in machine.items()) + "."]
    parts += [goals, "![The numbers below as bars](results.svg)"]
    parts += [f"{name} is left out: {reason}" for name, reason in left_out.items()]
    for name, one in results.items():
        parts += [f"{peer} has no {name}: {reason}" for peer, reason in one.left_out.items()]
    parts += ["## Servers", _servers(results)]
    for name, title in TABLES.items():
        if name in results:
            parts += [f"## {title}", _metrics(results[name])]
    (directory / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return goals


def _servers(results: Results) -> str:
    cells: dict[tuple[str, str], str] = {}
    for name, one in results.items():
        # The starts of the embedded MongoDB are goals.
        for peer in one.samples if name != "embedded" else ():
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


def _draw(path: Path, results: Results) -> None:
    names = [name for name in PANELS if name in results and any(results[name].samples.values())]
    rows = (len(names) + 1) // 2
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 2.2 * rows), layout="constrained", facecolor="white")
        for number, name in enumerate(names, 1):
            axes = figure.add_subplot(rows, 2, number)
            _draw_bars(axes, results[name], PANELS[name])
            axes.set_title(name, weight="bold")
            if name == "storm":
                axes.set_xscale("log")
        figure.savefig(path, metadata={"Date": None})


def _draw_bars(axes: Axes, measurement: Measurement, metrics: list[str]) -> None:
    """Draw medians as bars, with the lowest and the highest as whiskers."""
    names, height = list(measurement.samples)[::-1], 0.8 / len(metrics)
    for number, metric in enumerate(metrics):
        for row, name in enumerate(names):
            if found := spread(measurement.values(name, metric)):
                position = row + ((len(metrics) - 1) / 2 - number) * height
                whiskers = [[found.median - found.low], [found.high - found.median]]
                colour, label = COLOURS[number], None if row else metric
                axes.barh(position, found.median, height, color=colour, xerr=whiskers, label=label)
                axes.text(found.high, position, f" {format_number(found.median)}", va="center")
    axes.set_yticks(range(len(names)), names)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.15)
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=3)
