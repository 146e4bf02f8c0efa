"""The command line of the benchmarks."""

import argparse
import importlib.util
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from benchmarks import report, servers, versions
from benchmarks.contenders import CONTENDERS, install
from benchmarks.peers.contender import Contender
from benchmarks.rounds import Clock
from benchmarks.run import FULL, QUICK, Plan, Run
from graphql_auth.errors import StartError

HERE = Path(__file__).parent
RESULTS = HERE / "results"
# Of runs that leave something out; not kept in the repository.
LATEST = HERE / ".latest"
WORKLOADS = [part.workload.name for part in FULL.parts] + ["start", "embedded", "size"]
EPILOG = f"""\
workloads:
  {", ".join(WORKLOADS)}

examples:
  make bench                                              all of it
  python -m benchmarks --quick --out /tmp/out             the main points
  python -m benchmarks --only logins --only storm         two workloads
  python -m benchmarks --contender "Express original"     graphql-auth and one other

Whatever else runs on the machine is measured too: close it first.
"""


def main() -> None:
    """Measure what is asked for, and write the report."""
    options = _parser().parse_args()
    # However it is told to end, it ends what it has started.
    signal.signal(signal.SIGTERM, _end)
    try:
        _run(options)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except StartError as reason:
        raise SystemExit(f"benchmarks: {reason}") from None


def _end(_signal: int, _frame: object) -> NoReturn:
    raise SystemExit("benchmarks: told to end before it was done")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure graphql-auth beside other servers, and write tables and plots.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick", action="store_true", help="measure the main points only, in 3 minutes"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        choices=WORKLOADS,
        metavar="WORKLOAD",
        help="measure this workload only; may be given more than once",
    )
    parser.add_argument(
        "--contender",
        action="append",
        default=[],
        choices=[one.name for one in CONTENDERS],
        metavar="NAME",
        help="measure graphql-auth and this one only; may be given more than once",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="where the report goes; unset, benchmarks/results for a run of everything, whose"
        " table goes to benchmarks/README.md too, and benchmarks/.latest for another",
    )
    return parser


def _run(options: argparse.Namespace) -> None:
    _install()
    plan = (QUICK if options.quick else FULL).only(options.only)
    contenders = _chosen(options.contender)
    print(f"This takes about {_minutes(plan, contenders)}.", flush=True)
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        directory = Path(name)
        with servers.mongodb(directory) as mongo_uri:
            facts = versions.facts(mongo_uri)
            run = Run(contenders, mongo_uri, directory, Clock(plan.most_seconds))
            run.carry_out(plan)
    everything = plan == FULL and len(contenders) == len(CONTENDERS)
    _report(options.out or (RESULTS if everything else LATEST), run, facts)


def _install() -> None:
    try:
        install()
    except (SystemExit, subprocess.CalledProcessError) as reason:
        print(f"Not all contenders can be measured: {reason}", file=sys.stderr, flush=True)


def _chosen(names: list[str]) -> list[Contender]:
    ours, *others = CONTENDERS
    return [ours, *(one for one in others if not names or one.name in names)]


def _minutes(plan: Plan, contenders: list[Contender]) -> str:
    seconds = plan.duration(contenders)
    return f"{seconds / 60:.0f} minutes" if seconds > 90 else f"{seconds:.0f} seconds"  # noqa: PLR2004


def _report(out: Path, run: Run, facts: versions.Facts) -> None:
    drawn: list[str] = []
    if importlib.util.find_spec("matplotlib"):
        from benchmarks import plots  # noqa: PLC0415 - an extra, which the tables do without

        drawn = plots.write(out, run.results)
    else:
        print("No plots without matplotlib: pip install 'graphql-auth[bench]'", file=sys.stderr)
    command = " ".join(["python -m benchmarks", *sys.argv[1:]])
    report.write(out, run.results, facts, command, run.missing, drawn)
    if out == RESULTS:
        report.publish(HERE / "README.md", run.results, facts, command, drawn)
    print("\n".join(["", *report.goals_table(run.results), ""]))
    print(f"{run.clock.elapsed / 60:.1f} minutes; the report is {out / 'README.md'}")


if __name__ == "__main__":
    main()
