from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.mongo.client import connect
from graphql_auth.services import DOCUMENTS
from graphql_auth.tokens.key_fingerprint import check_token_key
from tests.conftest import KEY, Start
from tests.process import ServerProcess

Database = AsyncDatabase[dict[str, Any]]

OTHER_KEY = KEY[::-1]
WARNING = "TOKEN_KEY is not the key that this database was last used with"


@pytest.fixture
async def stored(database_uri: str) -> AsyncIterator[Database]:
    async with connect(database_uri, DOCUMENTS) as database:
        yield database


@pytest.mark.anyio
async def test_changed_key_is_warned_of_once(
    stored: Database, caplog: pytest.LogCaptureFixture
) -> None:
    for key, expected in ((KEY, 0), (KEY, 0), (OTHER_KEY, 1), (OTHER_KEY, 0), (KEY, 1)):
        await check_token_key(key)

        assert caplog.text.count(WARNING) == expected
        caplog.clear()
    assert await stored["graphql_auth_meta"].count_documents({}) == 1


@pytest.mark.anyio
@pytest.mark.usefixtures("stored")
async def test_change_by_way_of_the_previous_key_warns_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In each step, servers with the settings before it and after it start in any order."""
    steps = [(KEY,), (KEY, OTHER_KEY), (OTHER_KEY, KEY), (OTHER_KEY,)]
    for before, after in pairwise(steps):
        for keys in (before, after, before, after):
            await check_token_key(*keys)
    assert WARNING not in caplog.text

    await check_token_key(KEY)
    assert WARNING in caplog.text


@pytest.mark.anyio
async def test_fingerprints_of_one_key_on_two_databases_differ(stored: Database) -> None:
    fingerprints = set()
    for _ in range(2):
        await stored["graphql_auth_meta"].delete_many({})
        await check_token_key(KEY)
        document = await stored["graphql_auth_meta"].find_one({"_id": "token_key"})
        assert document is not None
        assert KEY.encode() not in b"".join((document["salt"], document["fingerprint"]))
        fingerprints.add(document["fingerprint"])

    assert len(fingerprints) == 2


def test_second_server_with_another_key_warns(start: Start, database_uri: str) -> None:
    def warnings(server: ServerProcess) -> int:
        assert KEY not in server.output
        return server.output.count(WARNING)

    servers = [start(MONGO_URI=database_uri, TOKEN_KEY=key) for key in (KEY, OTHER_KEY)]

    assert [warnings(server) for server in servers] == [0, 1]
