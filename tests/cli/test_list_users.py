"""``users list``, ``users show`` and the commands of ``sessions``."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from bson.errors import InvalidDocument
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import WriteError

from graphql_auth.characters import INVISIBLE
from graphql_auth.cli.main import run
from graphql_auth.users import scan
from tests.accounts.test_foreign_documents import HASH, VALUES, document
from tests.cli.terminal import COMMAND
from tests.commands import Commands
from tests.process import environment

SECRET = "a hash of a password"
ID = ObjectId("64b7f0c0a1b2c3d4e5f60718")
EARLIER, LATER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
CREATED = "2023-07-19T14:18:40Z"
ADA: dict[str, Any] = {
    "_id": ID,
    "email": "ada@example.com",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "password": HASH,
    "roles": ["editor", "admin"],
    "email_confirmed_at": datetime(2024, 1, 2, 3, 4, 5, 678_000, UTC),
}
ADA_AS_JSON = {
    "email": "ada@example.com",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "roles": ["admin", "editor"],
    "disabled": False,
    "created_at": CREATED,
    "email_confirmed_at": "2024-01-02T03:04:05Z",
    "id": str(ID),
}

Users = Collection[dict[str, Any]]
Output = pytest.CaptureFixture[str]


@pytest.fixture
def users(database_uri: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Users]:
    monkeypatch.setenv("MONGO_URI", database_uri)
    with MongoClient[dict[str, Any]](
        database_uri, tz_aware=True, datetime_conversion="DATETIME_AUTO"
    ) as client:
        yield client.get_default_database()["users"]


def read_json(capsys: Output) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def insert_foreign(users: Users) -> None:
    """Insert documents with any value in any field, and any id that MongoDB takes."""
    fields = ("email", "first_name", "last_name", "roles", "disabled", "email_confirmed_at")
    users.insert_many({"password": SECRET, **dict.fromkeys(fields, value)} for value in VALUES)
    for value in VALUES:
        try:
            users.insert_one(document(_id=value, password=SECRET))
        except (WriteError, InvalidDocument):
            # MongoDB takes no array, no expression and no number twice.
            continue
    users.insert_one({"_id": "without anything"})


def test_users_are_listed_as_a_table(users: Users, capsys: Output) -> None:
    users.insert_many([ADA, {"_id": "odd", "email": "bob@example.com", "disabled": 1}])

    assert run(["users", "list"]) == 0

    header, bob, ada = capsys.readouterr().out.splitlines()
    assert header.split() == [name.upper() for name in ADA_AS_JSON]
    assert ada.split("  ")[0] == "ada@example.com"
    assert ada.split() == [
        *("ada@example.com", "Ada", "Lovelace", "admin,", "editor", "no"),
        *(CREATED, "2024-01-02T03:04:05Z", str(ID)),
    ]
    assert bob.split() == ["bob@example.com", "-", "-", "-", "yes", "-", "-", "odd"]
    # "odd" is a string, which MongoDB sorts before each ObjectId.
    assert bob.index("yes") == header.index("DISABLED")


def test_users_are_listed_as_json(users: Users, capsys: Output) -> None:
    users.insert_one(ADA)

    assert run(["users", "list", "--json"]) == 0

    assert read_json(capsys) == [ADA_AS_JSON]


def test_nobody_is_listed_in_an_empty_database(users: Users, capsys: Output) -> None:
    assert users.estimated_document_count() == 0
    for more in ([], ["--json"]):
        assert run(["users", "list", *more]) == 0
        assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("batch", [1, 2, 7, 1_000])
def test_each_user_is_listed_once_and_in_order(
    users: Users, capsys: Output, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """Ids of several types, which a comparison of one type would lose between two batches."""
    insert_foreign(users)
    monkeypatch.setattr(scan, "BATCH", batch)

    assert run(["users", "list", "--json"]) == 0

    expected = [str(user["_id"]) for user in users.find().sort("_id")]
    assert len(expected) > len(VALUES) + 30
    assert [user["id"] for user in read_json(capsys)] == expected


def test_listed_values_control_no_terminal_and_are_no_secret(users: Users, capsys: Output) -> None:
    insert_foreign(users)
    odd = '\x7f\x1b[2J\x9b\u202e\n\t"\\ \N{SNOWMAN}'
    users.insert_one({"_id": "last", "email": odd, "first_name": odd, "last_name": odd})

    for more in ([], ["--json"]):
        assert run(["users", "list", *more]) == 0
        printed = capsys.readouterr().out
        assert len(printed.splitlines()) == users.estimated_document_count() + (not more)
        assert not INVISIBLE.search(printed.replace("\n", ""))
        assert SECRET not in printed
    (last,) = [user for line in printed.splitlines() if (user := json.loads(line))["id"] == "last"]
    assert (last["email"], last["last_name"]) == (odd, odd)


def test_million_users_would_be_read_in_small_queries_without_a_cursor(
    users: Users, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MongoDB ends a cursor after ten minutes in which nobody reads, for example in a pager."""
    users.insert_many({"email": f"{number}@example.com"} for number in range(2_500))
    commands = Commands()
    commands.listen(monkeypatch)

    assert run(["users", "list", "--json"]) == 0

    assert len(read_json(capsys)) == 2_500
    assert (commands.seen.count("find"), commands.seen.count("getMore")) == (3, 0)


