from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from graphql_auth.accounts.password_changes import PasswordChanges
from graphql_auth.accounts.service import AccountService
from graphql_auth.mongo.client import connect
from graphql_auth.mongo.clock import DatabaseClock
from graphql_auth.mongo.heartbeat import Heartbeat
from graphql_auth.passwords.hash_queue import HashQueue
from graphql_auth.passwords.hasher import PasswordHasher
from graphql_auth.passwords.policy import PasswordPolicy
from graphql_auth.sessions.document import SessionDocument
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.sessions.revocations import Revocations
from graphql_auth.sessions.service import Lifetimes, SessionService
from graphql_auth.throttling.devices import DeviceTokens
from graphql_auth.throttling.repository import AttemptRepository
from graphql_auth.throttling.throttle import Throttle
from graphql_auth.tokens.access_tokens import AccessTokens
from graphql_auth.users.repository import UserRepository

HOUR = timedelta(hours=1)
DEFAULTS = Lifetimes()
NewSessions = Callable[..., SessionService]
FAILURES_PER_ADDRESS = 60
REGISTRATIONS_PER_ADDRESS = 100


class Clock:
    """A clock that is moved by hand, in seconds since 1970."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def pass_time(clock: Clock, seconds: float) -> None:
    """Move the clock, and that of the database, by which the grace is measured, as far."""
    clock.time += seconds
    earlier = {"$subtract": ["$rotated_at", int(seconds * 1000)]}
    await SessionDocument.get_pymongo_collection().update_many(
        {}, [{"$set": {"rotated_at": earlier}}]
    )


@pytest.fixture
async def revocations(database_uri: str) -> AsyncIterator[Revocations]:
    """What a process knows of ended sessions, with the database behind it."""
    async with connect(database_uri):
        revocations = Revocations(SessionRepository(), DatabaseClock(), HOUR, max_staleness=HOUR)
        await revocations.poll()
        yield revocations


@pytest.fixture
def new_sessions(revocations: Revocations, clock: Clock) -> NewSessions:
    """Wire the service of another process, or of another configuration."""

    def new(
        lifetimes: Lifetimes = DEFAULTS, key: str = "k" * 32, ttl: timedelta = HOUR
    ) -> SessionService:
        tokens = AccessTokens(key, ttl, clock)
        return SessionService(
            SessionRepository(),
            UserRepository(),
            tokens,
            revocations,
            Heartbeat(HOUR),
            lifetimes,
            clock,
        )

    return new


@pytest.fixture
def sessions(new_sessions: NewSessions) -> SessionService:
    return new_sessions()


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    return Throttle(AttemptRepository(), FAILURES_PER_ADDRESS, REGISTRATIONS_PER_ADDRESS, clock)


@pytest.fixture
async def service(
    sessions: SessionService, throttle: Throttle, clock: Clock
) -> AsyncIterator[AccountService]:
    queue = HashQueue(threads=2)
    yield AccountService(
        users=UserRepository(),
        passwords=PasswordHasher(4),
        rules=PasswordPolicy(8),
        hash_queue=queue,
        throttle=throttle,
        devices=DeviceTokens("k" * 32),
        sessions=sessions,
        password_changes=PasswordChanges(),
        now=clock,
    )
    queue.close()
