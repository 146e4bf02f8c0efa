"""The report of a run: which goals are met, what was not better, every number, on what machine."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.goals import GOALS, US, Goal, Results
from benchmarks.rounds import Measured, Spread, number_shown, spread
from benchmarks.versions import Facts, named
from benchmarks.workloads import BARE_REFRESHES, RAW_BCRYPT

FLOORS = (RAW_BCRYPT, BARE_REFRESHES)
BEGIN, END = "<!-- the latest run of everything -->", "<!-- so far -->"
HEADER = """\
# Results

Medians of the rounds, with the least and the most in brackets. See [how this is
measured](../README.md), and [the raw numbers](results.json).
"""


def write(  # noqa: PLR0913, PLR0917 - all that a report is made of
    out: Path,
    results: Results,
    facts: Facts,
    command: str,
    missing: Mapping[str, str],
    plots: Sequence[str],
) -> None:
    """Write the tables and the raw numbers."""
    out.mkdir(parents=True, exist_ok=True)
    raw = {
        "command": command,
        **facts,
        "missing": dict(missing),
        "goals": [_raw(goal, results) for goal in GOALS],
        "workloads": {name: asdict(measured) for name, measured in results.items()},
    }
    text = json.dumps(raw, indent=1, ensure_ascii=False)
    (out / "results.json").write_text(f"{text}\n", encoding="utf-8")
    (out / "README.md").write_text(page(results, facts, command, missing, plots), encoding="utf-8")


def publish(
    guide: Path, results: Results, facts: Facts, command: str, plots: Sequence[str]
) -> None:
    """Write what was shown between the marks in the guide to the benchmarks."""
    before, begin, rest = guide.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{guide.name} has no place for results")
    parts = [
        begin,
        _origin(facts, command),
        "\n".join(goals_table(results)) + "\n",
        *(f"![{name}](results/{name}.svg)\n" for name in plots),
        end,
    ]
    guide.write_text(before + "\n".join(parts) + after, encoding="utf-8")


def page(
    results: Results,
    facts: Facts,
    command: str,
    missing: Mapping[str, str],
    plots: Sequence[str],
) -> str:
    """Return the report in Markdown."""
    parts = [
        HEADER,
        _origin(facts, command),
        "\n".join(goals_table(results)) + "\n",
        "\n".join(_not_better(results, missing)) + "\n",
        *(f"![{name}]({name}.svg)\n" for name in plots),
        *("\n".join(_section(measured)) + "\n" for measured in results.values()),
    ]
    return "\n".join(parts)


def _origin(facts: Facts, command: str) -> str:
    machine = facts["machine"]
    return (
        f"`{command}` at {facts['commit']}, {facts['date'][:10]}, on {machine['cores']} cores of"
        f" {machine['processor']}, {machine['memory GB']} GB, Linux {machine['kernel']}, with a"
        f" load of {machine['load before']:.2f} before the start. {named(facts)}.\n"
    )


def goals_table(results: Results) -> Iterator[str]:
    """Yield the lines of the table of goals."""
    yield "| goal | wanted | measured | |"
    yield "| --- | --- | --- | --- |"
    for goal in GOALS:
        reached = goal.reached(results)
        shown = _shown(reached) if reached else "–"
        yield f"| {goal.title} | {goal.wanted} | {shown} | {goal.verdict(results)} |"


def _not_better(results: Results, missing: Mapping[str, str]) -> Iterator[str]:
    yield "## Not better\n"
    lines = [line for measured in results.values() for line in _faster(measured)]
    lines += [f"- {name} is left out: {' '.join(why.split())}" for name, why in missing.items()]
    yield from lines or ["Nobody did more a second than graphql-auth."]


def _faster(measured: Measured) -> Iterator[str]:
    """Yield those, apart from floors, that did as much a second as graphql-auth, or more."""
    for name in measured.samples:
        ratio = spread(measured.ratios(name, US, "per second"))
        if name not in {US, *FLOORS} and ratio and ratio.median >= 1:
            yield f"- {measured.title}: {name} did {ratio.median:.2f} × as many."
    for name, reason in measured.left_out.items():
        yield f"- {measured.title}: {name} is left out: {' '.join(reason.split())}"


def _section(measured: Measured) -> Iterator[str]:
    metrics = list(
        dict.fromkeys(key for one in measured.samples.values() for s in one for key in s)
    )
    compared = "per second" in metrics and US in measured.samples
    yield f"## {measured.title}\n"
    yield f"| | {' | '.join(metrics)} |{f' {US} does |' if compared else ''}"
    yield "| --- " * (1 + len(metrics) + compared) + "|"
    for name in measured.samples:
        spreads = [measured.spread(name, metric) for metric in metrics]
        cells = [_shown(one) if one else "–" for one in spreads]
        yield f"| {name} | {' | '.join(cells)} |{_times(measured, name) if compared else ''}"


def _times(measured: Measured, name: str) -> str:
    ratio = spread(measured.ratios(US, name, "per second"))
    return f" {ratio.median:.2f} × |" if ratio and name != US else " |"


def _shown(found: Spread) -> str:
    median, low, high = map(number_shown, found)
    return f"{median} ({low}–{high})"


def _raw(goal: Goal, results: Results) -> dict[str, object]:
    return {
        "title": goal.title,
        "wanted": goal.wanted,
        "rounds": goal.found(results),
        "met": goal.is_met(results),
        "verdict": goal.verdict(results),
    }
