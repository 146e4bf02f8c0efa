"""Whether a login and a refresh take longer the more users there are."""

import random
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from timeit import repeat
from typing import Any

from pymongo import MongoClient

from benchmarks.http_client import Client, Request, field_in
from benchmarks.measurements import Sample, Turns
from benchmarks.peers import catalog
from benchmarks.servers import SERVER_CORES, start_peer
from graphql_auth.passwords.hasher import PasswordHasher

# The cheapest hash. Its time is subtracted, so that the rest of a login is compared.
BCRYPT_ROUNDS = 4
TRIES = 30
# A refresh token begins with the ids of the user and the session; the copies share the rest.
IDS_BYTES = 24
# The id of user 7 ends in 0000000007, and so does that of their session.
USER_ID, SESSION_ID, DIGITS = "68f000000000aa", "68f000000000bb", 10


@dataclass(frozen=True, slots=True)
class Population:
    """A server with copies of one user and one session in its database."""

    client: Client
    secret: bytes
    hash_ms: float
    # Each user is used once, for a session continues only with its latest refresh token.
    unused: list[int]

    def sample(self) -> Sample:
        # It opens again with the first request: the server closes it while others have turns.
        self.client.close()
        tries = [self._try() for _ in range(TRIES)]
        login, refresh = map(median, zip(*tries, strict=True))
        return {"login ms": login - self.hash_ms, "refresh ms": refresh}

    def _try(self) -> tuple[float, float]:
        """Log one user in, and refresh the session of another."""
        login_ms = self._timed(catalog.our_login(f"member{self.unused.pop()}@example.com"))
        digits = f"{self.unused.pop():0{DIGITS}}"
        user_id, session_id = USER_ID + digits, SESSION_ID + digits
        token = urlsafe_b64encode(bytes.fromhex(user_id + session_id) + self.secret).decode()
        return login_ms, self._timed(catalog.our_refresh(token))

    def _timed(self, request: Request) -> float:
        began = time.perf_counter()
        self.client.text(request)
        return (time.perf_counter() - began) * 1e3


def turns(
    stack: ExitStack, mongo_uri: str, directory: Path, sizes: tuple[int, ...], rounds: int
) -> Turns:
    """Fill a database of each size, and return the turns of their servers."""
    hash_ms, populations = _milliseconds_of_hash(), {}
    for size in sizes:
        uri = f"{mongo_uri}size_{size}_"
        started = start_peer(catalog.GRAPHQL_AUTH, uri, directory, BCRYPT_ROUNDS)
        server = stack.enter_context(started)
        server.pin_to(SERVER_CORES)
        client = stack.enter_context(closing(Client(server.port)))
        answer = client.text(catalog.our_register("template@example.com"))
        secret = urlsafe_b64decode(field_in(answer, "refreshToken"))[IDS_BYTES:]
        _fill(server.mongo_uri, size)
        unused = random.Random(size).sample(range(size), 2 * TRIES * (rounds + 1))  # noqa: S311
        populations[f"{size:,}"] = Population(client, secret, hash_ms, unused)
    for population in populations.values():
        # To warm up.
        population.sample()
    return {name: population.sample for name, population in populations.items()}


def _fill(uri: str, size: int) -> None:
    """Copy the one user and session so many times, through the same indexes."""
    user_id, session_id = _id_expression(USER_ID), _id_expression(SESSION_ID)
    email = {"$concat": ["member", {"$toString": "$number"}, "@example.com"]}
    with MongoClient[dict[str, Any]](uri) as client:
        database = client.get_default_database()
        for name, fields in (
            ("users", {"_id": user_id, "email": email}),
            ("graphql_auth_sessions", {"_id": session_id, "user_id": user_id}),
        ):
            numbers = {"original": "$$ROOT", "number": {"$range": [0, size]}}
            copy = {"$mergeObjects": ["$original", fields]}
            stages: list[dict[str, Any]] = [
                {"$project": numbers},
                {"$unwind": "$number"},
                {"$replaceWith": copy},
            ]
            database[name].aggregate([*stages, {"$out": name}])
        # Nothing is to be written to the disk while something is measured.
        client.admin.command("fsync")


def _id_expression(prefix: str) -> dict[str, object]:
    digits = {"$substrCP": [{"$toString": {"$add": ["$number", 10**DIGITS]}}, 1, DIGITS]}
    return {"$toObjectId": {"$concat": [prefix, digits]}}


def _milliseconds_of_hash() -> float:
    hasher = PasswordHasher(BCRYPT_ROUNDS)
    stored = hasher.hash(catalog.PASSWORD)
    return (
        median(repeat(lambda: hasher.verify(catalog.PASSWORD, stored), number=1, repeat=100)) * 1e3
    )
