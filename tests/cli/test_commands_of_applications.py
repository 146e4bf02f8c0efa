"""``--app``: the users of an application, in its collection, with its settings and its hooks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from tests.accounts.test_foreign_documents import HASH
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
    said = f"All 1 users of the database {stored.name} can log in, except disabled ones.\n"
    assert run("users", "check") == said
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


STRICT = """
from pydantic import model_validator


class Member(Member):
    score: int = 0

    @model_validator(mode="after")
    def refuse(self):
        if self.nickname == "hunter2":
            raise ValueError(f"bad {self.nickname}")
        if self.nickname == "hunter3":
            raise KeyError(self.nickname)
        return self


auth = GraphQLAuth(user_document=Member, settings=settings)
"""
REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "ada": ({"score": None, "nickname": ["hunter2"]}, "nickname (string_type), score (int_type)"),
    "bob": ({"score": "hunter2"}, "score (int_parsing)"),
    "eve": ({"score": 1, "nickname": "hunter2"}, "Member (value_error)"),
    "joe": ({"score": 1, "nickname": "hunter3"}, "Member (KeyError)"),
}


def test_user_whom_the_document_refuses_is_named_with_the_field(
    application: Path, database_uri: str, stored: Database[dict[str, Any]]
) -> None:
    with (application / "main.py").open("a") as file:
        file.write(STRICT)
    expected = {}
    for name, (values, fields) in REFUSED.items():
        values |= {"email": f"{name}@example.com", "password": HASH}
        user_id = stored["members"].insert_one(values).inserted_id
        expected[name] = str(user_id), f"Member refuses {fields}"
    stored["members"].insert_one({"email": EMAIL.upper(), "password": HASH, "score": 1})
    stored["members"].insert_one({"email": "zoe@example.com", "password": HASH, "score": 1})

    def run(*arguments: str) -> tuple[int, str, str]:
        settings = {"URI_OF_MAIN": database_uri}
        ended = run_with_input(application, b"battery staple", *arguments, **settings)
        assert "hunter" not in ended[1] + ended[2]
        return ended

    for command in (
        *(["users", name] for name in ("show", "set-password", "reset-password", "disable")),
        *(["users", name] for name in ("enable", "delete", "confirm")),
        *(["sessions", name] for name in ("list", "end")),
    ):
        status, output, errors = run(*command, EMAIL, "--app", "main:auth")
        assert (status, output, errors.count("\n")) == (1, "", 1), errors
        assert errors.startswith(
            "graphql-auth: The user {} cannot be read: {}. ".format(*expected["ada"])
        )
    for name, (user_id, said) in expected.items():
        grant = ("users", "grant", f"{name}@example.com", "admin")
        assert (
            f"The user {user_id} cannot be read: {said}. " in run(*grant, "--app", "main:auth")[2]
        )
    assert run("users", "list", "--app", "main:auth")[1].count("\n") == 7
    status, output, errors = run("users", "check", "--app", "main:auth")
    assert (status, output.count("\n")) == (1, 5)
    for name, (user_id, said) in expected.items():
        assert f"{user_id} '{name}@example.com': {said}\n" in output
