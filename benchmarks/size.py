"""Whether a login, a refresh and a list of sessions take longer the more users there are."""

import json
import random
import statistics
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import cores, population
from benchmarks.accounts import offered
from benchmarks.contenders import CONTENDERS
from benchmarks.peers.contender import Contender, Request
from benchmarks.population import Member
from benchmarks.rounds import Clock, Measured
from benchmarks.servers import Server, started
from benchmarks.wire import Client
from graphql_auth.passwords.hasher import PasswordHasher

TITLE = "Users and sessions in the database"
SESSIONS = "{ viewer { sessions(first: 20) { edges { node { id } } } } }"
WARM_UP = 30
OURS = CONTENDERS[0]


@dataclass(slots=True)
class Crowd:
    """A server whose database has so many users, and those who are still to be picked."""

    many: int
    server: Server
    client: Client
    picks: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        # No member is picked twice, for a session goes on only by its latest token.
        self.picks = random.Random(self.many).sample(range(self.many), min(self.many, 1000))  # noqa: S311

    @property
    def name(self) -> str:
        """How many, for people."""
        return f"{self.many:,}"

    def ask(self) -> dict[str, float]:
        """Sign one member in, and carry on the session of another and list what they have."""
        stranger, member = Member(self.picks.pop()), Member(self.picks.pop())
        taken, _ = self._timed(offered(OURS.login)(stranger.email, population.PASSWORD))
        refreshing, answer = self._timed(offered(OURS.refresh)(member.refresh_token))
        listing, _ = self._timed(_sessions(OURS, OURS.token_in(json.loads(answer))))
        return {"login ms": taken, "refresh ms": refreshing, "sessions ms": listing}

    def _timed(self, request: Request) -> tuple[float, str]:
        began = time.perf_counter()
        answer = self.client.text(request)
        return (time.perf_counter() - began) * 1e3, answer


def measure(  # noqa: PLR0913, PLR0917 - the plan of a run names each
    mongo_uri: str, directory: Path, sizes: list[int], rounds: int, tries: int, clock: Clock
) -> Measured:
    """Fill a database of each size, and ask their servers in turns, one request at a time."""
    measured = Measured(TITLE, {f"{many:,}": [] for many in sizes})
    with ExitStack() as stack:
        crowds = [_crowd(stack, mongo_uri, directory, many) for many in sizes]
        for server in (crowd.server for crowd in crowds):
            server.pin(cores.for_workers(1))
        _round(crowds, min(WARM_UP, tries))
        hashing = _milliseconds_of_a_hash()
        for number in range(rounds):
            if number and clock.is_over:
                break
            print(f"  round {number + 1} of {rounds}:", end="")
            for crowd, sample in zip(crowds, _round(crowds, tries), strict=True):
                sample["login ms"] -= hashing
                measured.samples[crowd.name].append(sample)
                print(f" {crowd.name} {sample['login ms']:.2f} ms;", end="")
            print(flush=True)
    return measured


def _crowd(stack: ExitStack, mongo_uri: str, directory: Path, many: int) -> Crowd:
    uri = f"{mongo_uri}size_{many}"
    server = stack.enter_context(
        started(OURS, uri, directory, bcrypt_rounds=population.BCRYPT_ROUNDS)
    )
    population.populate(uri, many)
    client = Client(server.port)
    stack.callback(client.close)
    return Crowd(many, server, client)


def _round(crowds: list[Crowd], tries: int) -> list[dict[str, float]]:
    """Ask each server once, then again, and return the medians of each."""
    taken = [defaultdict[str, list[float]](list) for _ in crowds]
    for _ in range(tries):
        for crowd, lists in zip(crowds, taken, strict=True):
            for metric, milliseconds in crowd.ask().items():
                lists[metric].append(milliseconds)
    return [{name: statistics.median(found) for name, found in lists.items()} for lists in taken]


def _milliseconds_of_a_hash() -> float:
    passwords = PasswordHasher(population.BCRYPT_ROUNDS)
    stored = passwords.hash(population.PASSWORD)
    taken = []
    for _ in range(100):
        began = time.perf_counter()
        passwords.verify(population.PASSWORD, stored)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e3


def _sessions(contender: Contender, token: str) -> Request:
    asked = contender.welcome(token)
    return Request(asked.method, asked.path, asked.headers, json.dumps({"query": SESSIONS}))
