"""The command line of the benchmarks: start the peers, measure the workloads, write the report."""

import argparse
import shutil
import signal
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks import report, size
from benchmarks.measurements import Measurement, Sample, Turns, take_turns
from benchmarks.peers.catalog import BARE_STARLETTE, GRAPHQL_AUTH, PEERS, Peer
from benchmarks.report import EMPTY, EXISTING
from benchmarks.servers import start_mongodb, start_peer, start_server
from benchmarks.subjects import EMAILS, Subject, prepare_subject
from benchmarks.workloads import WORKLOADS, read

HERE = Path(__file__).parent
# The rounds of each workload, and the seconds of each turn; of logins, how many are counted.
Plan = dict[str, tuple[int, float]]
FULL: Plan = {"welcome": (5, 2.5), "viewer": (4, 2.5), "logins": (3, 300), "refusals": (2, 0)}
FULL |= {"refreshes-1": (4, 2.5), "refreshes-16": (4, 2.5), "storm": (10, 2.5), "memory": (1, 0)}
FULL |= {"tokens-1000": (3, 2.5), "tokens-100000": (3, 4.5), "ended": (3, 2.5), "leaving": (3, 0)}
FULL |= {"embedded": (4, 0), "size": (12, 0)}
QUICK: Plan = {"welcome": (2, 1.5), "viewer": (1, 1.5), "logins": (1, 60), "refreshes-1": (1, 1.5)}
QUICK |= {"refreshes-16": (2, 1.5), "storm": (2, 1.5), "memory": (1, 0), "ended": (1, 2.5)}
QUICK |= {"leaving": (1, 0), "embedded": (2, 0), "size": (4, 0)}
SIZES, QUICK_SIZES = (1_000, 1_000_000), (1_000, 50_000)
# A quick run measures the other peers by these only.
READS = {"welcome", "viewer", "memory"}
QUICK_PEERS = (GRAPHQL_AUTH, BARE_STARLETTE)
# What takes long is measured once of the peers, for no goal is a ratio to theirs.
ONCE = {"logins", "storm"}
OTHERS = {peer.name for peer in PEERS if peer is not GRAPHQL_AUTH}
# Node.js compiles what runs often.
WARM_UP_SECONDS = 2.5


@dataclass(slots=True)
class Run:
    """A run in progress, and what it has found so far."""

    plan: Plan
    mongo_uri: str
    directory: Path
    sizes: tuple[int, ...] = SIZES
    peers: tuple[Peer, ...] = PEERS
    results: dict[str, Measurement] = field(default_factory=dict)

    def measure(self) -> None:
        with ExitStack() as stack:
            subjects: list[Subject] = []
            if loads := [name for name in self.plan if name in WORKLOADS]:
                starts = {one.name: partial(self._start, one, stack, subjects) for one in PEERS}
                self._take_turns("start", starts)
            for name in loads:
                chosen = [one for one in subjects if name in READS or one.peer in self.peers]
                turns = WORKLOADS[name].turns(chosen, self.mongo_uri, self.plan[name][1])
                self._take_turns(name, turns)
        embedded = {data: partial(self._start_embedded, data) for data in (EMPTY, EXISTING)}
        self._take_turns("embedded", embedded)
        if "size" in self.plan:
            with ExitStack() as stack:
                rounds, _ = self.plan["size"]
                turns = size.turns(stack, self.mongo_uri, self.directory, self.sizes, rounds)
                self._take_turns("size", turns)

    def _start(self, peer: Peer, stack: ExitStack, subjects: list[Subject]) -> Sample:
        """Start a peer, and add it to the subjects if it does what is measured."""
        server = stack.enter_context(start_peer(peer, self.mongo_uri, self.directory))
        subject = prepare_subject(peer, server, len(EMAILS) if peer in self.peers else 1)
        read(lambda it: it.peer.guarded(it.token), subject, WARM_UP_SECONDS)
        server.wait_until_idle()
        subjects.append(subject)
        return {"seconds": server.seconds_to_start}

    def _take_turns(self, name: str, turns: Turns) -> None:
        if name in self.plan or name == "start":
            print(f"{time.strftime('%X')} {name}", flush=True)
            rounds, _ = self.plan.get(name, (1, 0))
            self.results[name] = take_turns(turns, rounds, OTHERS if name in ONCE else ())

    def _start_embedded(self, data: str) -> Sample:
        """Start graphql-auth with an embedded MongoDB, in a new directory or in the last one."""
        directory = self.directory / "embedded"
        if data == EMPTY:
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
        with start_server(GRAPHQL_AUTH, {}, directory) as server:
            return {"seconds": server.seconds_to_start}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure graphql-auth beside other servers."
    )
    parser.add_argument("--quick", action="store_true", help="the main goals only: 4 minutes")
    parser.add_argument("--only", action="append", choices=list(FULL), help="only this; repeatable")
    options = parser.parse_args()
    # Stop all that was started also when this process is terminated.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    directory = HERE / (".latest" if options.quick or options.only else "results")
    directory.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="benchmarks-") as temporary,
        start_mongodb(Path(temporary)) as mongo_uri,
    ):
        machine = report.describe_machine(mongo_uri)
        plan = QUICK if options.quick else FULL
        plan = {name: plan.get(name, FULL[name]) for name in options.only or plan}
        run = Run(plan, mongo_uri, Path(temporary))
        if options.quick:
            run.sizes, run.peers = QUICK_SIZES, QUICK_PEERS
        run.measure()
    goals = report.write_report(directory, run.results, machine)
    print(f"\n{goals}\n\nThe report is {directory / 'README.md'}")


if __name__ == "__main__":
    main()
