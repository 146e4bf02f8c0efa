"""The plot of docs/scale.md: how many cores it takes, and which limit is reached first."""

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.plots import BLUE, DOTS_PER_INCH, GREY, ORANGE, STYLE
from benchmarks.scale.deployment import Deployment
from benchmarks.scale.limits import LIMITS

# Of Okabe and Ito, and dashed where they begin anew.
COLOURS = (BLUE, ORANGE, "#009E73", "#CC79A7")
SIZE = (8.0, 8.4)
USERS = [10 ** (6 + step / 20) for step in range(73)]
LEAST_SHARE, MOST_SHARE = 1e-3, 10


def write(path: Path, deployment: Deployment) -> None:
    """Draw deployments of all sizes, as PNG and as SVG."""
    deployments = [replace(deployment, users=users) for users in USERS]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=SIZE, layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True)
        _cores(above, deployments)
        _limits(below, deployments)
        figure.savefig(path.with_suffix(".png"), dpi=DOTS_PER_INCH)
        figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})


def _cores(axes: Axes, deployments: list[Deployment]) -> None:
    lines = (
        ("all processes", BLUE, "-", [one.app_cores for one in deployments]),
        ("of these, for passwords", ORANGE, "-", [one.hash_cores for one in deployments]),
        ("all primaries, half busy", GREY, "-", [_primaries(one) for one in deployments]),
    )
    for label, colour, style, cores in lines:
        axes.plot(USERS, cores, color=colour, linestyle=style, label=label)
    axes.set_title("Cores, with the code of today")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylabel("cores")
    axes.legend(frameon=False)


def _primaries(one: Deployment) -> float:
    return (one.primary_cores + one.news_cores + one.look_cores) / one.assumed.busy


def _limits(axes: Axes, deployments: list[Deployment]) -> None:
    for number, limit in enumerate(LIMITS):
        shares = [limit.share(one) for one in deployments]
        colour = COLOURS[number % len(COLOURS)]
        style = "-" if number < len(COLOURS) else "--"
        axes.plot(USERS, shares, color=colour, linestyle=style, label=limit.name)
    axes.axhline(1, color="black", linewidth=1)
    axes.set_title("What breaks first: what is taken of each limit")
    axes.set_xlabel("registered users")
    axes.set_ylabel("share, 1 is too much")
    axes.set_yscale("log")
    axes.set_ylim(LEAST_SHARE, MOST_SHARE)
    axes.legend(frameon=False, ncols=2)
