"""Whether a login and a refresh take longer the more users there are."""

import random
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from statistics import median
from timeit import repeat
from typing import Any

from pymongo import MongoClient

from benchmarks.http_client import Client, Request, field_in
from benchmarks.measurements import Sample, Turns
from benchmarks.peers import catalog
from benchmarks.servers import SERVER_CORES, pin, start_peer
from graphql_auth.passwords.hasher import PasswordHasher

# The cheapest hash. Its time is subtracted, so that the rest of a login is compared.
BCRYPT_ROUNDS = 4
TRIES = 30
# A refresh token begins with the ids of the user and the session; the copies share the rest.
IDS_BYTES = 24
# The id of user 7 ends in 0000000007, and so does that of their session.
USER_ID, SESSION_ID, DIGITS = "68f000000000aa", "68f000000000bb", 10


def turns(
    stack: ExitStack, mongo_uri: str, directory: Path, sizes: tuple[int, ...], rounds: int
) -> Turns:
    """Fill a database of each size, and return the turns of their servers."""
    hasher, found = PasswordHasher(BCRYPT_ROUNDS), {}
    verify = partial(hasher.verify, catalog.PASSWORD, hasher.hash(catalog.PASSWORD))
    hash_ms = median(repeat(verify, number=1, repeat=100)) * 1e3
    for size in sizes:
        uri = f"{mongo_uri}size_{size}_"
        started = start_peer(catalog.GRAPHQL_AUTH, uri, directory, BCRYPT_ROUNDS)
        server = stack.enter_context(started)
        pin(server.pid, SERVER_CORES)
        client = stack.enter_context(closing(Client(server.port)))
        answer = client.text(catalog.GRAPHQL_AUTH.register("template@example.com"))
        secret = urlsafe_b64decode(field_in(answer, "refreshToken"))[IDS_BYTES:]
        _fill(server.mongo_uri, size)
        unused = random.Random(size).sample(range(size), 2 * TRIES * (rounds + 1))  # noqa: S311
        found[f"{size:,}"] = partial(_sample, client, secret, hash_ms, iter(unused))
    for warm_up in found.values():
        warm_up()
    return found


def _sample(client: Client, secret: bytes, hash_ms: float, unused: Iterator[int]) -> Sample:
    """Log users in, and refresh sessions of others: each continues only with its latest token."""
    # It opens again with the first request: the server closes it while others have turns.
    client.close()
    logins, refreshes = [], []
    for _ in range(TRIES):
        login = catalog.GRAPHQL_AUTH.login(f"member{next(unused)}@example.com")
        logins.append(_milliseconds(client, login))
        digits = f"{next(unused):0{DIGITS}}"
        ids = bytes.fromhex(USER_ID + digits + SESSION_ID + digits)
        refresh = catalog.our_refresh(urlsafe_b64encode(ids + secret).decode())
        refreshes.append(_milliseconds(client, refresh))
    return {"login ms": median(logins) - hash_ms, "refresh ms": median(refreshes)}


def _milliseconds(client: Client, request: Request) -> float:
    began = time.perf_counter()
    client.text(request)
    return (time.perf_counter() - began) * 1e3


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
            database[name].aggregate(
                [
                    {"$project": numbers},
                    {"$unwind": "$number"},
                    {"$replaceWith": copy},
                    {"$out": name},
                ]
            )
        # Nothing is to be written to the disk while something is measured.
        client.admin.command("fsync")


def _id_expression(prefix: str) -> dict[str, object]:
    digits = {"$substrCP": [{"$toString": {"$add": ["$number", 10**DIGITS]}}, 1, DIGITS]}
    return {"$toObjectId": {"$concat": [prefix, digits]}}
