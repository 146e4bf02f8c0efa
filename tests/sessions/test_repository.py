from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NoReturn

import pytest
from beanie import Document, PydanticObjectId
from bson import ObjectId
from bson.datetime_ms import DatetimeMS
from pymongo import AsyncMongoClient, MongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from graphql_auth.errors import Unavailable
from graphql_auth.mongo.client import connect
from graphql_auth.services import DOCUMENTS
from graphql_auth.sessions import repository
from graphql_auth.sessions.document import RevocationDocument, SessionDocument
from graphql_auth.sessions.refresh_tokens import RefreshToken
from graphql_auth.sessions.repository import CLOCK_SKEW, RevocationBatch, SessionRepository

pytestmark = pytest.mark.anyio

Database = AsyncDatabase[dict[str, Any]]

# Far ahead, or MongoDB would remove what has expired.
EPOCH = datetime.fromtimestamp(0, UTC)
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
    ids = {int(ended.session_id, 16)}
    now = datetime.now(UTC)
    (stored,) = await revoked(now - HOUR, now + HOUR, SessionDocument)
    assert stored == RevocationBatch(ids, stored.latest, stored.latest, ended.until)
    assert abs(stored.latest - now) < timedelta(minutes=1)
    (published,) = await revoked(stored.latest - MILLISECOND, stored.latest + HOUR)
    assert (published.ids, published.until) == (ids, ended.until)
    for at, source in ((stored.latest, SessionDocument), (published.latest, RevocationDocument)):
        assert len(await revoked(at - HOUR, at, source)) == 1
        assert await revoked(at, at + HOUR, source) == []
        assert await revoked(at - HOUR, at - MILLISECOND, source) == []


async def revoked(
    start: datetime, end: datetime, source: type[Document] = RevocationDocument
) -> list[RevocationBatch]:
    found = SessionRepository().revoked_between(start, end, 9, source)
    return [batch async for batch in found]


async def test_ended_session_that_another_program_keeps_for_millennia_is_read(
    stored: Database,
) -> None:
    kept_until = DatetimeMS(1 << 48)
    await stored.graphql_auth_revocations.insert_one({"ended_at": NOW, "expires_at": kept_until})

    (batch,) = await revoked(EPOCH, NOW)

    assert batch.until.year == 9999


@pytest.mark.usefixtures("stored")
async def test_end_all_returns_ended_sessions() -> None:
    added = [await SessionRepository().add(session()) for _ in range(4)]
    await SessionRepository().add(session(user_id=PydanticObjectId()))
    await SessionRepository().end(str(USER), str(added[0].id))

    ended = await SessionRepository().end_all(str(USER), except_session=str(added[1].id))

    # Also the one that had ended: it may not be published yet.
    assert {one.session_id for one in ended} == {str(added[n].id) for n in (0, 2, 3)}


async def crash(*_: Any) -> NoReturn:
    raise Unavailable


def end(session: SessionDocument) -> Awaitable[object]:
    return SessionRepository().end(str(USER), str(session.id))


def end_all(_: SessionDocument) -> Awaitable[object]:
    return SessionRepository().end_all(str(USER))


def erase(_: SessionDocument) -> Awaitable[object]:
    return SessionRepository().erase(str(USER))


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("again", [end, end_all, erase])
@pytest.mark.parametrize("first", [end, end_all, erase])
async def test_end_that_was_not_published_is_published_by_next_try(
    first: Callable[[SessionDocument], Awaitable[object]],
    again: Callable[[SessionDocument], Awaitable[object]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    added = await SessionRepository().add(session())
    with monkeypatch.context() as patch:
        patch.setattr(SessionRepository, "_publish", crash)
        with pytest.raises(Unavailable):
            await first(added)
    (swept,) = await revoked(EPOCH, NOW, SessionDocument)
    assert await revoked(EPOCH, NOW) == []

    await again(added)

    (published,) = await revoked(EPOCH, NOW)
    assert (published.ids, published.until) == (swept.ids, swept.until)
    # A further try does not change what polls have read.
    await again(added)
    assert await revoked(EPOCH, NOW) == [published]


class OtherProcess(CommandListener):
    """Erases all sessions as soon as this process has found them."""

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def started(self, _: CommandStartedEvent) -> None:
        """Wait for the answer."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        if event.command_name == "aggregate":
            with MongoClient[dict[str, Any]](self._uri) as client:
                client.get_default_database()["graphql_auth_sessions"].delete_many({})

    def failed(self, event: CommandFailedEvent) -> None:
        raise AssertionError(event.failure)


async def test_sessions_that_another_process_erases_meanwhile_are_no_failure(
    database_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_client = partial(AsyncMongoClient, event_listeners=[OtherProcess(database_uri)])
    monkeypatch.setattr("graphql_auth.mongo.client.AsyncMongoClient", connect_client)
    async with connect(database_uri, DOCUMENTS):
        await SessionRepository().add(session())

        assert await SessionRepository().end_all(str(USER)) == []


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
    deletions = await stored["system.profile"].find({"op": "remove"}).to_list()
    assert [deletion["ndeleted"] for deletion in deletions] == [2, 2, 1]
    assert await stored["graphql_auth_sessions"].count_documents({}) == 0


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("changes", "presented", "at"),
    [
        ({}, {"secret": b"another"}, NOW),
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
    held = RefreshToken(str(USER), str(ObjectId()), b"family", b"current")
    digests = {"family": held.family_digest, "current": held.secret_digest}
    added = await SessionRepository().add(session(id=held.session_id, **digests, **changes))

    rotated = await SessionRepository().rotate(
        replace(held, **presented), at, {"current": b"next"}, HOUR
    )

    assert rotated is None
    kept = await SessionRepository().get_live(str(USER), str(added.id), NOW)
    assert kept is None or kept.current == held.secret_digest


@pytest.mark.usefixtures("stored")
async def test_database_time_is_utc() -> None:
    now = await SessionRepository().now()

    assert now.utcoffset() == timedelta()
