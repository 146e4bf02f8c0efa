"""What a running server does when its indexes or its collections are taken away."""

import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pymongo import ASCENDING, MongoClient
from pymongo.collection import Collection
from pymongo.database import Database

from tests.client import PASSWORD, WELCOME, Client, code, new_email, registration
from tests.conftest import Start
from tests.process import ServerProcess

COLLECTIONS = ["users", "graphql_auth_sessions", "graphql_auth_attempts", "graphql_auth_meta"]
MISSING = (
    "is missing, so registration is refused;"
    ' in mongosh: db.users.createIndex({email: 1}, {name: "email_1", unique: true})'
)


@pytest.fixture
def stored(shared_uri: str, shared_server: ServerProcess) -> Iterator[Database[dict[str, Any]]]:
    """The database of the server, which gets its indexes back at the end of a test."""
    with Client(shared_server.url) as client, MongoClient[dict[str, Any]](shared_uri) as mongo:
        stored = mongo.get_default_database()
        indexes = {name: stored[name].index_information() for name in COLLECTIONS}
        # The server has noticed what the test before gave back.
        client.token()
        yield stored
        for name, before in indexes.items():
            stored[name].drop_indexes()
            create_indexes(stored[name], before)


def create_indexes(collection: Collection[dict[str, Any]], indexes: Mapping[str, Any]) -> None:
    for name, index in indexes.items():
        if name != "_id_":
            options = {k: v for k, v in index.items() if k not in {"v", "key", "ns"}}
            collection.create_index(index["key"], name=name, **options)


def registered_at_once(url: str, email: str, times: int) -> list[dict[str, Any]]:
    def register(_: int) -> dict[str, Any]:
        with Client(url) as client:
            return client.register(email=email)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(register, range(times)))


@pytest.mark.parametrize("harm", ["dropped", "hidden", "not unique", "renamed", "no database"])
def test_registration_is_refused_while_addresses_are_not_unique(
    shared_server: ServerProcess, stored: Database[dict[str, Any]], harm: str
) -> None:
    users = stored["users"]
    printed = shared_server.output
    match harm:
        case "dropped":
            users.drop_index("email_1")
        case "hidden":
            stored.command({"collMod": "users", "index": {"name": "email_1", "hidden": True}})
        case "not unique":
            users.drop_index("email_1")
            users.create_index("email")
        case "renamed":
            users.rename(f"users_{uuid.uuid4().hex}")
        case "no database":
            stored.client.drop_database(stored.name)
    before = users.count_documents({})

    answers = registered_at_once(shared_server.url, new_email(), 50)

    assert {code(answer) for answer in answers} == {"SERVICE_UNAVAILABLE"}
    assert users.count_documents({}) == before
    assert shared_server.output.removeprefix(printed).count("the index email_1 of") == 1

    users.drop_indexes()
    users.create_index("email", name="email_1", unique=True)
    answers = registered_at_once(shared_server.url, new_email(), 10)
    assert sum("errors" not in answer for answer in answers) == 1
    assert users.count_documents({}) == before + 1
    assert "is back" in shared_server.output.removeprefix(printed)


def test_the_command_that_makes_a_missing_index_is_logged(
    shared_server: ServerProcess, stored: Database[dict[str, Any]]
) -> None:
    stored["users"].drop_index("email_1")

    with Client(shared_server.url) as client:
        answer = client.register()

    assert code(answer) == "SERVICE_UNAVAILABLE"
    assert MISSING in shared_server.output


def test_guarded_fields_need_no_index_of_ended_sessions(
    start_shared: Start, stored: Database[dict[str, Any]]
) -> None:
    server = start_shared(REVOCATION_MAX_STALENESS="1s")
    with Client(server.url) as client:
        token, other = client.token(), client.token()
        stored["graphql_auth_sessions"].drop_index("ended_at_1_expires_at_1__id_1")
        time.sleep(3)

        assert client.ask(WELCOME, token=token)["data"]["welcome"]

        # Ended by another server, so that only the poll can tell.
        stored["graphql_auth_sessions"].update_many({}, [{"$set": {"ended_at": "$$NOW"}}])
        deadline = time.monotonic() + 20
        while "errors" not in client.ask(WELCOME, token=other):
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.parametrize("lost", COLLECTIONS)
def test_a_lost_collection_gets_coded_answers_until_its_indexes_are_back(
    shared_server: ServerProcess, stored: Database[dict[str, Any]], lost: str
) -> None:
    indexes = stored[lost].index_information()
    with Client(shared_server.url) as client:
        before = client.register()["data"]["register"]
        stored.drop_collection(lost)

        for answer in (
            client.login(before["user"]["email"]),
            client.login(new_email()),
            client.register(),
            client.ask("mutation { refreshToken { token } }"),
            client.ask(WELCOME, token=before["token"]),
            client.ask("{ viewer { sessions { edges { node { id } } } } }", token=before["token"]),
        ):
            for error in answer.get("errors", ()):
                assert error["extensions"]["code"] != "INTERNAL_SERVER_ERROR"

        create_indexes(stored[lost], indexes)
        again = registration()
        assert "errors" not in client.register(**again)
        assert "errors" not in client.login(again["email"], PASSWORD)
    assert "Traceback" not in shared_server.output


def test_a_unique_index_of_the_operator_is_not_an_address_that_is_taken(
    shared_server: ServerProcess, stored: Database[dict[str, Any]]
) -> None:
    stored["users"].delete_many({})
    stored["users"].create_index([("first_name", ASCENDING)], unique=True)

    with Client(shared_server.url) as client:
        first, second = client.register(), client.register()

    assert "errors" not in first
    assert code(second) == "SERVICE_UNAVAILABLE"
    assert (
        "MongoDB refuses a command (DuplicateKeyError, 11000 on first_name)" in shared_server.output
    )
