"""What a collection can have that stops the start."""

import re
from typing import Any

import pytest

from graphql_auth.errors import StartError
from graphql_auth.mongo.client import connect
from graphql_auth.mongo.collections import Database
from graphql_auth.mongo.index_monitor import IndexMonitor
from graphql_auth.services import DOCUMENTS
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository

pytestmark = pytest.mark.anyio

INSENSITIVE = {"locale": "en", "strength": 2}
COLLATION = "has a collation, which would find a user under spellings that the rate limit counts"


async def refusal(uri: str) -> str:
    with pytest.raises(StartError) as refused:
        await start(uri)
    message = str(refused.value)
    assert "\n" not in message
    return message


async def start(uri: str) -> None:
    async with connect(uri, DOCUMENTS):
        pass


@pytest.mark.parametrize(
    ("keys", "options"),
    [
        (["username"], {}),
        (["username"], {"partialFilterExpression": {"disabled": False}}),
        (["username"], {"hidden": True}),
        (["profile.phone"], {}),
        (["username", "tenant"], {}),
        (["first_name", "last_name"], {}),
        (["first_name", "username"], {"sparse": True}),
        (["password_changes"], {"sparse": True}),
    ],
)
async def test_unique_index_that_refuses_the_second_user_is_named(
    database_uri: str, database: Database, keys: list[str], options: dict[str, Any]
) -> None:
    await database["users"].create_index(keys, name="theirs", unique=True, **options)

    message = await refusal(database_uri)

    assert message.startswith(f"The unique index theirs of {database.name}.users refuses all ")
    assert ", ".join(keys) in message


@pytest.mark.parametrize(
    ("keys", "options"),
    [
        (["username"], {"sparse": True}),
        (["username"], {"partialFilterExpression": {"username": {"$exists": True}}}),
        (["first_name"], {"partialFilterExpression": {"disabled": True}}),
        (["username", "tenant"], {"sparse": True}),
        (["tenant", "email"], {}),
        (["password"], {}),
        ([("bio", "text")], {}),
        ([("place", "2dsphere")], {}),
    ],
)
async def test_unique_index_that_lets_users_register_is_no_obstacle(
    database_uri: str, database: Database, keys: Any, options: dict[str, Any]
) -> None:
    await database["users"].create_index(keys, unique=True, **options)

    async with connect(database_uri, DOCUMENTS):
        users = UserRepository(IndexMonitor(DOCUMENTS))
        for name in ("ada", "bob"):
            email, password = f"{name}@example.com", f"hash of {name}"
            await users.add(UserDocument(first_name="A", email=email, password=password))


@pytest.mark.parametrize(
    ("name", "key", "options"),
    [
        ("users", {"email": 1}, {"name": "email_1", "unique": True}),
        ("users", {"email": 1}, {"name": "theirs", "unique": True}),
        ("graphql_auth_attempts", {"expires_at": 1}, {"expireAfterSeconds": 0}),
    ],
)
async def test_hidden_index_is_named(
    database_uri: str, database: Database, name: str, key: dict[str, int], options: dict[str, Any]
) -> None:
    """MongoDB reports success when it is asked to create the index, but does not use it."""
    index = await database[name].create_index(key, hidden=True, **options)

    assert await refusal(database_uri) == (
        f"The index {index} of {database.name}.{name} is hidden. Start again after this command in"
        f' mongosh: db.{name}.unhideIndex("{index}")'
    )


async def test_hidden_index_beside_a_usable_one_is_no_obstacle(
    database_uri: str, database: Database
) -> None:
    await database["users"].create_index("email", unique=True, sparse=True)
    await database["users"].create_index("email", name="old", unique=True, hidden=True)

    await start(database_uri)


async def test_index_that_becomes_unique_is_named(database_uri: str, database: Database) -> None:
    await database["users"].create_index("username")
    index = {"name": "username_1", "prepareUnique": True}
    await database.command("collMod", "users", index=index)

    assert "index username_1 of " in await refusal(database_uri)


@pytest.mark.parametrize("kind", [{"username": 1}, {"username": "hashed"}, {"$**": 1}])
async def test_index_that_is_not_unique_is_no_obstacle(
    database_uri: str, database: Database, kind: dict[str, Any]
) -> None:
    await database["users"].create_index(kind)
    await database["users"].create_index("seen_at", expireAfterSeconds=60)

    await start(database_uri)


CLOSED = {"additionalProperties": False}
FIELDS: dict[str, Any] = {field: {} for field in UserDocument.Settings.probes[0]}
REQUIRED = {"$jsonSchema": {"required": ["username"]}}


