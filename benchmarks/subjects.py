"""Peers that run, with registered users and an access token of the first."""

import itertools
import time
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import jwt
from pymongo import MongoClient

from benchmarks.http_client import Client, Request, WrongAnswer, field_in
from benchmarks.peers.catalog import PASSWORD, WITH_BCRYPT, Peer, not_offered
from benchmarks.servers import BCRYPT_ROUNDS, TOKEN_KEY, Server

# The user of the token, whose sessions no further login ends, and one for each connection that logs
# in, so that no user is locked by another login.
EMAILS = [f"user{number}@example.com" for number in range(17)]
_numbers = itertools.count()


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A peer that runs, and an access token."""

    peer: Peer
    server: Server
    token: str

    def registration(self) -> Request:
        return self.peer.register(f"new{next(_numbers)}@example.com")

    def logins(self) -> list[Request]:
        return [self.peer.login(email) for email in EMAILS[1:]]

    def welcome(self) -> Request:
        return self.peer.welcome(self.token)

    def viewer(self) -> Request:
        return self.peer.viewer(self.token)


def prepare_subject(peer: Peer, server: Server, users: int) -> Subject:
    """Register so many users; raises WrongAnswer if the peer is not what is measured."""
    claims = {"sub": "0" * 24, "exp": int(time.time()) + 2 * 3600}
    token = jwt.encode(claims, TOKEN_KEY, "HS256")
    with closing(Client(server.port)) as client:
        wrong = []
        if peer.login is not not_offered:
            for email in EMAILS[:users]:
                client.text(peer.register(email))
            token = field_in(client.text(peer.login(EMAILS[0])), peer.token_field)
            wrong.append(wrong_login(peer, EMAILS[0]))
        if peer in WITH_BCRYPT:
            _check_cost(server.mongo_uri)
        client.text(peer.guarded(token))
        signed, dot, signature = token.rpartition(".")
        wrong += [peer.guarded(""), peer.guarded(f"{signed}{dot}{signature[::-1]}")]
        if any(client.send(request)[0] for request in wrong):
            raise WrongAnswer("it accepts a wrong password or token")
    return Subject(peer, server, token)


def wrong_login(peer: Peer, email: str) -> Request:
    login = peer.login(email)
    return replace(login, body=login.body.replace(PASSWORD, "wrong"))


def with_claims(token: str, **changes: str) -> tuple[str, dict[str, Any]]:
    """Change claims of an access token and sign it again; return it and its claims."""
    found = jwt.decode_complete(token, TOKEN_KEY, ["HS256"], {"verify_aud": False})
    claims = {**found["payload"], **changes}
    headers = {"typ": found["header"]["typ"]}
    return jwt.encode(claims, TOKEN_KEY, "HS256", headers), claims


def _check_cost(mongo_uri: str) -> None:
    with MongoClient[dict[str, Any]](mongo_uri) as client:
        user = client.get_default_database()["users"].find_one() or {}
    stored = user.get("password") or user.get("hashed_password") or "nothing"
    # As bcrypt and bcrypt_sha256 write the cost.
    if f"${BCRYPT_ROUNDS}$" not in stored and f",r={BCRYPT_ROUNDS}$" not in stored:
        raise WrongAnswer(f"its hashes do not have the cost {BCRYPT_ROUNDS}")
