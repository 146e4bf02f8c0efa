from pathlib import Path
from typing import Any

import bcrypt
from pymongo import MongoClient

from tests.client import VIEWER, WELCOME, Client, code
from tests.conftest import KEY, Start
from tests.process import run_command

# As mongoose stores them: https://mongoosejs.com/docs/guide.html#versionKey
DOCUMENTS: list[dict[str, Any]] = [
    {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": "ada@example.com",
        "password": bcrypt.hashpw(b"hunter2", bcrypt.gensalt(10, b"2a")).decode(),
        "token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.x",
        "__v": 0,
    },
    {
        "first_name": None,
        "last_name": None,
        "email": "bob@example.com",
        "password": bcrypt.hashpw(b"hunter2", bcrypt.gensalt(10, b"2b")).decode(),
        "__v": 0,
    },
    {"email": "carol@example.com", "__v": 0},
]


def test_the_database_of_a_node_js_original_works_as_it_is(start: Start, database_uri: str) -> None:
    with MongoClient[dict[str, Any]](database_uri) as mongo:
        users = mongo.get_default_database()["users"]
        users.create_index({"email": 1}, unique=True, background=True)
        users.insert_many(DOCUMENTS)
        server = start(MONGO_URI=database_uri, TOKEN_KEY=KEY, BCRYPT_ROUNDS="11")

        with Client(server.url) as client:
            for email in ("Ada@example.com", "bob@example.com"):
                assert code(client.login(email, "hunter3")) == "INVALID_CREDENTIALS"
                payload = client.login(email, "hunter2")["data"]["login"]
                assert client.ask(WELCOME, token=payload["token"])["data"]["welcome"]
                viewer = client.ask(VIEWER, token=payload["token"])["data"]["viewer"]
                assert viewer["email"] == email.lower()
                assert viewer["firstName"] == ("Ada" if email.startswith("Ada") else "")
                assert "errors" not in client.login(email, "hunter2")
            assert code(client.login("carol@example.com", "hunter2")) == "INVALID_CREDENTIALS"
            assert code(client.register(email="ADA@example.com")) == "EMAIL_TAKEN"
        assert "users who cannot log in: 1, no password hash: 1; to list them:" in server.output

        for document in DOCUMENTS[:2]:
            kept = users.find_one({"email": document["email"]}, {"_id": 0})
            assert kept is not None
            assert kept.pop("password").startswith("$bcrypt-sha256$v=2,t=2b,r=11$")
            assert kept == {
                name: document[name] for name in document if name not in {"password", "_id"}
            }


def test_users_who_share_an_address_stop_the_start(database_uri: str, tmp_path: Path) -> None:
    with MongoClient[dict[str, Any]](database_uri) as mongo:
        users = mongo.get_default_database()["users"]
        users.insert_many([{"email": "ada@example.com"}, {"email": "ada@example.com"}])

    ended = run_command(tmp_path, "serve", MONGO_URI=database_uri, TOKEN_KEY=KEY)

    assert ended.returncode == 1
    assert "ada@example.com (2)" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_collections_of_other_libraries_are_no_collision(start: Start, database_uri: str) -> None:
    with MongoClient[dict[str, Any]](database_uri) as mongo:
        database = mongo.get_default_database()
        # As Prisma and NextAuth create them.
        users, sessions = database["users"], database["sessions"]
        users.create_index("email", name="users_email_key", unique=True, sparse=True)
        users.create_index("phone", unique=True, sparse=True)
        users.insert_many([{"phone": "1"}, {"phone": "2"}])
        sessions.create_index("sessionToken", unique=True)
        sessions.insert_one({"sessionToken": "theirs"})
        server = start(MONGO_URI=database_uri, TOKEN_KEY=KEY)

        with Client(server.url) as client:
            for email in ("ada@example.com", "bob@example.com"):
                assert "errors" not in client.register(email=email)
                assert "errors" not in client.login(email)
                assert code(client.register(email=email)) == "EMAIL_TAKEN"

        assert users.index_information().keys() == {"_id_", "users_email_key", "phone_1"}
        assert [one["sessionToken"] for one in sessions.find()] == ["theirs"]
