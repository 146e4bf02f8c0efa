import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest
from pymongo import MongoClient

from graphql_auth.cli.main import run
from graphql_auth.errors import Unavailable
from graphql_auth.roles import MAX_ROLES
from graphql_auth.users.repository import UserRepository

EMAIL = "ada@example.com"
NOBODY = "There is no user with the e-mail ada@example.com."


@pytest.fixture
def uri(database_uri: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URI of the database that the commands use."""
    monkeypatch.setenv("MONGO_URI", database_uri)
    return database_uri


@pytest.mark.usefixtures("uri")
def test_lost_connection_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def gone(*_: object) -> NoReturn:
        raise Unavailable

    monkeypatch.setattr(UserRepository, "find_by_email", gone)

    assert run(["users", "disable", EMAIL]) == 1
    assert capsys.readouterr().err == (
        "graphql-auth: Lost the connection to MongoDB before the command completed; run it again.\n"
    )


def test_refusal_is_no_lost_connection(uri: str, capsys: pytest.CaptureFixture[str]) -> None:
    with MongoClient[dict[str, Any]](uri) as client:
        database = client.get_default_database()
        database["users"].insert_one({"email": EMAIL})
        database.command("collMod", "users", validator={"first_name": {"$type": "string"}})

    assert run(["users", "disable", EMAIL]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "graphql-auth: MongoDB refuses a command: Document failed validation (121)."
    )


@pytest.mark.parametrize("arguments", [["users", "disable", EMAIL], ["users", "list"]])
def test_command_creates_no_index(
    uri: str, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    run(arguments)
    assert capsys.readouterr().out == ""

    with MongoClient[dict[str, Any]](uri) as client:
        assert client.get_default_database().list_collection_names() == []


def test_command_runs_the_embedded_mongod_without_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))

    assert run(["users", "disable", EMAIL]) == 1
    assert "There is no data in DATA_DIR" in capsys.readouterr().err

    monkeypatch.setenv("DATA_DIR", "a" * 256)
    assert run(["users", "disable", EMAIL]) == 1
    assert "There is no data in DATA_DIR" in capsys.readouterr().err

    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    (tmp_path / "mongodb").mkdir()
    assert run(["users", "disable", EMAIL]) == 1
    assert capsys.readouterr().err == f"graphql-auth: {NOBODY}\n"


def test_command_line_grants_and_revokes_a_role(
    database_uri: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MONGO_URI", database_uri)
    granted = "ada@example.com has the role billing:admin, from the next login or refresh on.\n"
    revoked = (
        "ada@example.com does not have the role billing:admin, and is logged out everywhere.\n"
    )
    with MongoClient[dict[str, Any]](database_uri) as client:
        users = client.get_default_database()["users"]
        users.insert_one(
            {
                "email": "ada@example.com",
                "roles": ["editor"],
                "email_confirmed_at": datetime.now(UTC),
            }
        )
        for change, printed, roles in (
            ("grant", granted, ["editor", "billing:admin"]),
            ("grant", granted, ["editor", "billing:admin"]),
            ("revoke", revoked, ["editor"]),
            ("revoke", revoked, ["editor"]),
        ):
            assert run(["users", change, "ADA@example.com", "billing:admin"]) == 0
            assert capsys.readouterr().out == printed
            assert [user["roles"] for user in users.find()] == [roles]


def test_grant_says_that_a_stranger_can_have_registered_the_email(
    uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    granted = f"{EMAIL} has the role admin, from the next login or refresh on."
    unconfirmed = "The e-mail is not confirmed: make sure that the account is that of its owner."
    with MongoClient[dict[str, Any]](uri) as client:
        users = client.get_default_database()["users"]
        user_id = str(users.insert_one({"email": EMAIL}).inserted_id)

        for name, printed in ((EMAIL, f"{granted} {unconfirmed}"), (user_id, granted)):
            assert run(["users", "grant", name, "admin"]) == 0
            assert capsys.readouterr().out == f"{printed}\n"


@pytest.mark.parametrize("roles", ["admin", [f"r{number}" for number in range(MAX_ROLES)]])
def test_role_that_cannot_be_granted_is_one_line(
    database_uri: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    roles: object,
) -> None:
    monkeypatch.setenv("MONGO_URI", database_uri)
    with MongoClient[dict[str, Any]](database_uri) as client:
        client.get_default_database()["users"].insert_one({"email": "a@b.example", "roles": roles})

    assert run(["users", "grant", "a@b.example", "editor"]) == 1
    assert capsys.readouterr().err == (
        "graphql-auth: a@b.example cannot get a further role: the field roles in the collection"
        " users has 32 texts already, or is not a list of texts.\n"
    )


@pytest.mark.parametrize("change", ["grant", "revoke"])
@pytest.mark.parametrize("role", ["", "Admin", "site owner", "r" * 65, "1st", "admin\n", "é"])
def test_invalid_name_of_a_role_is_one_line(
    change: str, role: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["users", change, "ada@example.com", role]) == 1
    assert capsys.readouterr().err == (
        "graphql-auth: ROLE is not the name of a role: a letter from a to z, then at most 63 of"
        " a-z, 0-9, _, ., : and -.\n"
    )


def test_command_line_disables_enables_and_deletes_a_user(
    database_uri: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MONGO_URI", database_uri)
    with MongoClient[dict[str, Any]](database_uri) as client:
        users = client.get_default_database()["users"]
        users.insert_one({"email": "ada@example.com"})
        for change, printed, disabled in (
            ("disable", "is disabled and logged out everywhere.", [True]),
            ("enable", "can log in again.", [False]),
            ("delete", "is deleted and logged out everywhere.", []),
        ):
            yes = ["--yes"] if change == "delete" else []
            assert run(["users", change, "ADA@example.com", *yes]) == 0
            assert capsys.readouterr().out == f"ada@example.com {printed}\n"
            assert [user["disabled"] for user in users.find()] == disabled


def test_command_line_confirms_a_user_or_all(
    database_uri: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MONGO_URI", database_uri)
    with MongoClient[dict[str, Any]](database_uri) as client:
        users = client.get_default_database()["users"]
        users.insert_many({"email": f"{name}@example.com"} for name in ("ada", "bob", "eve"))
        users.update_one({"email": "eve@example.com"}, {"$set": {"email_confirmed_at": "yes"}})

        assert run(["users", "confirm", "ADA@example.com"]) == 0
        assert capsys.readouterr().out == "The e-mail ada@example.com counts as confirmed.\n"
        confirmed = {"email_confirmed_at": {"$type": "date"}}
        assert [user["email"] for user in users.find(confirmed)] == ["ada@example.com"]

        for count in (2, 0):
            assert run(["users", "confirm", "--all"]) == 0
            printed = f"newly confirmed e-mails: {count}\n"
            assert capsys.readouterr().out == printed
        assert users.count_documents(confirmed) == 3


@pytest.mark.parametrize("arguments", [[], ["ada@example.com", "--all"]])
def test_confirm_needs_a_user_or_all(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        run(["users", "confirm", *arguments])

    assert refused.value.code == 2
    assert "See: graphql-auth users confirm --help" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "page"),
    [
        ({"APP_URL": "https://app.example.com/account"}, "https://app.example.com/account"),
        ({"PORT": "4002"}, "http://localhost:4002/"),
    ],
)
def test_command_line_prints_a_reset_link_without_mail(
    database_uri: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    settings: dict[str, str],
    page: str,
) -> None:
    for name, value in {"MONGO_URI": database_uri, **settings}.items():
        monkeypatch.setenv(name, value)
    with MongoClient[dict[str, Any]](database_uri) as client:
        users = client.get_default_database()["users"]
        users.insert_one({"email": "ada@example.com"})

        assert run(["users", "reset-password", "ADA@example.com"]) == 0

        printed = capsys.readouterr().out
        link = re.fullmatch(
            rf"ada@example\.com can set a new password, within an hour: {page}"
            r"#reset=([\w-]{16})\.([\w-]{43})\n",
            printed,
        )
        assert link
        (stored,) = client.get_default_database()["graphql_auth_links"].find()
        assert len(stored["digests"]) == 1
        assert link[2] not in repr(stored)

    assert run(["users", "reset-password", "bob@example.com"]) == 1
    assert capsys.readouterr().err == (
        "graphql-auth: There is no user with the e-mail bob@example.com.\n"
    )


def test_reset_link_leads_to_no_unsafe_page(
    database_uri: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MONGO_URI", database_uri)
    monkeypatch.setenv("APP_URL", "http://app.example.com")

    assert run(["users", "reset-password", "ada@example.com"]) == 1

    assert capsys.readouterr().err == (
        "graphql-auth: Invalid APP_URL: expected an https URL without credentials and #, or http"
        " on localhost.\n"
    )


def test_command_line_leaves_the_reset_mail_to_a_server(
    database_uri: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        "MONGO_URI": database_uri,
        "SMTP_URL": "smtps://user:hunter2@mail.example.com",
        "MAIL_FROM": "no-reply@example.com",
        "APP_URL": "https://app.example.com",
    }.items():
        monkeypatch.setenv(name, value)
    with MongoClient[dict[str, Any]](database_uri) as client:
        database = client.get_default_database()
        database["users"].insert_one({"email": "ada@example.com"})

        assert run(["users", "reset-password", "ada@example.com"]) == 0

        printed = capsys.readouterr().out
        assert printed == "A link to set a new password is mailed to ada@example.com.\n"
        (mail,) = database["graphql_auth_outbox"].find()
        (link,) = database["graphql_auth_links"].find()
        assert (mail["template"], mail["to"]) == ("reset_password", "ada@example.com")
        assert mail["link"] == f"{link['_id']} {link['request']}"
        assert "digests" not in link or link["digests"] == []


@pytest.mark.parametrize("email", ["ADA@EXAMPLE.COM", "ada", 17, None, ["ada@example.com"]])
def test_user_whom_no_e_mail_finds_is_found_by_id(
    uri: str, capsys: pytest.CaptureFixture[str], email: object
) -> None:
    with MongoClient[dict[str, Any]](uri) as client:
        users = client.get_default_database()["users"]
        user_id = users.insert_one({"email": email, "password": "x"}).inserted_id
        shown = email if isinstance(email, str) else str(user_id)

        assert run(["users", "show", str(user_id)]) == 0
        assert f"id: {user_id}\n" in capsys.readouterr().out
        assert run(["users", "disable", str(user_id)]) == 0
        assert capsys.readouterr().out == f"{shown} is disabled and logged out everywhere.\n"
        assert users.find_one({}, {"_id": 0, "disabled": 1}) == {"disabled": True}
        assert run(["users", "delete", str(user_id), "--yes"]) == 0
        assert users.count_documents({}) == 0
        assert run(["users", "show", str(user_id)]) == 1


@pytest.mark.parametrize("command", [["confirm", EMAIL], ["delete", EMAIL, "--yes"]])
def test_user_who_changes_at_the_same_time_is_no_lost_connection(
    uri: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
) -> None:
    with MongoClient[dict[str, Any]](uri) as client:
        users = client.get_default_database()["users"]
        users.insert_one({"email": EMAIL})
        find_by_email = UserRepository.find_by_email

        async def find_before(repository: UserRepository, spellings: Any) -> Any:
            found = await find_by_email(repository, spellings)
            users.update_one({}, {"$inc": {"password_changes": 1}})
            return found

        monkeypatch.setattr(UserRepository, "find_by_email", find_before)

        assert run(["users", *command]) == 1

        said = f"{EMAIL} was changed or deleted at the same time, so nothing is done. Run it again."
        assert capsys.readouterr().err == f"graphql-auth: {said}\n"
        assert users.count_documents({"email_confirmed_at": None}) == 1


@pytest.mark.parametrize("user_id", ["odd", "64b7f0c0a1b2c3d4e5f60718", 7, -7, 2**40])
@pytest.mark.parametrize("command", [["users", "show"], ["users", "disable"], ["sessions", "list"]])
def test_user_whose_id_is_no_object_id_is_explained(
    uri: str, capsys: pytest.CaptureFixture[str], user_id: object, command: list[str]
) -> None:
    with MongoClient[dict[str, Any]](uri) as client:
        client.get_default_database()["users"].insert_one({"_id": user_id, "email": EMAIL})

    for name in (str(user_id), EMAIL.upper()):
        assert run([*command, "--", name]) == 1
        assert capsys.readouterr().err == (
            f"graphql-auth: The _id of the user {name} is not an ObjectId, so nothing can be done."
            " Store the document again with an ObjectId, or delete it.\n"
        )


@pytest.mark.usefixtures("uri")
@pytest.mark.parametrize("name", ["9" * 30, "64b7f0c0a1b2c3d4e5f60718", "\udcff", "a\0b"])
def test_name_of_nobody_is_one_line(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert run(["users", "show", name]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("off", ["PLAYGROUND", "INTROSPECTION"])
def test_reset_link_needs_a_page(
    uri: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], off: str
) -> None:
    monkeypatch.setenv(off, "off")
    with MongoClient[dict[str, Any]](uri) as client:
        database = client.get_default_database()
        database["users"].insert_one({"email": EMAIL})

        assert run(["users", "reset-password", EMAIL]) == 1

        said = "Set APP_URL to the page of the link, because the playground is off."
        assert capsys.readouterr() == ("", f"graphql-auth: {said}\n")
        assert database["graphql_auth_links"].count_documents({}) == 0
        monkeypatch.setenv("APP_URL", "https://app.example.com/")
        assert run(["users", "reset-password", EMAIL]) == 0


@pytest.mark.parametrize("command", ["check", "normalize"])
def test_database_without_users_is_doubted(
    uri: str, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    name = uri.rpartition("/")[2]

    assert run(["users", command]) == 1

    said = f"The collection users of the database {name} is empty; check MONGO_URI"
    assert capsys.readouterr() == ("", f"graphql-auth: {said} or, without it, DATA_DIR.\n")
