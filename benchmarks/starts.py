"""How long it takes until a server answers for the first time."""

import tempfile
from functools import partial
from pathlib import Path

from benchmarks.contenders import CONTENDERS
from benchmarks.peers.contender import Contender, Request
from benchmarks.rounds import Clock, Measured, Priority, Sample, alternate
from benchmarks.servers import launched, started

OURS = CONTENDERS[0]
TITLE = "Start to the first answer"
TITLE_EMBEDDED = "Start of graphql-auth with its embedded MongoDB to the first answer"
FRESH, EXISTING = "no data yet", "existing data"
SECONDS_EACH = 2.5
FIRST_QUESTION = Request(
    "POST", "/graphql", {"Content-Type": "application/json"}, '{"query": "{ __typename }"}'
)


def measure(
    contenders: list[Contender], mongo_uri: str, directory: Path, rounds: int, clock: Clock
) -> Measured:
    """Start each contender on a MongoDB that runs and that it has used before."""
    turns: dict[str, Priority] = {
        contender.name: partial(_start, contender, mongo_uri, directory) for contender in contenders
    }
    return alternate(TITLE, turns, rounds, clock, "seconds")


def _start(contender: Contender, mongo_uri: str, directory: Path) -> Sample:
    with started(contender, f"{mongo_uri}{database_of(contender)}", directory) as server:
        return {"seconds": server.seconds_to_start}


def database_of(contender: Contender) -> str:
    """Return the name of the database of a contender."""
    return contender.name.replace(" ", "_").lower()


def measure_embedded(directory: Path, rounds: int, clock: Clock) -> Measured:
    """Start graphql-auth on its own, with data of an earlier start and without."""
    kept = directory / "kept"
    kept.mkdir()
    _start_embedded(kept)
    turns: dict[str, Priority] = {
        FRESH: partial(_start_fresh, directory),
        EXISTING: partial(_start_embedded, kept),
    }
    return alternate(TITLE_EMBEDDED, turns, rounds, clock, "seconds")


def _start_fresh(directory: Path) -> Sample:
    with tempfile.TemporaryDirectory(dir=directory) as fresh:
        return _start_embedded(Path(fresh))


def _start_embedded(directory: Path) -> Sample:
    with launched(OURS.command(1), {}, directory, FIRST_QUESTION) as server:
        return {"seconds": server.seconds_to_start}
