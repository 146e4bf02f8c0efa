"""What deployments for 10 million, 100 million and a billion users look like: docs/scale.md."""

import argparse
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path

from benchmarks.scale import tables
from benchmarks.scale.deployment import Deployment
from benchmarks.scale.figures import Assumptions, Numbers

ROOT = Path(__file__).parent.parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGE, PLOT = ROOT / "docs" / "scale.md", ROOT / "docs" / "scale"
SIZES = (1e7, 1e8, 1e9)
NAMES = [one.name for one in fields(Assumptions)]
EPILOG = f"""\
Without options, the tables of docs/scale.md are written anew, and docs/scale.png and .svg drawn,
from benchmarks/results/results.json (make bench) and benchmarks/results/footprint.json (python -m
benchmarks.footprint). With --users or --assume, nothing is written, and a table printed.

assumptions, which docs/scale.md explains:
{textwrap.fill(", ".join(NAMES), 100, initial_indent="  ", subsequent_indent="  ")}

examples:
  python -m benchmarks.scale --users 25e6                        25 million registered users
  python -m benchmarks.scale --assume logins=30 --assume peak=5  people who sign in every day
  python -m benchmarks.scale --check                             is the page what the numbers say?
"""


def main() -> None:
    """Do what is asked for."""
    options = _parser().parse_args()
    try:
        numbers = Numbers.read(options.results, options.footprint)
    except (OSError, KeyError, ValueError) as reason:
        raise SystemExit(f"benchmarks.scale: the numbers cannot be read: {reason!r}") from None
    assumed = replace(Assumptions(), **dict(options.assume))
    deployments = [Deployment(users, numbers, assumed) for users in options.users or SIZES]
    if options.users or options.assume:
        _print(tables.sizes(deployments), tables.limits(deployments[0]))
        return
    page = PAGE.read_text(encoding="utf-8")
    filled = _filled(page, deployments)
    if options.check:
        sys.exit(_difference(page, filled))
    PAGE.write_text(filled, encoding="utf-8")
    _print(tables.sizes(deployments), tables.limits(deployments[0]))
    # An extra, which the tables do without.
    from benchmarks.scale import plot  # noqa: PLC0415

    plot.write(PLOT, deployments[0])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description="Compute how large a deployment for so many users is, and what breaks first.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--users",
        action="append",
        type=float,
        metavar="N",
        help="so many registered users, instead of three sizes; may be given more than once",
    )
    parser.add_argument(
        "--assume",
        action="append",
        default=[],
        type=_assumption,
        metavar="NAME=VALUE",
        help="assume something else; may be given more than once",
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if docs/scale.md is out of date"
    )
    for name in ("results", "footprint"):
        path = RESULTS / f"{name}.json"
        parser.add_argument(
            f"--{name}", type=Path, default=path, metavar="FILE", help=f"another {path.name}"
        )
    return parser


def _assumption(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not a number") from None
    if name not in NAMES:
        raise argparse.ArgumentTypeError(f"there is no assumption {name!r}")
    return name, number


def _filled(page: str, deployments: list[Deployment]) -> str:
    """Put the tables between their marks; raises ValueError where a mark is missing."""
    first = deployments[0]
    blocks = {
        "sizes": tables.sizes(deployments),
        "limits": tables.limits(first),
        "always": tables.always(first),
        "measured": tables.measured(first.numbers),
        "assumed": tables.assumptions(first.assumed),
    }
    for name, lines in blocks.items():
        begin, end = f"<!-- {name}: python -m benchmarks.scale -->\n", f"<!-- end of {name} -->"
        head, _, rest = page.partition(begin)
        if end not in rest:
            raise ValueError(f"docs/scale.md has no place for {name}")
        page = head + begin + "\n".join(lines) + "\n" + end + rest.partition(end)[2]
    return page


def _difference(page: str, filled: str) -> str | None:
    """Return what to say when the page is not what it should be."""
    stale = sorted(set(page.splitlines()) - set(filled.splitlines()))
    told = "\n".join(["docs/scale.md is out of date; run: python -m benchmarks.scale", *stale])
    return None if page == filled else told


def _print(*blocks: Iterable[str]) -> None:
    print("\n\n".join("\n".join(lines) for lines in blocks))


if __name__ == "__main__":
    main()
