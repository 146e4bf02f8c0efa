"""What one user, one session and one use case take of MongoDB, for `benchmarks.scale`.

A MongoDB of its own, a replica set of one member so that it writes an oplog, is filled with users
and sessions in the order in which they would come. Then the use cases run in this process, with the
cheapest hashes, while the commands that they send and the time that mongod works are counted.

Run: .venv/bin/python -m benchmarks.footprint (writes benchmarks/results/footprint.json)
"""

import asyncio
import hashlib
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bson import ObjectId
from bson import encode as bson
from graphql_auth.accounts.password_changes import PasswordChanges
from pymongo import MongoClient, monitoring
from pymongo.asynchronous.database import AsyncDatabase

from benchmarks import population, processes, servers, versions
from benchmarks.population import Member
from benchmarks.wire import HOST
from graphql_auth.accounts.service import AccountService, Registration, SignedIn
from graphql_auth.client_info import ClientInfo
from graphql_auth.embedded_mongo.mongod import find_mongod
from graphql_auth.mongo.client import connect
from graphql_auth.mongo.clock import DatabaseClock
from graphql_auth.mongo.heartbeat import Heartbeat
from graphql_auth.passwords.hash_queue import HashQueue
from graphql_auth.passwords.hasher import PasswordHasher
from graphql_auth.passwords.policy import PasswordPolicy
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.sessions.revocations import Revocations
from graphql_auth.sessions.service import Lifetimes, SessionService
from graphql_auth.throttling.device_tokens import DeviceTokens
from graphql_auth.throttling.repository import AttemptRepository
from graphql_auth.throttling.throttle import Throttle
from graphql_auth.tokens.access_tokens import AccessTokens
from graphql_auth.users.repository import UserRepository

OUT = Path(__file__).parent / "results" / "footprint.json"
MANY, ENDED, TIMES, LOOKS = 50_000, 20_000, 1_000, 25
KEY, HOURS = "k" * 32, timedelta(hours=2)
PASSWORD = "correct horse battery staple"  # noqa: S105 - of nobody's account
MICROSECONDS = 1e6

UseCase = Callable[[int], Awaitable[object]]


class Commands(monitoring.CommandListener):
    """Counts what is sent to the database, by command and collection."""

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Count a command."""
        of = event.command.get("collection") or event.command[event.command_name]
        self.sent[f"{event.command_name} {of}"] += 1

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Do nothing."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Do nothing."""


class Footprint:
    """Measures one thing after the other, and keeps what it finds."""

    def __init__(self, mongod: int, database: AsyncDatabase[dict[str, Any]]) -> None:
        self._mongod, self._database = mongod, database
        self.commands: dict[str, dict[str, float]] = {}
        self.mongod_microseconds: dict[str, float] = {}
        self.own_microseconds: dict[str, float] = {}
        self._revocations = Revocations(SessionRepository(), CLOCK, HOURS, HOURS)
        self._service, self._sessions = _parts(self._revocations)
        self._tokens: list[SignedIn] = []

    async def measure(self) -> None:
        """Measure every use case."""
        await self._revocations.poll()
        await self._use_case("look", lambda _: self._revocations.poll())
        await self._news()
        await self._use_case("register", self._register)
        await self._use_case("login", self._login)
        await self._use_case("refresh", self._refresh)
        await self._use_case("logout", self._logout)
        users = UserRepository()
        await self._use_case("user by _id, there", lambda at: users.with_id(_user_id(at)))
        await self._use_case("user by _id, not there", lambda _: users.with_id(str(ObjectId())))

    async def _news(self) -> None:
        """Read sessions that have just ended, as each look does again for OVERLAP seconds."""
        sessions = self._database["sessions"]
        latest = [one["_id"] async for one in sessions.find({}, {"_id": True}).limit(ENDED)]
        began = await SessionRepository().now()
        ended = [{"$set": {"ended_at": "$$NOW"}}]
        await sessions.update_many({"_id": {"$in": latest}}, ended)
        async with self._counted("news, covered by the index", LOOKS * ENDED):
            for _ in range(LOOKS):
                await self._revocations.poll()
        # As on a shard, where the index alone does not tell whose a session is.
        fields = {"ended_at": True, "expires_at": True, "user_id": True}
        async with self._counted("news, with documents", LOOKS * ENDED):
            for _ in range(LOOKS):
                await sessions.find({"ended_at": {"$gte": began}}, fields).to_list()

    async def _use_case(self, name: str, use_case: UseCase) -> None:
        # One after the other: of those at the same time, one process reads the users together.
        async with self._counted(name, TIMES):
            for number in range(TIMES):
                await use_case(number)

    @asynccontextmanager
    async def _counted(self, name: str, times: int) -> AsyncIterator[None]:
        COMMANDS.sent.clear()
        theirs, ours = processes.seconds_of_work([self._mongod]), time.process_time()
        yield
        theirs = processes.seconds_of_work([self._mongod]) - theirs
        ours = time.process_time() - ours
        self.commands[name] = {sent: count / times for sent, count in COMMANDS.sent.items()}
        self.mongod_microseconds[name] = round(theirs / times * MICROSECONDS, 2)
        self.own_microseconds[name] = round(ours / times * MICROSECONDS, 2)

    async def _register(self, at: int) -> None:
        typed = Registration("Ada", "Lovelace", f"new{at}@example.com", PASSWORD)
        await self._service.register(typed, _device(at))

    async def _login(self, at: int) -> None:
        self._tokens.append(await self._service.login(_email(at), PASSWORD, _device(at)))

    async def _refresh(self, at: int) -> None:
        token = self._tokens[at].tokens.refresh
        self._tokens[at] = await self._service.refresh(token, _device(at))

    async def _logout(self, at: int) -> None:
        signed_in = self._tokens[at]
        await self._sessions.end(signed_in.account.id, signed_in.tokens.session_id)


