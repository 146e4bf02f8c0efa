"""Databases of graphql-auth with many users, each with a session, written in bulk."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo import MongoClient
from pymongo.database import Database

from graphql_auth.passwords.hasher import PasswordHasher
from graphql_auth.sessions.refresh_tokens import (
    FAMILY_BYTES,
    SECRET_BYTES,
    RefreshToken,
    digest,
)

# The cheapest hash: what a login takes without it is what is compared.
BCRYPT_ROUNDS = 4
PASSWORD = "correct horse battery staple"  # noqa: S105 - of nobody's account
BATCH = 5_000
WRITERS = 2
SECONDS_BETWEEN_NEWS = 1.0
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass(frozen=True, slots=True)
class Member:
    """One of the users; all that is known of them follows from their number."""

    number: int

    @property
    def email(self) -> str:
        """The address to sign in with."""
        return f"member{self.number}@example.com"

    @property
    def refresh_token(self) -> str:
        """The token that carries the session on, as long as nobody has used it."""
        return self._token.encode()

    def user(self, password: str) -> dict[str, Any]:
        """Return the document of the user."""
        return {
            "_id": self._id("user"),
            "first_name": "Ada",
            "last_name": "Lovelace",
            "email": self.email,
            "password": password,
            "password_changes": 0,
            "disabled": False,
        }

    def session(self, now: datetime) -> dict[str, Any]:
        """Return the document of the session."""
        token = self._token
        return {
            "_id": self._id("session"),
            "user_id": self._id("user"),
            "password_changes": 0,
            "last_used_at": now,
            "expires_at": now + timedelta(days=30),
            "ends_at": now + timedelta(days=90),
            "access_until": now + timedelta(hours=2),
            "ip_address": "192.0.2.1",
            "user_agent": USER_AGENT,
            "family": digest(token.family),
            "current": digest(token.secret),
            "rotated_at": now,
        }

    @property
    def _token(self) -> RefreshToken:
        return RefreshToken(
            str(self._id("user")),
            str(self._id("session")),
            self._bytes("family")[:FAMILY_BYTES],
            self._bytes("secret")[:SECRET_BYTES],
        )

    def _id(self, kind: str) -> ObjectId:
        # As if they had come one after the other, a while ago.
        kinds = ("user", "session")
        seconds = 1_760_000_000 + self.number
        return ObjectId(f"{seconds:08x}{kinds.index(kind):010x}{self.number & 0xFFFFFF:06x}")

    def _bytes(self, kind: str) -> bytes:
        return hashlib.sha256(f"{kind} {self.number}".encode()).digest()


def populate(uri: str, many: int) -> float:
    """Write so many users and sessions, and return how many seconds that took.

    The server has made the indexes before, so that each document goes through them.
    """
    began = time.perf_counter()
    with MongoClient[dict[str, Any]](uri) as client, ThreadPoolExecutor(WRITERS) as pool:
        writer = Writer(client.get_default_database())
        starts = range(0, many, BATCH)
        news = 0.0
        for start, _ in zip(
            starts, pool.map(lambda at: writer.write(at, many), starts), strict=True
        ):
            if time.monotonic() - news > SECONDS_BETWEEN_NEWS:
                news = time.monotonic()
                print(f"\r  {start:,} of {many:,} users and sessions", end="", flush=True)
        # What is left to be written to the disk is not to be written while others are measured.
        client.admin.command("fsync")
    seconds = time.perf_counter() - began
    print(f"\r  {many:,} of {many:,} users and sessions, in {seconds:.0f} s", flush=True)
    return seconds


class Writer:
    """Writes members to a database."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._database = database
        self._now = datetime.now(UTC)
        # One hash for all: what each takes to compute is not what is measured.
        self._password = PasswordHasher(BCRYPT_ROUNDS).hash(PASSWORD)

    def write(self, start: int, end: int) -> None:
        """Write a batch of members, from one number on, and none from another on."""
        members = [Member(number) for number in range(start, min(start + BATCH, end))]
        users = [member.user(self._password) for member in members]
        self._database["users"].insert_many(users, ordered=False)
        sessions = [member.session(self._now) for member in members]
        self._database["sessions"].insert_many(sessions, ordered=False)
