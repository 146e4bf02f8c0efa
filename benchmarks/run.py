"""A whole run: the contenders are started, do every workload in turns, and are stopped."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from benchmarks import size, starts, workloads
from benchmarks.accounts import registered
from benchmarks.contenders import EXPRESS, STOCK_STRAWBERRY
from benchmarks.goals import AFTER_LOAD, US
from benchmarks.load import WARM_UP
from benchmarks.peers.contender import Contender
from benchmarks.rounds import Clock, Measured, Priority, Sample, alternate
from benchmarks.servers import NotStarted, started
from benchmarks.wire import WrongAnswer
from benchmarks.workloads import Subject, Workload

SECONDS_TO_SET_UP = 3
SECONDS_A_MEMBER = 120 / 1_000_000
SECONDS_A_TRY = 0.012


@dataclass(frozen=True, slots=True)
class Part:
    """A workload, how often and for how long."""

    workload: Workload
    rounds: int
    seconds: float
    # Whom graphql-auth is compared to; everybody, if nobody is named.
    against: tuple[str, ...] = ()

    def includes(self, contender: Contender) -> bool:
        """Whether the contender takes part."""
        named = not self.against or contender.name in {US, *self.against}
        return named and self.workload.suits(contender)

    def duration(self, contenders: Sequence[Contender]) -> float:
        """Return about how long it takes."""
        subjects = sum(map(self.includes, contenders))
        subjects += self.workload.floor is not None
        each = self.workload.times * (self.seconds + WARM_UP) + self.workload.seconds_more
        return self.rounds * subjects * each


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run measures, in this order; empty sizes and no rounds are left out."""

    # Of each contender, before anything is measured: Node.js compiles what runs often.
    warm_up: float
    parts: tuple[Part, ...]
    start_rounds: int
    embedded_rounds: int
    sizes: tuple[int, ...]
    size_rounds: int
    size_tries: int
    most_seconds: float

    def only(self, names: Sequence[str]) -> "Plan":
        """Return the plan with nothing but what is named."""
        if not names:
            return self
        return replace(
            self,
            parts=tuple(part for part in self.parts if part.workload.name in names),
            start_rounds=self.start_rounds if "start" in names else 0,
            embedded_rounds=self.embedded_rounds if "embedded" in names else 0,
            sizes=self.sizes if "size" in names else (),
        )

    def duration(self, contenders: Sequence[Contender]) -> float:
        """Return about how many seconds all of it takes."""
        each = SECONDS_TO_SET_UP + self.warm_up
        total = each * len(contenders) if self.parts else 0.0
        for part in self.parts:
            total += part.duration(contenders)
            if part.workload is workloads.TWO_WORKERS:
                total += each * len(contenders)
        total += starts.SECONDS_EACH * self.start_rounds * len(contenders)
        total += 2 * starts.SECONDS_EACH * self.embedded_rounds
        total += sum(self.sizes) * SECONDS_A_MEMBER
        return total + SECONDS_A_TRY * self.size_rounds * self.size_tries * len(self.sizes)


_ONE, _MANY, _MORE = workloads.WELCOMES
_REFRESH, _REFRESHES = workloads.REFRESHES_
FULL = Plan(
    warm_up=2.5,
    parts=(
        Part(_ONE, 2, 2.5),
        Part(_MANY, 5, 2.5),
        Part(_MORE, 2, 2.5),
        # A few more or less of the 10 a second would make a ratio of a short time.
        Part(workloads.LOGINS_, 3, 8.5),
        Part(workloads.REGISTRATIONS_, 2, 4.5),
        Part(_REFRESH, 4, 2.5),
        Part(_REFRESHES, 4, 2.5),
        Part(workloads.STORM, 3, 2.5, against=(EXPRESS.name, STOCK_STRAWBERRY.name)),
        Part(workloads.MIX, 2, 4.5),
        Part(workloads.TWO_WORKERS, 3, 2.5),
    ),
    start_rounds=3,
    embedded_rounds=4,
    sizes=(1_000, 100_000, 1_000_000),
    size_rounds=5,
    size_tries=90,
    most_seconds=18 * 60,
)
QUICK = Plan(
    warm_up=1.0,
    parts=(
        Part(_MANY, 2, 1.5),
        Part(workloads.LOGINS_, 2, 2.5, against=(EXPRESS.name,)),
        Part(_REFRESHES, 2, 1.5),
        Part(workloads.STORM, 1, 1.5, against=(EXPRESS.name,)),
    ),
    start_rounds=1,
    embedded_rounds=2,
    sizes=(1_000, 50_000),
    size_rounds=2,
    size_tries=60,
    most_seconds=2.5 * 60,
)


