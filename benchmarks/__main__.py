"""The command line of the benchmarks: start the peers, measure the workloads, write the report."""

import argparse
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks import report, size
from benchmarks.accounts import EMAILS, prepare_accounts
from benchmarks.goals import EMPTY, EXISTING
from benchmarks.measurements import FAILURES, Measurement, Sample, Turns, take_turns
from benchmarks.peers.catalog import BARE_STARLETTE, GRAPHQL_AUTH, PEERS, Peer, graphql
from benchmarks.servers import start_mongodb, start_peer, start_server
from benchmarks.subjects import Subject
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
# A quick run measures the other peers by their guarded read only.
QUICK_PEERS = (GRAPHQL_AUTH, BARE_STARLETTE)
# What takes long is measured once of the peers, for no goal is a ratio to theirs.
ONCE = {"logins", "storm"}
PEER_NAMES = {peer.name for peer in PEERS if peer is not GRAPHQL_AUTH}
# Node.js compiles what runs often.
WARM_UP_SECONDS = 2.5


@dataclass(slots=True)
class Run:
    """A run in progress, and what it has found so far."""

    plan: Plan
    sizes: tuple[int, ...]
    peers: tuple[Peer, ...]
    mongo_uri: str
    directory: Path
    results: dict[str, Measurement] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)

    def measure(self) -> None:
        with ExitStack() as stack:
            self._announce("start of the peers")
            subjects = list(self._subjects(stack)) if set(self.plan) & set(WORKLOADS) else []
            for name in [name for name in self.plan if name in WORKLOADS]:
                _, seconds = self.plan[name]
                peers = PEERS if name in {"welcome", "viewer", "memory"} else self.peers
                chosen = [one for one in subjects if one.peer in peers]
                self._take_turns(name, WORKLOADS[name].turns(chosen, self.mongo_uri, seconds))
        started = {data: partial(self._start_embedded, data) for data in (EMPTY, EXISTING)}
        self._take_turns("embedded", started)
        with ExitStack() as stack:
            if "size" in self.plan:
                self._announce("writing of users and sessions")
                rounds, _ = self.plan["size"]
                turns = size.turns(stack, self.mongo_uri, self.directory, self.sizes, rounds)
                self._take_turns("size", turns)

    def _subjects(self, stack: ExitStack) -> Iterator[Subject]:
        """Start the peers, and yield those that do what is measured."""
        for peer in PEERS:
            try:
                server = stack.enter_context(start_peer(peer, self.mongo_uri, self.directory))
                users = len(EMAILS) if peer in self.peers else 1
                subject = Subject(peer, server, prepare_accounts(peer, server, users))
                read(Subject.guarded, subject, WARM_UP_SECONDS)
                server.wait_until_idle()
                yield subject
            except FAILURES as reason:
                self.left_out[peer.name] = " ".join(str(reason).split())
                print(f"  {peer.name} is left out: {reason}", flush=True)

    def _take_turns(self, name: str, turns: Turns) -> None:
        if name in self.plan:
            self._announce(name)
            once = PEER_NAMES if name in ONCE else ()
            self.results[name] = take_turns(turns, self.plan[name][0], once)

    def _announce(self, name: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        print(f"[{minutes}:{seconds:02}] {name}", flush=True)

    def _start_embedded(self, data: str) -> Sample:
        """Start graphql-auth with an embedded MongoDB, in a new directory or in the last one."""
        directory = self.directory / "embedded"
        if data == EMPTY:
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
        request = graphql("{ __typename }")
        with start_server(GRAPHQL_AUTH.command, {}, directory, request) as server:
            return {"seconds": server.seconds_to_start}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure graphql-auth beside other servers."
    )
    parser.add_argument("--quick", action="store_true", help="the main goals only: 4 minutes")
    one = "this workload only; can be repeated"
    parser.add_argument("--only", action="append", choices=list(FULL), help=one)
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
        full, quick = (FULL, SIZES, PEERS), (QUICK, QUICK_SIZES, QUICK_PEERS)
        plan, sizes, peers = quick if options.quick else full
        plan = {name: plan.get(name, FULL[name]) for name in options.only or plan}
        run = Run(plan, sizes, peers, mongo_uri, Path(temporary))
        run.measure()
    goals = report.write_report(directory, run.results, machine, run.left_out)
    if directory.name == "results":
        report.publish(goals, machine)
    print(f"\n{goals}\n\nThe report is {directory / 'README.md'}")


if __name__ == "__main__":
    main()
