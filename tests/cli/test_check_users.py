import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, NoReturn

import pytest
from bson import ObjectId, encode
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.collection import Collection

from graphql_auth.cli import check_users
from graphql_auth.cli.main import run
from graphql_auth.embedded_mongo.mongod import EmbeddedMongo
from graphql_auth.errors import Unavailable
from graphql_auth.users.scan import UserScan
from tests.accounts.test_foreign_documents import HASH, document
from tests.outages import outage

ID = ObjectId("64b7f0c0a1b2c3d4e5f60718")


@pytest.fixture
def users(
    database_uri: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Collection[dict[str, Any]]]:
    monkeypatch.setenv("MONGO_URI", database_uri)
    with MongoClient[dict[str, Any]](database_uri) as client:
        yield client.get_default_database()["users"]


def emails(users: Collection[dict[str, Any]]) -> list[str]:
    return [user["email"] for user in users.find().sort("_id")]


def summarize(users: Collection[dict[str, Any]], found: int, total: int, changed: str) -> str:
    where = f"{total} users of the database {users.database.name}"
    return f"users who cannot log in: {found} of {where}; e-mails {changed}"


def test_check_lists_users_and_fails(
    users: Collection[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    users.insert_many(
        [
            document(),
            document("Ada@Example.com", _id=ID, password="md5"),
            document("bob\u202e@example.com", _id="x\n"),
            {"_id": 7, "email": {"work": "a"}, "password": HASH},
        ]
    )

    assert run(["users", "check"]) == 1

    out, err = capsys.readouterr()
    reasons = (
        "upper case in the e-mail; another user has this e-mail, perhaps in another spelling;"
        " password hash that is not bcrypt"
    )
    assert sorted(out.splitlines()) == [
        "'x\\n' 'bob\\u202e@example.com': _id is not an ObjectId",
        f"{ID} 'Ada@Example.com': {reasons}",
        "7 None: _id is not an ObjectId; no e-mail",
    ]
    assert err.splitlines()[-1] == (
        "graphql-auth: users who cannot log in:"
        f" 3 of 4 users of the database {users.database.name};"
        " to see which e-mails can be repaired:"
        " graphql-auth users normalize --dry-run. Users without a bcrypt hash can reset their"
        " password. Correct values that a document refuses. Store others again with an ObjectId as"
        " _id, or delete them, so that they"
        " can register"
    )
    assert "md5" not in out + err
    assert [*users.index_information()] == ["_id_"]


def test_check_shortens_long_values(
    users: Collection[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    users.insert_one(document("\u00e9" * 3_000_000))

    assert run(["users", "check"]) == 1

    assert len(capsys.readouterr().out) < 1_000


def test_check_succeeds_when_all_users_can_log_in(
    users: Collection[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    users.insert_many([document(), document("bob@example.com")])

    assert run(["users", "check"]) == 0

    name = users.database.name
    said = f"All 2 users of the database {name} can log in, except disabled ones.\n"
    assert capsys.readouterr().out == said


def test_dry_run_changes_nothing(
    users: Collection[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    users.insert_one(document(" Ada@Example.com", _id=ID))

    assert run(["users", "normalize", "--dry-run"]) == 0

    assert capsys.readouterr().out == (
        f"{ID} ' Ada@Example.com': now 'ada@example.com'\n"
        f"{summarize(users, 1, 1, 'to change: 1')}\n"
    )
    assert emails(users) == [" Ada@Example.com"]
    assert [*users.index_information()] == ["_id_"]


def test_email_with_invalid_utf_8_is_listed_and_not_changed(
    users: Collection[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    for number, email in enumerate(("jos\u00e9@example.com", "JOS\u00c9@example.com")):
        stored = document(email, _id=ObjectId(f"{number:024}"))
        damaged = encode(stored).replace(b"\xc3\xa9", b"\xffx").replace(b"\xc3\x89", b"\xffX")
        users.insert_one(RawBSONDocument(damaged))

    assert run(["users", "normalize", "--dry-run"]) == 0
    assert capsys.readouterr().out == f"{summarize(users, 2, 2, 'to change: 0')}\n"
    assert run(["users", "check"]) == 1
    assert capsys.readouterr().out.count(": invalid UTF-8 or control characters in the e-mail") == 2


def test_normalize_changes_only_free_emails_and_only_once(
    users: Collection[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    stored = [
        *("Ada@Example.com", "bob@example.com", "Bob@example.com", "Eve@example.com"),
        *("EVE@example.com", "jose\u0301@example.com", " Z\u00dcRICH@b\u00fccher.example "),
    ]
    users.insert_many(map(document, stored))

    for changed in (2, 0):
        assert run(["users", "normalize"]) == 0
        last = capsys.readouterr().out.splitlines()[-1]
        assert last == summarize(users, 3 + changed, 7, f"changed: {changed}")

    assert emails(users) == [
        *("ada@example.com", *stored[1:-1], "z\u00fcrich@b\u00fccher.example"),
    ]
    assert users.index_information()["email_1"]["unique"]


def test_normalize_needs_the_unique_index(
    users: Collection[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    users.insert_many([document(), document(), document("Bob@example.com")])

    assert run(["users", "normalize"]) == 1

    assert re.search(r"same email.* ada@example\.com \(2\)", capsys.readouterr().err)
    assert emails(users)[-1] == "Bob@example.com"


def test_registration_at_the_same_time_keeps_its_email(
    users: Collection[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    users.insert_many([document("Ada@example.com"), document("Bob@example.com")])
    change_email = UserScan.change_email

    async def register_before(scan: UserScan, *change: Any) -> bool:
        await asyncio.to_thread(users.insert_one, document(change[-1]))
        return await change_email(scan, *change)

    monkeypatch.setattr(UserScan, "change_email", register_before)

    assert run(["users", "normalize"]) == 0

    assert capsys.readouterr().out == f"{summarize(users, 2, 2, 'changed: 0')}\n"
    expected = ["Ada@example.com", "Bob@example.com", "ada@example.com", "bob@example.com"]
    assert sorted(emails(users)) == expected


def test_email_that_was_changed_meanwhile_is_kept(
    users: Collection[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    users.insert_one(document("Ada@example.com"))
    change_email = UserScan.change_email

    async def change_before(scan: UserScan, *change: Any) -> bool:
        await asyncio.to_thread(users.update_one, {}, {"$set": {"email": "new@example.com"}})
        return await change_email(scan, *change)

    monkeypatch.setattr(UserScan, "change_email", change_before)

    assert run(["users", "normalize"]) == 0

    assert capsys.readouterr().out == f"{summarize(users, 1, 1, 'changed: 0')}\n"
    assert emails(users) == ["new@example.com"]


def test_normalize_continues_after_a_user_whom_a_validator_refuses(
    users: Collection[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """A validator that was added later refuses each update of an older document."""
    users.insert_many([document("Ada@example.com", first_name=None), document("Bob@example.com")])
    rule = {"first_name": {"$type": "string"}}
    users.database.command("collMod", "users", validator=rule)

    assert run(["users", "normalize"]) == 0

    last = capsys.readouterr().out.splitlines()[-1]
    assert last == summarize(users, 2, 2, "changed: 1")
    assert emails(users) == ["Ada@example.com", "bob@example.com"]


def test_progress_is_on_standard_error(
    users: Collection[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(check_users, "SECONDS_BETWEEN_REPORTS", 0.001)
    users.insert_many([document(f"User{number}@example.com") for number in range(2_000)])

    assert run(["users", "check"]) == 1

    out, err = capsys.readouterr()
    assert out.count("\n") == 2_000
    assert err.startswith("checking 2000 users; so far 0 cannot log in\n")


def test_lost_connection_is_one_line(
    users: Collection[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    users.insert_one(document())

    def fail(_: UserScan) -> NoReturn:
        raise Unavailable

    monkeypatch.setattr(UserScan, "find_duplicates", fail)

    assert run(["users", "check"]) == 1
    assert "run it again" in capsys.readouterr().err


def test_mongodb_that_stops_answering_ends_the_check(
    own_mongod: EmbeddedMongo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MONGO_URI", own_mongod.uri)
    monkeypatch.setattr(check_users, "SECONDS_BETWEEN_REPORTS", 0.1)
    with MongoClient[dict[str, Any]](own_mongod.uri) as client:
        client.get_default_database()["users"].insert_one(document("Ada@example.com"))
    find_holders = UserScan.find_holders

    with ExitStack() as stack:

        async def stop_and_find(scan: UserScan, emails: Sequence[str]) -> Mapping[str, set[str]]:
            stack.enter_context(outage(own_mongod))
            return await find_holders(scan, emails)

        monkeypatch.setattr(UserScan, "find_holders", stop_and_find)
        assert run(["users", "check"]) == 1

    assert "run it again" in capsys.readouterr().err
