"""The names, the indexes and the messages of a start on a database that others filled."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo import AsyncMongoClient, IndexModel, MongoClient
from pymongo.asynchronous.collection import AsyncCollection

from graphql_auth.errors import EmailTaken, StartError
from graphql_auth.mongo.client import connect
from graphql_auth.mongo.collections import Database
from graphql_auth.mongo.index_monitor import IndexMonitor
from graphql_auth.services import DOCUMENTS
from graphql_auth.sessions.document import SessionDocument
from graphql_auth.throttling.document import AttemptDocument
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository
from tests.mongo.conftest import StartMongod

pytestmark = pytest.mark.anyio

Collection = AsyncCollection[dict[str, Any]]

# As `git show v0.1.0` has them.
INDEXES_OF_0_1_0 = {
    "sessions": [
        IndexModel([("user_id", 1), ("_id", -1)], name="user_id_1__id_-1"),
        IndexModel([("expires_at", 1)], name="expires_at_1", expireAfterSeconds=0),
        IndexModel(
            [("ended_at", 1), ("expires_at", 1), ("_id", 1)],
            name="ended_at_1_expires_at_1__id_1",
            partialFilterExpression={"ended_at": {"$exists": True}},
        ),
    ],
    "attempts": [IndexModel([("expires_at", 1)], name="expires_at_1", expireAfterSeconds=0)],
}


async def create_as_in_0_1_0(database: Database, *names: str) -> None:
    for name in names or INDEXES_OF_0_1_0:
        await database[name].create_indexes(INDEXES_OF_0_1_0[name])


async def names_in_use(uri: str) -> list[str]:
    """Start twice, as several servers and their workers do, and return the names in use."""
    names = []
    for _ in range(2):
        async with connect(uri, DOCUMENTS):
            names.append(
                [one.get_pymongo_collection().name for one in (SessionDocument, AttemptDocument)]
            )
    assert names[0] == names[1]
    return names[0]


async def refusal(uri: str) -> str:
    with pytest.raises(StartError) as refused:
        async with connect(uri, DOCUMENTS):
            pass
    message = str(refused.value)
    assert "\n" not in message
    return message


NEW = ["graphql_auth_sessions", "graphql_auth_attempts"]


async def test_new_database_has_only_names_of_ours(database_uri: str, database: Database) -> None:
    async with connect(database_uri, DOCUMENTS):
        pass

    names = {*await database.list_collection_names()} - {"users"}
    assert names
    assert all(name.startswith("graphql_auth_") for name in names)


async def test_collections_of_0_1_0_stay_in_use(database_uri: str, database: Database) -> None:
    await create_as_in_0_1_0(database)

    assert await names_in_use(database_uri) == ["sessions", "attempts"]
    assert not {*NEW} & {*await database.list_collection_names()}


async def test_documents_are_stored_in_the_collection_of_0_1_0(
    database_uri: str, database: Database
) -> None:
    await create_as_in_0_1_0(database)
    now = datetime.now(UTC)
    times = dict.fromkeys(("last_used_at", "expires_at", "ends_at", "access_until"), now)
    async with connect(database_uri, DOCUMENTS):
        await SessionDocument(
            **times, user_id="0" * 24, password_changes=0, family=b"", current=b"", rotated_at=now
        ).insert()
        assert await SessionDocument.find_all().count() == 1

    assert await database["sessions"].count_documents({}) == 1


async def test_collection_of_0_1_0_without_one_index_stays_in_use(
    database_uri: str, database: Database
) -> None:
    await create_as_in_0_1_0(database)
    await database["sessions"].drop_index("ended_at_1_expires_at_1__id_1")

    assert await names_in_use(database_uri) == ["sessions", "attempts"]
    assert len(await database["sessions"].index_information()) == 4


async def test_collections_once_ours_stay_ours(database_uri: str, database: Database) -> None:
    assert await names_in_use(database_uri) == NEW
    await create_as_in_0_1_0(database)

    assert await names_in_use(database_uri) == NEW


@pytest.mark.parametrize(
    "application",
    ["connect-mongo", "NextAuth", "by chance", "validator", "view", "time series", "capped"],
)
async def test_collections_of_an_application_are_not_touched(
    database_uri: str, database: Database, application: str
) -> None:
    sessions = database["sessions"]
    await create_as_in_0_1_0(database, "attempts")
    match application:
        case "connect-mongo":
            await sessions.create_index("expires", expireAfterSeconds=0)
        case "NextAuth":
            # Version 0.1.0 was tried on it, and failed.
            await sessions.create_index("sessionToken", unique=True)
            await create_as_in_0_1_0(database, "sessions")
        case "by chance":
            await sessions.create_index("expires_at", expireAfterSeconds=0)
            await sessions.create_index("user_id")
        case "validator":
            await database.create_collection("sessions", validator={"sid": {"$type": "string"}})
            await create_as_in_0_1_0(database, "sessions")
        case "view":
            await database.create_collection("sessions", viewOn="users")
        case "time series":
            await database.create_collection("sessions", timeseries={"timeField": "at"})
        case "capped":
            await database.create_collection("sessions", capped=True, size=4096)
    names = [name for name in ("sessions", "attempts") if application != "view"]
    before = [await database[name].index_information() for name in names]

    assert await names_in_use(database_uri) == NEW
    assert [await database[name].index_information() for name in names] == before


async def test_attempts_of_an_application_beside_sessions_of_0_1_0(
    database_uri: str, database: Database
) -> None:
    await create_as_in_0_1_0(database, "sessions")
    await database["attempts"].create_index("quiz", unique=True)

    assert await names_in_use(database_uri) == ["sessions", "graphql_auth_attempts"]


STRINGS = {"email": {"$type": "string"}}


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ({"email": 1}, {"name": "users_email_key"}),
        ({"email": -1}, {}),
        ({"email": 1}, {"sparse": True}),
        ({"email": 1}, {"partialFilterExpression": STRINGS}),
        ({"email": -1}, {"name": "e", "partialFilterExpression": {"email": {"$type": 2}}}),
        ({"email": 1}, {"partialFilterExpression": {"email": {"$gt": ""}}}),
        (
            {"email": 1},
            {"partialFilterExpression": {"email": {"$exists": True, **STRINGS["email"]}}},
        ),
    ],
)
async def test_unique_index_on_the_email_is_used_under_any_name(
    database_uri: str, database: Database, key: dict[str, int], options: dict[str, Any]
) -> None:
    await database["users"].create_index(key, unique=True, **options)
    before = await database["users"].index_information()
    phones = [{"phone": "1"}, {"phone": "2"}]
    if "sparse" in options or "partialFilterExpression" in options:
        await database["users"].insert_many(phones)

    async with connect(database_uri, DOCUMENTS):
        users = UserRepository(IndexMonitor(DOCUMENTS))
        await users.refuse_taken("ada@example.com")
        await users.add(UserDocument(email="ada@example.com"))
        with pytest.raises(EmailTaken):
            await users.add(UserDocument(email="ada@example.com"))
        await database.command("profile", 2)
        assert await users.find_by_email("ada@example.com")
        await database.command("profile", 0)

    assert await database["users"].index_information() == before
    read = await database["system.profile"].find_one({"ns": f"{database.name}.users"})
    assert read is not None
    assert read["planSummary"].startswith("IXSCAN { email: ")


async def test_users_without_an_email_are_no_duplicates(
    database_uri: str, database: Database
) -> None:
    emails = [None, None, "", "", 7, 7, "ada@example.com"]
    await database["users"].insert_many([{}, {}, *({"email": email} for email in emails)])

    for _ in range(2):
        async with connect(database_uri, DOCUMENTS):
            users = UserRepository(IndexMonitor(DOCUMENTS))
            for email in ("ada@example.com", "bob@example.com"):
                if await database["users"].count_documents({"email": email}):
                    with pytest.raises(EmailTaken):
                        await users.refuse_taken(email)
                    with pytest.raises(EmailTaken):
                        await users.add(UserDocument(email=email))
                else:
                    await users.add(UserDocument(email=email))

    index = (await database["users"].index_information())["email_1"]
    assert index["partialFilterExpression"] == {"email": {"$gt": ""}}


@pytest.mark.parametrize("name", ["graphql_auth_sessions", "graphql_auth_attempts"])
async def test_index_with_another_expiry_is_named(
    database_uri: str, database: Database, name: str
) -> None:
    await database[name].create_index("expires_at", name="ttl", expireAfterSeconds=9)

    message = await refusal(database_uri)

    namespace = f"{database.name}.{name}"
    assert message.startswith(f"The index expires_at_1 of {namespace} cannot be created: An equ")
    assert f'in mongosh: db.{name}.dropIndex("ttl"); db.{name}.createIndex({{' in message
    assert "(IndexOptionsConflict)" in message
    assert "email" not in message


async def test_user_who_may_only_read_is_told_so(start_mongod: StartMongod) -> None:
    port = start_mongod("--auth")
    with MongoClient[dict[str, Any]](port=port) as mongo:
        mongo["admin"].command("createUser", "root", pwd="hunter2", roles=["root"])
    uri = "mongodb://{}:hunter2@127.0.0.1:{}/app?authSource=admin"
    async with AsyncMongoClient[dict[str, Any]](uri.format("root", port)) as admin:
        for user, role in (("reader", "read"), ("writer", "readWrite")):
            roles = [{"role": role, "db": "app"}]
            await admin["admin"].command("createUser", user, pwd="hunter2", roles=roles)
        message = await refusal(uri.format("reader", port))
        # A validator, so that the check needs an aggregation.
        await admin["app"].create_collection("users", validator={"email": {"$type": "string"}})
    async with connect(uri.format("writer", port), DOCUMENTS):
        pass

    assert message == (
        "The index email_1 of app.users cannot be created:"
        ' not authorized on app to execute createIndexes: "users" (Unauthorized);'
        " the database user needs the role readWrite."
    )


async def test_failure_of_an_index_has_its_reason(start_mongod: StartMongod) -> None:
    port = start_mongod("--setParameter=enableTestCommands=1")

    async def refusal_after(code: int) -> str:
        failure = {"failCommands": ["createIndexes"], "errorCode": code}
        with MongoClient[dict[str, Any]](port=port) as mongo:
            command = {"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": failure}
            mongo["admin"].command(command)
        return await refusal(f"mongodb://127.0.0.1:{port}/app")

    full_disk, out_of_time = await refusal_after(14031), await refusal_after(50)

    assert full_disk.startswith("The index email_1 of app.users cannot be created: ")
    assert full_disk.endswith(" (OutOfDiskSpace).")
    assert out_of_time.startswith("MONGO_URI: no MongoDB answers within 4 s (timed out);")
