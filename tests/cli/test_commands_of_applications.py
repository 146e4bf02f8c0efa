"""``--app``: the users of an application, in its collection, with its settings and its hooks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from tests.cli.terminal import run_with_input

MAIN = """
import os

from beanie import Document
from graphql_auth import Event, GraphQLAuth, Settings, UserDocument


class Member(UserDocument):
    nickname: str = ""

    class Settings:
        name = "members"


class Voucher(Document):
    user_id: str
    text: str

    class Settings:
        name = "vouchers"


settings = Settings(
    mongo_uri=os.environ["URI_OF_MAIN"], token_key="k" * 32, bcrypt_rounds=5, password_min_length=9
)
auth = GraphQLAuth(user_document=Member, documents=[Voucher], settings=settings)


@auth.on("register")
@auth.on("password_changed")
@auth.on("user_deleted")
async def give_voucher(event: Event) -> None:
    await Voucher(user_id=event.user_id, text=event.name).insert()
"""
EMAIL = "ada@example.com"
PASSWORD = b"correct horse"


@pytest.fixture
def application(tmp_path: Path) -> Path:
    """The directory of an application."""
    (tmp_path / "main.py").write_text(MAIN)
    return tmp_path


@pytest.fixture
def stored(database_uri: str) -> Iterator[Database[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](database_uri) as client:
        yield client.get_default_database()


def test_commands_work_on_the_users_of_an_application(
    application: Path, database_uri: str, stored: Database[dict[str, Any]]
) -> None:
    def run(*arguments: str, given: bytes = b"") -> str:
        words = (*arguments, "--app", "main:auth")
        ended = run_with_input(application, given, *words, URI_OF_MAIN=database_uri)
        assert ended[0] == 0, ended
        return ended[1]

    run("users", "create", EMAIL, "Ada", "Lovelace", given=PASSWORD)
    (ada,) = stored["members"].find()
    assert ada["password"].startswith("$bcrypt-sha256$v=2,t=2b,r=5$")
    assert ada["nickname"] == ""
    assert stored["members"].index_information()["email_1"]["unique"]

    run("users", "grant", EMAIL, "admin")
    assert '"roles": ["admin"]' in run("users", "list", "--json")
    assert "sessions: 0" in run("users", "show", EMAIL)
    run("sessions", "end", EMAIL)
    run("users", "set-password", EMAIL, given=b"battery staple")
    assert run("users", "check") == "All users can log in, except disabled ones.\n"
    run("users", "delete", EMAIL, "--yes")

    events = ["register", "password_changed", "user_deleted"]
    vouchers = [(voucher["user_id"], voucher["text"]) for voucher in stored["vouchers"].find()]
    assert vouchers == [(str(ada["_id"]), event) for event in events]
    assert stored["members"].count_documents({}) == 0
    assert "users" not in stored.list_collection_names()


def test_application_without_settings_uses_the_environment(
    application: Path, database_uri: str, stored: Database[dict[str, Any]]
) -> None:
    main = (application / "main.py").read_text()
    (application / "main.py").write_text(main.replace(", settings=settings", ""))
    stored["members"].insert_one({"email": EMAIL, "roles": [7]})
    settings = {"URI_OF_MAIN": "mongodb://127.0.0.1:1", "MONGO_URI": database_uri}
    grant = ("users", "grant", EMAIL, "admin")

    ended = run_with_input(application, b"", *grant, "--app", "main:auth", **settings)

    said = "the field roles in the collection members has 32 texts already"
    assert ended[0] == 1
    assert said in ended[2]
    without = run_with_input(application, b"", *grant, **settings)
    assert without == (1, "", f"graphql-auth: There is no user with the e-mail {EMAIL}.\n")


def test_application_that_does_not_exist_is_one_line(tmp_path: Path) -> None:
    status, output, errors = run_with_input(tmp_path, b"", "users", "list", "--app", "nowhere:auth")

    assert (status, output) == (1, "")
    assert errors == f"graphql-auth: There is no module 'nowhere' in {tmp_path}.\n"
