"""Plots of a run, as PNG and SVG: bars of medians, with the least and the most as whiskers."""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.goals import AFTER_LOAD, US, Results
from benchmarks.rounds import Measured, number_shown

# Of Okabe and Ito, told apart by those who see fewer colours too.
BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#999999"
WIDTH, ROW, MARGIN = 8.0, 0.42, 1.3
DOTS_PER_INCH = 150
STYLE = {
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "figure.facecolor": "white",
    # The same numbers make the same file, with words that can be searched for.
    "svg.hashsalt": "graphql-auth",
    "svg.fonttype": "none",
}

Draw = Callable[[Results], Figure | None]


def write(out: Path, results: Results) -> list[str]:
    """Draw what has been measured, and return the names of the plots."""
    out.mkdir(parents=True, exist_ok=True)
    written = []
    with mpl.rc_context(STYLE):
        for name, draw in PLOTS.items():
            figure = draw(results)
            if figure is None:
                continue
            figure.savefig(out / f"{name}.png", dpi=DOTS_PER_INCH)
            figure.savefig(out / f"{name}.svg", metadata={"Date": None})
            written.append(name)
    return written


def _bars_of(workload: str, metric: str, label: str) -> Draw:
    def draw(results: Results) -> Figure | None:
        measured = results.get(workload)
        if measured is None or not any(measured.samples.values()):
            return None
        names = _sorted(measured, metric)
        figure, axes = _figure(len(names), measured.title.replace("`", ""), label)
        _bars(axes, measured, names, metric)
        return figure

    return draw


def _sorted(measured: Measured, metric: str) -> list[str]:
    spreads = {name: measured.spread(name, metric) for name in measured.samples}
    found = {name: one.median for name, one in spreads.items() if one}
    return sorted(found, key=lambda name: found[name])


def _bars(axes: Axes, measured: Measured, names: Sequence[str], metric: str) -> None:
    for row, name in enumerate(names):
        found = measured.spread(name, metric)
        if found is None:
            continue
        whiskers = [[found.median - found.low], [found.high - found.median]]
        colour = BLUE if name == US else GREY
        axes.barh(row, found.median, color=colour, xerr=whiskers, capsize=3, height=0.7)
        label = f" {number_shown(found.median)}"
        axes.text(found.high, row, label, va="center", ha="left")
    axes.set_yticks(range(len(names)), names)
    axes.margins(x=0.12)


def _storm(results: Results) -> Figure | None:
    """Draw the p99 before and during a storm, each as a bar; the scale is logarithmic."""
    measured = results.get("storm")
    if measured is None or not any(measured.samples.values()):
        return None
    names = _sorted(measured, "storm p99 ms")[::-1]
    title = "p99 of welcome, before and during a login storm"
    figure, axes = _figure(2 * len(names), title, "milliseconds, logarithmic")
    kinds = (("idle p99 ms", GREY, "before", 0.2), ("storm p99 ms", ORANGE, "during", -0.2))
    for metric, colour, label, offset in kinds:
        for row, name in enumerate(names):
            found = measured.spread(name, metric)
            if found is None:
                continue
            whiskers = [[found.median - found.low], [found.high - found.median]]
            place = row + offset
            shown = label if row == 0 else None
            axes.barh(
                place, found.median, 0.38, color=colour, xerr=whiskers, capsize=3, label=shown
            )
            axes.text(found.high, place, f" {number_shown(found.median)}", va="center")
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), names)
    axes.margins(x=0.12)
    axes.legend(frameon=False, loc="lower right")
    return figure


def _size(results: Results) -> Figure | None:
    measured = results.get("size")
    if measured is None or not any(measured.samples.values()):
        return None
    figure, axes = _figure(7, measured.title, "users, and as many sessions; logarithmic")
    lines = (("login ms", BLUE, "o"), ("refresh ms", ORANGE, "s"), ("sessions ms", GREY, "^"))
    for metric, colour, marker in lines:
        found = {
            int(name.replace(",", "")): one
            for name in measured.samples
            if (one := measured.spread(name, metric))
        }
        whiskers = [
            [one.median - one.low for one in found.values()],
            [one.high - one.median for one in found.values()],
        ]
        medians = [one.median for one in found.values()]
        label = metric.removesuffix(" ms")
        axes.errorbar(
            list(found), medians, whiskers, color=colour, marker=marker, capsize=3, label=label
        )
    axes.set_xscale("log")
    axes.set_ylabel("milliseconds")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return figure


def _figure(rows: int, title: str, label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, MARGIN + ROW * rows), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title)
    axes.set_xlabel(label)
    return figure, axes


PLOTS: dict[str, Draw] = {
    "welcome": _bars_of("welcome-16", "per second", "answers a second"),
    "logins": _bars_of("logins", "per second", "logins a second"),
    "registrations": _bars_of("registrations", "per second", "registrations a second"),
    "refreshes": _bars_of("refreshes-16", "per second", "refreshes a second"),
    "mix": _bars_of("mix", "per second", "answers a second"),
    "storm": _storm,
    "size": _size,
    "start": _bars_of("start", "seconds", "seconds"),
    "memory": _bars_of("memory", AFTER_LOAD, "MB after load"),
}
