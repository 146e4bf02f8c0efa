import socket
import time
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.errors import StartError
from graphql_auth.mongo import client as mongo
from graphql_auth.mongo import collections
from graphql_auth.mongo.client import connect
from graphql_auth.mongo.index_monitor import IndexMonitor
from graphql_auth.services import DOCUMENTS
from graphql_auth.users.document import UserDocument

pytestmark = pytest.mark.anyio

Database = AsyncDatabase[dict[str, Any]]


async def refusal(uri: str) -> str:
    with pytest.raises(StartError) as refused:
        async with connect(uri, DOCUMENTS):
            pass
    message = str(refused.value)
    assert "\n" not in message
    return message


async def test_write_concern_is_a_journaled_majority(
    database_uri: str,
) -> None:
    async with connect(database_uri, DOCUMENTS) as database:
        assert database.write_concern.document == {"w": "majority", "j": True}


async def test_uri_without_database_uses_the_default_of_mongoose(
    database_uri: str,
) -> None:
    async with connect(database_uri.rpartition("/")[0], DOCUMENTS) as database:
        assert database.name == "test"


async def test_the_index_is_the_one_that_mongoose_makes(
    database_uri: str, database: Database
) -> None:
    await database["users"].create_index({"email": 1}, unique=True, background=True)
    async with connect(database_uri, DOCUMENTS):
        pass
    async with connect(database_uri, DOCUMENTS):
        pass

    indexes = await database["users"].index_information()
    assert indexes.keys() == {"_id_", "email_1"}
    assert indexes["email_1"]["unique"] is True


async def test_long_index_build_is_logged(
    database_uri: str,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(collections, "INDEX_NOTICE_DELAY", 0.01)
    monkeypatch.setattr(mongo, "COMMAND_TIMEOUT", 0.2)
    for part in range(4):
        await database["users"].insert_many(
            [{"email": f"{part}-{number}@example.com"} for number in range(50_000)]
        )

    async with connect(database_uri, DOCUMENTS):
        pass

    assert f"creating the indexes of {database.name}.users" in caplog.text
    assert "email_1" in await database["users"].index_information()


async def test_duplicate_emails_are_named(database_uri: str, database: Database) -> None:
    emails = ["ada@example.com", "ada@example.com", "bob@example.com", None, None, None]
    await database["users"].insert_many([{"email": email} for email in emails])

    message = await refusal(database_uri)

    assert "unique: ada@example.com (2). Keep" in message


async def test_many_duplicate_emails_are_not_all_listed(
    database_uri: str, database: Database
) -> None:
    await database["users"].insert_many(
        [{"email": f"{number}@example.com"} for number in range(9) for _ in range(2)]
    )

    assert (await refusal(database_uri)).count("@example.com") == collections.MAX_DUPLICATES_SHOWN


async def test_elements_of_arrays_are_duplicates_too(database_uri: str, database: Database) -> None:
    emails = [["a@example.com", "b@example.com"], ["b@example.com"] * 2, "c" * 1000, "c" * 1000]
    await database["users"].insert_many([{"email": email} for email in emails])

    message = await refusal(database_uri)

    assert f"unique: b@example.com (2), {'c' * 100} (2). Keep" in message


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ({"email": 1}, {}),
        ({"email": "hashed"}, {}),
        ({"email": 1}, {"unique": True, "partialFilterExpression": {"deleted": False}}),
        ({"email": 1}, {"collation": {"locale": "en", "strength": 2}}),
        ({"phone": 1}, {"unique": True, "sparse": True}),
    ],
)
async def test_index_of_an_application_keeps_its_name(
    database_uri: str, database: Database, key: dict[str, Any], options: dict[str, Any]
) -> None:
    await database["users"].create_index(key, name="email_1", **options)
    before = await database["users"].index_information()

    for _ in range(2):
        async with connect(database_uri, DOCUMENTS):
            assert await IndexMonitor(DOCUMENTS).check(UserDocument) == ["graphql_auth_email_1"]

    after = await database["users"].index_information()
    assert after.pop("graphql_auth_email_1")["unique"]
    assert after == before


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://",
        "mongodb://user:hunter2@",
        "mongodb://user:hun@ter2@localhost",
        "mongodb://localhost:hunter2",
        "mongodb://localhost/?w=hunter2&journal=maybe",
        "mongodb+srv://localhost",
        "mongodb://localhost/?tls=true&tlsCAFile=/nowhere/ca.pem",
        "mongodb://localhost/%00hunter2",
        "mongodb://localhost/?datetime_conversion=hunter2",
    ],
)
async def test_invalid_uri_is_refused_and_not_shown(uri: str) -> None:
    message = await refusal(uri)

    assert message.startswith("MONGO_URI")
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("tls=maybe", "The value of tls must be 'true' or 'false'."),
        ("tlss=true", "Unknown option: tlss."),
        ("readPreference=hunter2", "… is not a valid read preference."),
        ("compressors=hunter2", "Unsupported compressor: …."),
        ("maxPoolSize=x", "The value of maxpoolsize must be an integer."),
        ("replicaSet=a&replicaSet=b", "Duplicate URI option 'replicaSet'."),
        ("ssl=true&tls=false", "Can not specify conflicting values for URI options ssl and tls."),
        ("authMechanism=MONGODB-OIDC", "password is not supported by MONGODB-OIDC."),
        ("directConnection=true", "Cannot specify multiple hosts with directConnection=true."),
        ("minPoolSize=300", "minPoolSize must be smaller or equal to maxPoolSize."),
    ],
)
async def test_option_that_cannot_be_used_is_named(options: str, reason: str) -> None:
    message = await refusal(f"mongodb://mongodb:hunter2@db1,db2/?{options}")

    assert message == f"MONGO_URI cannot be used: {reason}"