@pytest.mark.parametrize(
    ("validator", "options"),
    [
        (REQUIRED, {}),
        (REQUIRED, {"validationLevel": "moderate"}),
        ({"password": {"$regex": r"^\$2"}}, {}),
        ({"$jsonSchema": {"properties": {"email": {}}, "additionalProperties": False}}, {}),
        ({"$expr": {"$eq": [{"$type": "$tenant"}, "objectId"]}}, {}),
        ({"email": re.compile("@company"), "tenant": {"$exists": True}}, {}),
        ({"$expr": {"$eq": ["$password", "email"]}}, {}),
    ],
)
async def test_validator_that_refuses_users_is_found_without_a_write(
    database_uri: str, database: Database, validator: dict[str, Any], options: dict[str, Any]
) -> None:
    await database.create_collection("users", validator=validator, **options)

    message = await refusal(database_uri)

    assert message.startswith(f"The validator of {database.name}.users refuses ")
    assert "password_changes" in message
    assert await database.list_collection_names() == ["users"]
    assert await database["users"].count_documents({}) == 0


@pytest.mark.parametrize(
    ("validator", "options"),
    [
        (REQUIRED, {"validationAction": "warn"}),
        (REQUIRED, {"validationLevel": "off"}),
        ({"$jsonSchema": {"required": ["_id", "email"]}}, {}),
        ({"email": {"$regex": "@"}, "password_changes": {"$type": "int"}}, {}),
        ({"password": {"$regex": r"^\$"}}, {}),
        ({"email": {"$regex": r"@company\.example$"}}, {}),
        ({"email": re.compile("@company")}, {}),
        ({"email": {"$type": "string", "$in": ["ada@company.example"]}}, {}),
        ({"$and": [{"$or": [{"email": "a"}, {"email": {"$not": {"$regex": "@"}}}]}]}, {}),
        (
            {"$jsonSchema": {"properties": FIELDS | {"email": {"pattern": "@company"}}, **CLOSED}},
            {},
        ),
        ({"$jsonSchema": {"properties": {"email": {"bsonType": "string", "maxLength": 5}}}}, {}),
        ({"$jsonSchema": {"properties": {"email": {"enum": ["a"]}}, "required": ["email"]}}, {}),
        ({"$jsonSchema": {"required": [*FIELDS], "properties": FIELDS, **CLOSED}}, {}),
        ({"$expr": {"$lte": [{"$strLenCP": "$email"}, 320]}}, {}),
        ({"$expr": {"$ne": ["$password", "email"]}}, {}),
        ({"$expr": {"$regexMatch": {"input": "$email", "regex": "@company"}}}, {}),
    ],
)
async def test_validator_that_takes_users_is_no_obstacle(
    database_uri: str, database: Database, validator: dict[str, Any], options: dict[str, Any]
) -> None:
    await database.create_collection("users", validator=validator, **options)

    await start(database_uri)


@pytest.mark.parametrize("name", ["graphql_auth_sessions", "graphql_auth_attempts"])
async def test_validator_of_another_collection_is_named(
    database_uri: str, database: Database, name: str
) -> None:
    await database.create_collection(name, validator={"tenant": 1})

    message = await refusal(database_uri)

    assert message.startswith(f"The validator of {database.name}.{name} refuses ")


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"viewOn": "people"}, "view"),
        ({"timeseries": {"timeField": "at"}}, "timeseries"),
        ({"capped": True, "size": 4096}, "capped collection"),
    ],
)
@pytest.mark.parametrize("name", ["users", "graphql_auth_sessions", "graphql_auth_meta"])
async def test_collection_of_another_kind_is_named(
    database_uri: str, database: Database, name: str, options: dict[str, Any], kind: str
) -> None:
    await database.create_collection(name, **options)

    message = await refusal(database_uri)

    assert message.startswith(f"{database.name}.{name} is a {kind}, ")


@pytest.mark.parametrize("name", ["users", "graphql_auth_attempts"])
async def test_collection_with_a_collation_is_refused(
    database_uri: str, database: Database, name: str
) -> None:
    await database.create_collection(name, collation=INSENSITIVE)

    message = await refusal(database_uri)

    assert message.startswith(f"The collection {database.name}.{name} {COLLATION}")


@pytest.mark.parametrize("name", ["email_1", "email_ci"])
async def test_unique_index_with_a_collation_is_refused(
    database_uri: str, database: Database, name: str
) -> None:
    await database["users"].create_index("email", name=name, unique=True, collation=INSENSITIVE)

    message = await refusal(database_uri)

    assert message.startswith(f"The unique index {name} of {database.name}.users {COLLATION}")
    await database["users"].drop_index(name)
    await start(database_uri)


async def test_collation_beside_a_usable_index_is_no_obstacle(
    database_uri: str, database: Database
) -> None:
    users = database["users"]
    await users.create_index("email", name="ci", unique=True, collation=INSENSITIVE)
    await users.create_index("email", unique=True)

    await start(database_uri)