COMMANDS = Commands()
CLOCK = DatabaseClock()


def _parts(revocations: Revocations) -> tuple[AccountService, SessionService]:
    tokens = AccessTokens(KEY, HOURS, CLOCK)
    sessions = SessionService(
        SessionRepository(), UserRepository(), tokens, revocations, Heartbeat(), Lifetimes(), CLOCK
    )
    service = AccountService(
        users=UserRepository(),
        passwords=PasswordHasher(population.BCRYPT_ROUNDS),
        rules=PasswordPolicy(8),
        hash_queue=HashQueue(threads=1),
        throttle=Throttle(AttemptRepository(), 100, 500, CLOCK),
        devices=DeviceTokens(KEY),
        sessions=sessions,
        password_changes=PasswordChanges(),
        now=CLOCK,
    )
    return service, sessions


def _fill(uri: str) -> dict[str, Any]:
    """Write users and sessions, and return how many bytes each of them takes."""
    now, hashed = datetime.now(UTC), PasswordHasher(population.BCRYPT_ROUNDS).hash(PASSWORD)
    # People have other addresses than members with a number, and come back in no order.
    users = [Member(at).user(hashed) | {"email": _email(at)} for at in range(MANY)]
    owners = random.Random(1).sample(range(MANY), MANY)  # noqa: S311
    sessions = [_session(at, owner, now) for at, owner in enumerate(owners)]
    with MongoClient[dict[str, Any]](uri) as client:
        database = client.get_default_database()
        for start in range(0, MANY, population.BATCH):
            database["users"].insert_many(users[start : start + population.BATCH])
            database["sessions"].insert_many(sessions[start : start + population.BATCH])
        # The one more that a hashed shard key needs.
        database["sessions"].create_index([("user_id", "hashed")], name="user_id_hashed")
        client.admin.command("fsync")
        sizes = {name: database.command("collStats", name) for name in ("users", "sessions")}
    return {
        "documents": {"users": len(bson(users[-1])), "sessions": len(bson(sessions[-1]))},
        "indexes": {
            name: {index: round(size / MANY, 1) for index, size in found["indexSizes"].items()}
            for name, found in sizes.items()
        },
    }


def _session(at: int, owner: int, now: datetime) -> dict[str, Any]:
    """Return a session that has been refreshed."""
    token = hashlib.sha256(str(at).encode()).digest()
    began = Member(at).session(now + timedelta(milliseconds=at))
    return began | {"user_id": ObjectId(_user_id(owner)), "previous": token, "salt": token}


def _user_id(at: int) -> str:
    return str(Member(at).user("")["_id"])


def _email(at: int) -> str:
    return f"{hashlib.sha256(str(at).encode()).hexdigest()[:12]}@example.com"


def _device(at: int) -> ClientInfo:
    return ClientInfo(f"10.0.{at >> 8}.{at & 255}", population.USER_AGENT)


@contextmanager
def _replica_set(directory: Path) -> Iterator[tuple[int, str]]:
    """Start a replica set of one member; yield the id of its process, and its address."""
    port, data = servers.free_port(), directory / "data"
    data.mkdir()
    command = [str(find_mongod()), f"--dbpath={data}", f"--port={port}", "--replSet=one"]
    command += [f"--bind_ip={HOST}", "--nounixsocket", "--oplogSize=500"]
    command += ["--wiredTigerCacheSizeGB=1", "--networkMessageCompressors=snappy,zstd"]
    with processes.running(command, {}, directory, directory / "log") as process:
        direct = f"mongodb://{HOST}:{port}/?directConnection=true"
        with MongoClient[dict[str, Any]](direct) as client:
            member = {"_id": 0, "host": f"{HOST}:{port}"}
            client.admin.command("replSetInitiate", {"_id": "one", "members": [member]})
        yield process.pid, f"mongodb://{HOST}:{port}/footprint?replicaSet=one"


async def _measure(pid: int, uri: str) -> dict[str, Any]:
    async with connect(uri) as database:
        sizes = await asyncio.to_thread(_fill, uri)
        footprint = Footprint(pid, database)
        await footprint.measure()
        attempt = await database["attempts"].find_one() or {}
    sizes["documents"]["attempts"] = len(bson(attempt))
    facts = versions.facts(uri)
    return {
        **{name: facts[name] for name in ("date", "commit", "machine")},
        "bytes": sizes,
        "commands": footprint.commands,
        "mongod microseconds": footprint.mongod_microseconds,
        "process microseconds": footprint.own_microseconds,
    }


def main() -> None:
    """Measure, and write what was found."""
    monitoring.register(COMMANDS)
    with tempfile.TemporaryDirectory() as name, _replica_set(Path(name)) as (pid, uri):
        found = asyncio.run(_measure(pid, uri))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(f"{json.dumps(found, indent=1)}\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
