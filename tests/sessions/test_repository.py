from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from beanie import PydanticObjectId
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.mongo.client import connect
from graphql_auth.services import DOCUMENTS
from graphql_auth.sessions import repository
from graphql_auth.sessions.document import SessionDocument
from graphql_auth.sessions.repository import CLOCK_SKEW, RefreshTokenDigests, SessionRepository

pytestmark = pytest.mark.anyio

Database = AsyncDatabase[dict[str, Any]]

# Far ahead, or MongoDB would remove what has expired.
NOW = datetime(2126, 1, 1, tzinfo=UTC)
USER = PydanticObjectId()
HOUR = timedelta(hours=1)
MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture
async def stored(database_uri: str) -> AsyncIterator[Database]:
    async with connect(database_uri, DOCUMENTS) as database:
        yield database


def session(**changes: Any) -> SessionDocument:
    values = {
        "user_id": USER,
        "password_changes": 0,
        "last_used_at": NOW,
        "expires_at": NOW + 24 * HOUR,
        "ends_at": NOW + 48 * HOUR,
        "access_until": NOW + HOUR,
        "family": b"family",
        "current": b"current",
        "rotated_at": NOW,
    }
    return SessionDocument(**values | changes)


async def test_expired_sessions_are_removed_by_ttl_index(stored: Database) -> None:
    indexes = await stored["graphql_auth_sessions"].index_information()

    assert indexes["expires_at_1"]["expireAfterSeconds"] == 0
    assert indexes["ended_at_1_expires_at_1__id_1"]["partialFilterExpression"] == {
        "ended_at": {"$exists": True}
    }
    assert "user_id_1__id_-1" in indexes


async def test_live_session_is_not_in_index_of_ended_ones(stored: Database) -> None:
    await SessionRepository().add(session())

    document = await stored["graphql_auth_sessions"].find_one()
    assert document is not None
    assert "ended_at" not in document


@pytest.mark.usefixtures("stored")
async def test_ended_session_is_kept_until_access_tokens_expire() -> None:
    added = await SessionRepository().add(session())
    for access_until in (NOW + 3 * HOUR, NOW):
        again = await SessionRepository().extend_access(
            added, access_until, timedelta(days=100_000)
        )
        assert again is not None
        assert again.access_until == NOW + 3 * HOUR

    ended = await SessionRepository().end(str(USER), str(added.id))

    assert ended is not None
    assert ended.until == NOW + 3 * HOUR + CLOCK_SKEW
    assert abs(ended.at - datetime.now(UTC)) < timedelta(minutes=1)
    found = SessionRepository().revoked_between
    assert [batch async for batch in found(ended.at - HOUR, ended.at, 9)] == [[ended]]
    assert [batch async for batch in found(ended.at, ended.at + HOUR, 9)] == []
    assert [batch async for batch in found(ended.at - HOUR, ended.at - MILLISECOND, 9)] == []


@pytest.mark.usefixtures("stored")
async def test_end_all_returns_ended_sessions() -> None:
    added = [await SessionRepository().add(session()) for _ in range(4)]
    await SessionRepository().add(session(user_id=PydanticObjectId()))
    await SessionRepository().end(str(USER), str(added[0].id))

    ended = await SessionRepository().end_all(str(USER), except_session=str(added[1].id))

    assert {one.session_id for one in ended} == {str(added[n].id) for n in (2, 3)}


async def test_any_number_of_sessions_is_erased_by_small_commands(
    stored: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that takes longer than COMMAND_TIMEOUT fails, each time that it is tried again."""
    monkeypatch.setattr(repository, "BATCH", 2)
    for _ in range(5):
        await SessionRepository().add(session(user_agent="a phone of Ada"))
    await stored.command("profile", 2)

    assert len(await SessionRepository().erase(str(USER))) == 5

    await stored.command("profile", 0)
    updates = await stored["system.profile"].find({"op": "update"}).to_list()
    assert max(update["nModified"] for update in updates) == 2
    found = await stored["graphql_auth_sessions"].find().to_list()
    assert [one.keys() for one in found] == [{"_id", "ended_at", "expires_at"}] * 5


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("changes", "presented", "at"),
    [
        ({}, {"digest": b"another"}, NOW),
        ({}, {"family": b"another"}, NOW),
        ({}, {"user_id": str(ObjectId())}, NOW),
        ({}, {"session_id": str(ObjectId())}, NOW),
        ({}, {}, NOW + 24 * HOUR),
        ({"ended_at": NOW}, {}, NOW),
    ],
)
async def test_rotate_needs_current_token_of_live_session(
    changes: dict[str, Any], presented: dict[str, Any], at: datetime
) -> None:
    added = await SessionRepository().add(session(**changes))
    values = {
        "user_id": str(USER),
        "session_id": str(added.id),
        "family": b"family",
        "digest": b"current",
    }

    rotated = await SessionRepository().rotate(
        RefreshTokenDigests(**values | presented), at, {"current": b"next"}, HOUR
    )

    assert rotated is None
    kept = await SessionRepository().get_live(str(USER), str(added.id), NOW)
    assert kept is None or kept.current == b"current"


@pytest.mark.usefixtures("stored")
async def test_database_time_is_utc() -> None:
    now = await SessionRepository().now()

    assert now.utcoffset() == timedelta()
