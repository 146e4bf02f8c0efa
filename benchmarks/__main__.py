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

from benchmarks import mail_requests, report, size
from benchmarks.accounts import prepare_accounts
from benchmarks.goals import AFTER_LOAD, EMPTY, EXISTING
from benchmarks.measurements import FAILURES, Measurement, Sample, Turns, take_turns
from benchmarks.peers.catalog import EXPRESS, GRAPHQL_AUTH, PEERS, Peer, graphql
from benchmarks.servers import start_mongodb, start_peer, start_server
from benchmarks.workloads import WORKLOADS, Subject, welcome

HERE = Path(__file__).parent


# The rounds of each workload, and the seconds of each turn.
Plan = dict[str, tuple[int, float]]
FULL: Plan = {"welcome-1": (2, 2.5), "welcome-16": (5, 2.5), "welcome-64": (2, 2.5)}
# At 10 a second, a short time would make the ratio a matter of chance.
FULL |= {"logins": (3, 8.5), "registrations": (2, 4.5), "refusals": (2, 0)}
FULL |= {"refreshes-1": (4, 2.5), "refreshes-16": (4, 2.5), "storm": (3, 2.5), "mix": (2, 4.5)}
FULL |= {"start": (3, 0), "embedded": (4, 0), "size": (15, 0), "mail": (1, 0)}
QUICK: Plan = {"welcome-16": (2, 1.5), "logins": (2, 2.5), "refreshes-16": (2, 1.5)}
QUICK |= {"storm": (1, 1.5), "start": (1, 0), "embedded": (2, 0), "size": (4, 0)}
SIZES, QUICK_SIZES = (1_000, 100_000, 1_000_000), (1_000, 50_000)
# A quick run measures all peers by `welcome` only.
QUICK_PEERS = (GRAPHQL_AUTH, EXPRESS)
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
            before = [one.server.megabytes for one in subjects]
            for name in [name for name in self.plan if name in WORKLOADS]:
                _, seconds = self.plan[name]
                peers = PEERS if name.startswith("welcome") else self.peers
                chosen = [one for one in subjects if one.peer in peers]
                self._take_turns(name, WORKLOADS[name].turns(chosen, self.mongo_uri, seconds))
            samples: dict[str, list[Sample]] = {
                one.peer.name: [{AFTER_LOAD: one.server.megabytes, "before load MB": megabytes}]
                for one, megabytes in zip(subjects, before, strict=True)
            }
        self.results["memory"] = Measurement(samples)
        self._take_turns("start", {peer.name: partial(self._start, peer) for peer in PEERS})
        started = {data: partial(self._start_embedded, data) for data in (EMPTY, EXISTING)}
        self._take_turns("embedded", started)
        mail = partial(mail_requests.measure, self.mongo_uri, self.directory)
        self._take_turns("mail", {GRAPHQL_AUTH.name: mail})
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
                subject = Subject(peer, server, prepare_accounts(peer, server))
                welcome(16, subject, WARM_UP_SECONDS)
                server.wait_until_idle()
                yield subject
            except FAILURES as reason:
                self.left_out[peer.name] = " ".join(str(reason).split())
                print(f"  {peer.name} is left out: {reason}", flush=True)

    def _take_turns(self, name: str, turns: Turns) -> None:
        if name in self.plan:
            self._announce(name)
            self.results[name] = take_turns(turns, self.plan[name][0])

    def _announce(self, name: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        print(f"[{minutes}:{seconds:02}] {name}", flush=True)

    def _start(self, peer: Peer) -> Sample:
        """Start a peer on a database that it has used before."""
        with start_peer(peer, self.mongo_uri, self.directory) as server:
            return {"seconds": server.seconds_to_start}

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
    parser.add_argument("--quick", action="store_true", help="the main goals only: 3 minutes")
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
    print(f"\n{goals}\n\nThe report is {directory / 'README.md'}")


if __name__ == "__main__":
    main()