def _turn(workload: Workload, subject: Subject, seconds: float) -> Sample:
    try:
        return workload.measure(subject, seconds)
    finally:
        subject.server.rest()


@dataclass(slots=True)
class Run:
    """A run under way, and what it has found so far."""

    contenders: Sequence[Contender]
    mongo_uri: str
    directory: Path
    clock: Clock
    results: dict[str, Measured] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def carry_out(self, plan: Plan) -> None:
        """Measure all that is planned."""
        if plan.parts:
            self._measure_parts(plan.parts, plan.warm_up)
        if plan.start_rounds:
            self._begin(starts.TITLE)
            there = [one for one in self.contenders if one.name not in self.missing]
            self.results["start"] = starts.measure(
                there, self.mongo_uri, self.directory, plan.start_rounds, self.clock
            )
        if plan.embedded_rounds:
            self._begin(starts.TITLE_EMBEDDED)
            self.results["embedded"] = starts.measure_embedded(
                self.directory, plan.embedded_rounds, self.clock
            )
        if plan.sizes:
            self._measure_size(plan)

    def _measure_parts(self, parts: Sequence[Part], warm_up: float) -> None:
        with ExitStack() as stack:
            self._begin("Starting the contenders, registering users, and warming up")
            subjects = list(self._subjects(stack, self.contenders, 1, warm_up))
            idle = {one.contender.name: one.server.megabytes for one in subjects}
            for part in parts:
                if part.workload is not workloads.TWO_WORKERS:
                    self._measure(part, subjects)
            self.results["memory"] = Measured(
                "Memory of one process",
                {
                    name: [{"before load MB": idle[name], AFTER_LOAD: one.server.megabytes}]
                    for one in subjects
                    for name in [one.contender.name]
                },
            )
        for part in parts:
            if part.workload is workloads.TWO_WORKERS:
                self._measure_two_workers(part, warm_up)

    def _measure_two_workers(self, part: Part, warm_up: float) -> None:
        there = [one for one in self.contenders if one.name not in self.missing]
        fit = [one for one in there if part.includes(one)]
        with ExitStack() as stack:
            self._begin("Starting two workers of each")
            self._measure(part, list(self._subjects(stack, fit, 2, warm_up)))

    def _measure(self, part: Part, subjects: Sequence[Subject]) -> None:
        workload = part.workload
        self._begin(workload.title)
        turns: dict[str, Priority] = {
            one.contender.name: partial(_turn, workload, one, part.seconds)
            for one in subjects
            if part.includes(one.contender)
        } | self._floors(part)
        self.results[workload.name] = alternate(
            workload.title, turns, part.rounds, self.clock, workload.shown
        )

    def _floors(self, part: Part) -> dict[str, Priority]:
        floor = part.workload.floor
        return {floor.name: partial(floor.measure, self.mongo_uri, part.seconds)} if floor else {}

    def _measure_size(self, plan: Plan) -> None:
        self._begin(size.TITLE)
        self.results["size"] = size.measure(
            self.mongo_uri,
            self.directory,
            list(plan.sizes),
            plan.size_rounds,
            plan.size_tries,
            self.clock,
        )

    def _subjects(
        self, stack: ExitStack, contenders: Sequence[Contender], workers: int, warm_up: float
    ) -> Iterator[Subject]:
        """Start contenders, and yield those that do as they should."""
        for contender in contenders:
            try:
                subject = stack.enter_context(self._subject(contender, workers))
                workloads.warm(subject, warm_up)
                subject.server.rest()
                yield subject
            except (NotStarted, WrongAnswer, OSError) as reason:
                self.missing[contender.name] = str(reason)
                print(f"  {contender.name} is left out: {reason}", flush=True)

    @contextmanager
    def _subject(self, contender: Contender, workers: int) -> Iterator[Subject]:
        uri = f"{self.mongo_uri}{starts.database_of(contender)}_{workers}"
        with started(contender, uri, self.directory, workers=workers) as server:
            yield Subject(contender, server, registered(contender, server.port))

    def _begin(self, title: str) -> None:
        minutes, seconds = divmod(int(self.clock.elapsed), 60)
        print(f"[{minutes}:{seconds:02}] {title.replace('`', '')}", flush=True)
