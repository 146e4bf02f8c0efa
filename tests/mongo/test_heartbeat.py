import time
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.mongo.client import connect
from graphql_auth.mongo.heartbeat import HEARTBEAT, MAX_OUTAGES, Heartbeat
from graphql_auth.services import DOCUMENTS

pytestmark = pytest.mark.anyio

Database = AsyncDatabase[dict[str, Any]]

GAP = timedelta(hours=1)
OUTAGE = timedelta(hours=5)


@pytest.fixture(autouse=True)
async def connection(database_uri: str) -> AsyncIterator[None]:
    async with connect(database_uri, DOCUMENTS):
        yield


async def stored(database: Database) -> dict[str, Any]:
    found = await database["graphql_auth_meta"].find_one(HEARTBEAT)
    assert found is not None
    return found


async def pass_time(database: Database, time: timedelta, *servers: Heartbeat) -> datetime:
    """Move all that is known into the past, and return when the last write was acknowledged."""
    fields = ["written_at", "acknowledged_at"]
    earlier = {
        field: {"$subtract": [f"${field}", time // timedelta(milliseconds=1)]} for field in fields
    }
    outages = {
        "$map": {
            "input": {"$ifNull": ["$outages", []]},
            "in": {
                end: {"$subtract": [f"$$this.{end}", time // timedelta(milliseconds=1)]}
                for end in ("from", "to")
            },
        }
    }
    await database["graphql_auth_meta"].update_one(
        HEARTBEAT, [{"$set": earlier | {"outages": outages}}]
    )
    for server in servers:
        if server._acknowledged_at:  # noqa: SLF001 - the time that the server remembers passes too
            server._acknowledged_at -= time  # noqa: SLF001
    moment: datetime = (await stored(database))["written_at"]
    return moment


async def test_short_gap_is_no_outage(database: Database) -> None:
    server = Heartbeat(GAP)
    for _ in range(3):
        await server.beat()
        moment = await pass_time(database, GAP / 2, server)

    assert await server.outage_since(moment) == timedelta()


async def test_gap_between_acknowledged_writes_is_an_outage(database: Database) -> None:
    server = Heartbeat(GAP)
    await server.beat()
    before = await pass_time(database, OUTAGE, server)

    assert abs(await server.outage_since(before) - OUTAGE) < timedelta(minutes=1)
    # What begins after it has nothing to do with it.
    now = (await stored(database))["written_at"]
    assert await server.outage_since(now) == timedelta()
    # Of one that began in the middle, the rest counts.
    rest = await server.outage_since(before + OUTAGE / 2)
    assert abs(rest - OUTAGE / 2) < timedelta(minutes=1)


async def test_new_server_records_outage_before_its_start(database: Database) -> None:
    for _ in range(2):
        # The second write stores that the first one was acknowledged.
        old = Heartbeat(GAP)
        await old.beat()
        await old.beat()
    before = await pass_time(database, OUTAGE)

    assert abs(await Heartbeat(GAP).outage_since(before) - OUTAGE) < timedelta(minutes=1)


async def test_unacknowledged_write_ends_no_outage(
    database: Database,
) -> None:
    server = Heartbeat(GAP)
    await server.beat()
    await server.beat()
    before = await pass_time(database, OUTAGE, server)
    # A primary without a majority has applied this one a moment ago.
    await database["graphql_auth_meta"].update_one(HEARTBEAT, [{"$set": {"written_at": "$$NOW"}}])

    assert abs(await Heartbeat(GAP).outage_since(before) - OUTAGE) < timedelta(minutes=1)


async def test_servers_record_an_outage_once(database: Database) -> None:
    servers = [Heartbeat(GAP) for _ in range(3)]
    for server in servers:
        await server.beat()
    before = await pass_time(database, OUTAGE, *servers)
    for server in servers:
        await server.beat()

    assert len((await stored(database))["outages"]) == 1
    assert abs(await servers[0].outage_since(before) - OUTAGE) < timedelta(minutes=1)


async def test_outage_of_one_server_alone_is_recorded(database: Database) -> None:
    cut_off, other = Heartbeat(GAP), Heartbeat(GAP)
    await cut_off.beat()
    await other.beat()
    before = await pass_time(database, GAP * 0.9, cut_off, other)
    await other.beat()
    await pass_time(database, GAP * 0.9, cut_off, other)
    await other.beat()

    outage = await cut_off.outage_since(before - GAP * 0.9)
    assert abs(outage - GAP * 1.8) < timedelta(minutes=1)


async def test_number_of_outages_that_are_kept_is_bounded(database: Database) -> None:
    server = Heartbeat(GAP)
    for _ in range(MAX_OUTAGES + 3):
        await server.beat()
        await pass_time(database, OUTAGE, server)
    await server.beat()

    assert len((await stored(database))["outages"]) == MAX_OUTAGES


async def test_slow_acknowledgements_are_no_outage(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monotonic = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: monotonic)
    server = Heartbeat(GAP)
    write = server._write  # noqa: SLF001

    async def write_slowly(update: list[dict[str, Any]]) -> Mapping[str, Any]:
        nonlocal monotonic
        found = await write(update)
        monotonic += OUTAGE.total_seconds()
        return found

    monkeypatch.setattr(server, "_write", write_slowly)
    await server.beat()
    before = await pass_time(database, OUTAGE, server)

    assert await server.outage_since(before) == timedelta()


async def test_outage_with_a_clock_ahead_hides_no_other(database: Database) -> None:
    server = Heartbeat(GAP)
    await server.beat()
    before = await pass_time(database, OUTAGE, server)
    ahead = before + 10 * OUTAGE
    await database["graphql_auth_meta"].update_one(
        HEARTBEAT,
        {
            "$push": {"outages": {"from": ahead, "to": ahead + OUTAGE}},
            "$set": {"acknowledged_at": ahead},
        },
    )

    assert abs(await server.outage_since(before) - OUTAGE) < timedelta(minutes=1)
    assert abs(await Heartbeat(GAP).outage_since(before) - OUTAGE) < timedelta(minutes=1)


@pytest.mark.parametrize(("grace", "gap"), [(0, 0.5), (1, 0.5), (8, 2), (30, 5), (300, 5)])
async def test_outages_of_a_quarter_of_the_grace_are_detected(grace: float, gap: float) -> None:
    heartbeat = Heartbeat.for_grace(timedelta(seconds=grace))

    assert heartbeat.interval < gap / 2
    assert heartbeat.interval > gap / 4
