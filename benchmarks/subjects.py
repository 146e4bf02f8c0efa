"""Peers that run and can be loaded."""

import itertools
from dataclasses import dataclass
from typing import Any

import jwt

from benchmarks.accounts import EMAILS
from benchmarks.http_client import Request
from benchmarks.peers.catalog import Peer
from benchmarks.servers import TOKEN_KEY, Server

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Subject:
    """A peer that runs, and an access token."""

    peer: Peer
    server: Server
    token: str

    def registration(self) -> Request:
        return self.peer.register(f"new{next(_numbers)}@example.com")

    def logins(self) -> list[Request]:
        return [self.peer.login(email) for email in EMAILS]

    def welcome(self) -> Request:
        return self.peer.welcome(self.token)

    def viewer(self) -> Request:
        return self.peer.viewer(self.token)

    def guarded(self) -> Request:
        return self.peer.guarded(self.token)


def with_claims(token: str, **changes: str) -> tuple[str, dict[str, Any]]:
    """Change claims of an access token and sign it again; return it and its claims."""
    found = jwt.decode_complete(token, TOKEN_KEY, ["HS256"], {"verify_aud": False})
    claims = {**found["payload"], **changes}
    headers = {"typ": found["header"]["typ"]}
    return jwt.encode(claims, TOKEN_KEY, "HS256", headers), claims
