import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.mongo.client import connect
from graphql_auth.mongo.index_monitor import REMINDER_INTERVAL, IndexMonitor
from graphql_auth.services import DOCUMENTS
from graphql_auth.sessions.document import SessionDocument
from graphql_auth.throttling.document import AttemptDocument
from graphql_auth.users.document import UserDocument

pytestmark = pytest.mark.anyio

Database = AsyncDatabase[dict[str, Any]]

CREATE_EMAIL_INDEX = 'db.users.createIndex({email: 1}, {name: "email_1", unique: true})'
CREATE_TTL_INDEX = 'createIndex({expires_at: 1}, {name: "expires_at_1", expireAfterSeconds: 0})'
CREATE_ENDED_INDEX = (
    "db.graphql_auth_sessions.createIndex({ended_at: 1, expires_at: 1, _id: 1},"
    ' {name: "ended_at_1_expires_at_1__id_1",'
    " partialFilterExpression: {ended_at: {$exists: true}}})"
)
CREATE_REVOCATIONS_INDEX = (
    "db.graphql_auth_revocations.createIndex({ended_at: 1, expires_at: 1, _id: 1},"
    ' {name: "ended_at_1_expires_at_1__id_1"})'
)


class Clock:
    time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
async def stored(database_uri: str) -> AsyncIterator[Database]:
    async with connect(database_uri, DOCUMENTS) as database:
        yield database


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def monitor(clock: Clock) -> IndexMonitor:
    return IndexMonitor(DOCUMENTS, clock)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    logged = [f"{record.levelname} {record.getMessage()}" for record in caplog.records]
    caplog.clear()
    return logged


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@pytest.mark.usefixtures("stored")
async def test_indexes_as_they_are_made_are_usable(
    monitor: IndexMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    for document in (UserDocument, SessionDocument, AttemptDocument):
        assert await monitor.check(document)

    assert lines(caplog) == []


async def test_index_of_mongoose_is_usable(monitor: IndexMonitor, stored: Database) -> None:
    await stored["users"].drop_index("email_1")
    await stored["users"].create_index({"email": 1}, unique=True, background=True, sparse=True)

    assert await monitor.check(UserDocument)


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ({"email": -1}, {"name": "users_email_key"}),
        ({"email": 1}, {"partialFilterExpression": {"email": {"$type": "string"}}}),
    ],
)
async def test_email_index_under_any_name_is_usable(
    monitor: IndexMonitor, stored: Database, key: dict[str, int], options: dict[str, Any]
) -> None:
    await stored["users"].drop_index("email_1")
    name = await stored["users"].create_index(key, unique=True, **options)

    assert await monitor.check(UserDocument) == [name]


async def test_missing_index_is_logged_with_its_command(
    monitor: IndexMonitor, stored: Database, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await stored["users"].drop_index("email_1")

    missing = (
        f"CRITICAL the index email_1 of {stored.name}.users is missing, so registration is refused;"
        f" in mongosh: {CREATE_EMAIL_INDEX}"
    )
    for seconds, expected in (
        (0, [missing]),
        (REMINDER_INTERVAL - 1, []),
        (1, [missing]),
    ):
        clock.time += seconds
        assert not await monitor.check(UserDocument)
        assert lines(caplog) == expected
        assert monitor.missing_unique == {"email_1"}

    await stored["users"].create_index({"email": 1}, unique=True)
    for expected in ([f"WARNING the index email_1 of {stored.name}.users is back"], []):
        assert await monitor.check(UserDocument)
        assert lines(caplog) == expected
        assert monitor.missing_unique == set()


@pytest.mark.parametrize("options", [{}, {"unique": True, "expireAfterSeconds": 9}])
async def test_index_of_another_kind_is_not_usable(
    monitor: IndexMonitor,
    stored: Database,
    caplog: pytest.LogCaptureFixture,
    options: dict[str, Any],
) -> None:
    key = {"first_name": 1} if options else {"email": 1}
    await stored["users"].drop_index("email_1")
    await stored["users"].create_index(key, name="email_1", **options)

    assert not await monitor.check(UserDocument)
    (line,) = lines(caplog)
    assert "is missing, so registration is refused" in line
    assert line.endswith(f": {CREATE_EMAIL_INDEX.replace('email_1', 'graphql_auth_email_1')}")


async def test_hidden_index_is_not_usable(
    monitor: IndexMonitor, stored: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await stored.command({"collMod": "users", "index": {"name": "email_1", "hidden": True}})

    assert not await monitor.check(UserDocument)
    assert lines(caplog)[0].endswith(': db.users.unhideIndex("email_1")')


async def test_conflicting_index_of_another_name_is_named(
    monitor: IndexMonitor, stored: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await stored["users"].drop_index("email_1")
    await stored["users"].create_index("email", name="search")
    await stored["users"].create_index("email", name="theirs", unique=True, hidden=True)

    assert not await monitor.check(UserDocument)
    assert lines(caplog)[0].endswith(': db.users.unhideIndex("theirs")')


OURS = ("sessions", "revocations", "attempts", "links", "outbox")


@pytest.mark.parametrize("harm", ["indexes", "collections", "database"])
async def test_all_indexes_of_all_collections_are_checked(
    stored: Database, caplog: pytest.LogCaptureFixture, harm: str
) -> None:
    for name in ("users", *(f"graphql_auth_{kind}" for kind in OURS)):
        if harm == "indexes":
            await stored[name].drop_indexes()
        elif harm == "collections":
            await stored[name].rename(f"{name}_before")
    if harm == "database":
        await stored.client.drop_database(stored.name)

    await IndexMonitor(DOCUMENTS).check_all()

    commands = [line.partition("in mongosh: ")[2] for line in lines(caplog)]
    assert commands == [
        CREATE_EMAIL_INDEX,
        'db.graphql_auth_sessions.createIndex({user_id: 1, _id: -1}, {name: "user_id_1__id_-1"})',
        f"db.graphql_auth_sessions.{CREATE_TTL_INDEX}",
        CREATE_ENDED_INDEX,
        f"db.graphql_auth_revocations.{CREATE_TTL_INDEX}",
        CREATE_REVOCATIONS_INDEX,
        f"db.graphql_auth_attempts.{CREATE_TTL_INDEX}",
        f"db.graphql_auth_links.{CREATE_TTL_INDEX}",
        'db.graphql_auth_links.createIndex({user_id: 1}, {name: "user_id_1"})',
        'db.graphql_auth_outbox.createIndex({due_at: 1}, {name: "due_at_1"})',
        f"db.graphql_auth_outbox.{CREATE_TTL_INDEX}",
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"partialFilterExpression": {"active": True}},
        {"collation": {"locale": "en", "strength": 2}},
    ],
)
async def test_partial_unique_index_is_not_usable(
    monitor: IndexMonitor, stored: Database, options: dict[str, Any]
) -> None:
    await stored["users"].drop_index("email_1")
    await stored["users"].create_index({"email": 1}, name="email_1", unique=True, **options)

    assert not await monitor.check(UserDocument)