@pytest.mark.parametrize("word", ["option", "Unknown", "hunter2"])
async def test_password_is_not_shown_even_if_it_is_a_word_of_the_reason(word: str) -> None:
    message = await refusal(f"mongodb://u:{word}@h/?tlss={word}")

    assert word not in message
    assert "tlss" in message


@pytest.mark.parametrize(
    ("host", "options"),
    [
        (
            "mongodb://ada:key==@name.mongo.cosmos.azure.com:10255",
            "ssl=true&replicaSet=globaldb&retrywrites=false&maxIdleTimeMS=120000&appName=@name@",
        ),
        (
            "mongodb://ada:hunter2@name.docdb.amazonaws.com:27017",
            "tls=true&replicaSet=rs0&readPreference=secondaryPreferred&retryWrites=false",
        ),
        ("mongodb://ada:hunter2@name.docdb-elastic.amazonaws.com", "ssl=true"),
        ("mongodb+srv://ada:hunter2@name.mongodb.net", "retryWrites=true&w=majority&appName=C0"),
    ],
)
async def test_uri_as_a_provider_shows_it_is_valid(host: str, options: str) -> None:
    async with mongo.open_database(f"{host}/?{options}") as database:
        assert database.name == "test"


@pytest.mark.parametrize(
    "options",
    [
        "useNewUrlParser=true&useUnifiedTopology=true",
        "compressors=snappy,zlib&w=1",
        "w=twoRegions",
        "readPreference=secondaryPreferred&maxStalenessSeconds=120&readPreferenceTags=dc:ny",
    ],
)
async def test_options_of_other_programs_are_passed_over(database_uri: str, options: str) -> None:
    async with connect(f"{database_uri}?{options}", DOCUMENTS) as database:
        assert database.read_preference.name == "Primary"
        assert set(await database.list_collection_names()) == {
            "graphql_auth_attempts",
            "graphql_auth_links",
            "graphql_auth_outbox",
            "graphql_auth_revocations",
            "graphql_auth_sessions",
            "users",
        }


@pytest.mark.alone
async def test_closed_port_times_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mongo, "CONNECT_TIMEOUT", 0.3)
    start = time.monotonic()

    assert "no MongoDB answers" in await refusal("mongodb://127.0.0.1:1")

    assert time.monotonic() - start < 5


async def test_silent_listener_times_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mongo, "CONNECT_TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        assert "no MongoDB answers" in await refusal(f"mongodb://127.0.0.1:{port}")


async def test_wrong_credentials_are_named(database_uri: str) -> None:
    uri = database_uri.replace("mongodb://", "mongodb://ada:hunter2@")

    message = await refusal(uri)

    assert message == "MONGO_URI: MongoDB rejected the connection (AuthenticationFailed)."