def test_lost_database_ends_the_list_in_one_line(
    users: Users, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    users.insert_one({"email": "ada@example.com"})
    monkeypatch.setattr(scan, "LISTED", {"email": {"$unknown": 1}})

    assert run(["users", "list"]) == 1

    assert "graphql-auth: MongoDB refuses a command" in capsys.readouterr().err


def test_user_is_shown(users: Users, capsys: Output) -> None:
    users.insert_one(ADA)

    assert run(["users", "show", "ADA@example.com"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "email: ada@example.com",
        "first_name: Ada",
        "last_name: Lovelace",
        "roles: admin, editor",
        "disabled: no",
        f"created_at: {CREATED}",
        "email_confirmed_at: 2024-01-02T03:04:05Z",
        f"id: {ID}",
        "sessions: 0",
    ]
    assert run(["users", "show", "ADA@example.com", "--json"]) == 0
    assert read_json(capsys) == [ADA_AS_JSON | {"sessions": 0}]


@pytest.mark.parametrize(
    "arguments", [["users", "show"], ["sessions", "list"], ["sessions", "end"]]
)
def test_unknown_user_is_one_line(users: Users, capsys: Output, arguments: list[str]) -> None:
    assert users.estimated_document_count() == 0

    assert run([*arguments, "bob@\x1b[2J.example"]) == 1

    said = "graphql-auth: There is no user with the e-mail bob@\\x1b[2J.example.\n"
    assert capsys.readouterr() == ("", said)


def insert_sessions(users: Users) -> list[str]:
    """Insert Ada with a session that is live, one that has ended and one that has expired.

    Return their ids.
    """
    users.insert_one(ADA)
    times = dict.fromkeys(("last_used_at", "ends_at", "access_until", "rotated_at"), LATER)
    live = {"user_id": ID, "password_changes": 0, "family": b"a", "current": b"a", **times}
    sessions: list[dict[str, Any]] = [
        live | {"_id": ID, "expires_at": LATER, "user_agent": "a\x7f\u202ebrowser"},
        live | {"_id": ObjectId("64b7f0c1" * 3), "expires_at": LATER, "ended_at": EARLIER},
        live | {"_id": ObjectId("64b7f0c2" * 3), "expires_at": EARLIER},
    ]
    users.database["graphql_auth_sessions"].insert_many(sessions)
    return [str(session["_id"]) for session in sessions]


def test_live_sessions_are_listed(users: Users, capsys: Output) -> None:
    live, *_ = insert_sessions(users)

    assert run(["sessions", "list", "ADA@example.com"]) == 0

    header, session = capsys.readouterr().out.splitlines()
    names = ["id", "created_at", "last_used_at", "ip_address", "user_agent"]
    assert header.split() == [name.upper() for name in names]
    agent = r"a\x7f\u202ebrowser"
    assert session.split() == [live, CREATED, "2100-01-01T00:00:00Z", "-", agent]

    assert run(["sessions", "list", "ada@example.com", "--json"]) == 0

    values = [live, CREATED, "2100-01-01T00:00:00Z", None, "a\x7f\u202ebrowser"]
    assert read_json(capsys) == [dict(zip(names, values, strict=True))]
    assert run(["users", "show", "ada@example.com"]) == 0
    assert capsys.readouterr().out.endswith("\nsessions: 1\n")


def test_one_session_is_ended(users: Users, capsys: Output) -> None:
    live, ended, _ = insert_sessions(users)

    for wrong in (ended, "0" * 24, "all", "\x1b[2J", ""):
        assert run(["sessions", "end", "ada@example.com", wrong]) == 1
        shown = wrong.replace("\x1b", r"\x1b")
        said = f"graphql-auth: ada@example.com has no live session with the id {shown}.\n"
        assert capsys.readouterr() == ("", said)
    assert run(["sessions", "end", "ADA@example.com", live]) == 0
    assert capsys.readouterr().out == f"The session {live} of ada@example.com has ended.\n"

    assert run(["sessions", "list", "ada@example.com"]) == 0
    assert capsys.readouterr().out == ""


def test_all_sessions_are_ended(users: Users, capsys: Output) -> None:
    insert_sessions(users)

    assert run(["sessions", "end", "ada@example.com"]) == 0

    assert capsys.readouterr().out == "ada@example.com is logged out everywhere.\n"
    sessions = users.database["graphql_auth_sessions"]
    assert sessions.count_documents({"ended_at": None}) == 0


@pytest.mark.parametrize("command", ["list", "check", "normalize"])
def test_ctrl_c_ends_a_long_list(users: Users, tmp_path: Path, command: str) -> None:
    """It comes while the command waits for the reader of its output, in the first batch."""
    domain = f"{'X' * 60}.{'Y' * 60}.EXAMPLE.COM"
    users.insert_many([{"email": f"A{number}@{domain}"} for number in range(3 * scan.BATCH)])
    with subprocess.Popen(
        [*COMMAND, "users", command],
        cwd=tmp_path,
        env=environment(MONGO_URI=os.environ["MONGO_URI"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        others = process.stdout.read().splitlines()
        errors = process.stderr.read()

    assert process.returncode == 130
    assert len(others) < scan.BATCH - 1
    assert b"Traceback" not in errors
