"""``users create``, ``set-password`` and ``delete``: what they ask for, and how."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from graphql_auth.passwords.hasher import PasswordHasher
from tests.cli.terminal import run_at_terminal, run_with_input
from tests.client import Client, code
from tests.conftest import Start
from tests.e2e.test_users_command import is_refused_soon

EMAIL = "ada@example.com"
PASSWORD = "correct horse"
NEW = "battery staple \N{SNOWMAN}"
NOT_A_PASSWORD = "graphql-auth: Standard input is not a password: one line of UTF-8.\n"

Users = Collection[dict[str, Any]]


@pytest.fixture
def directory(tmp_path: Path, database_uri: str) -> Path:
    """A directory whose .env names the database."""
    (tmp_path / ".env").write_text(f"MONGO_URI={database_uri}\n")
    return tmp_path


@pytest.fixture
def users(database_uri: str) -> Iterator[Users]:
    with MongoClient[dict[str, Any]](database_uri) as client:
        yield client.get_default_database()["users"]


@pytest.fixture
def ada(users: Users) -> Users:
    """The users, with Ada among them."""
    stored = {"email": EMAIL, "password": PasswordHasher(4).hash(PASSWORD), "first_name": "Ada"}
    users.insert_one(stored)
    return users


def has_password(users: Users, password: str) -> bool:
    (user,) = users.find()
    return PasswordHasher(4).verify(password, user["password"]).correct


@pytest.mark.parametrize("form", ["{}", "{}\n", "{}\r\n", "\ufeff{}\n"])
@pytest.mark.parametrize("locale", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_password_is_read_from_standard_input(
    directory: Path, ada: Users, form: str, locale: dict[str, str]
) -> None:
    given = form.format(NEW).encode()

    ended = run_with_input(directory, given, "users", "set-password", EMAIL, **locale)

    printed = f"{EMAIL} has the new password, and is logged out everywhere.\n"
    assert ended == (0, printed, "")
    assert has_password(ada, NEW)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (b"", "graphql-auth: PASSWORD: This field is required.\n"),
        (b"\n", "graphql-auth: PASSWORD: This field is required.\n"),
        (b"short", "graphql-auth: PASSWORD: Use at least 12 characters.\n"),
        (
            b"password1234",
            "graphql-auth: PASSWORD: Many people use this password; choose another.\n",
        ),
        (b"ada@example.com", "graphql-auth: PASSWORD: Choose a password that is not your name.\n"),
        (b"x" * 1025, "graphql-auth: PASSWORD: Use at most 1024 characters.\n"),
        (b"x" * 100_000, NOT_A_PASSWORD),
        (b"battery staple\nbattery staple\n", NOT_A_PASSWORD),
        (b"battery \xff staple", NOT_A_PASSWORD),
    ],
    ids=range(9),
)
def test_password_that_is_refused_changes_nothing(
    directory: Path, ada: Users, given: bytes, said: str
) -> None:
    stored = ada.find_one()
    strict = {"PASSWORD_MIN_LENGTH": "12"}

    ended = run_with_input(directory, given, "users", "set-password", EMAIL, **strict)

    assert ended == (1, "", said)
    assert ada.find_one() == stored


def test_password_is_typed_twice_and_not_shown(directory: Path, ada: Users) -> None:
    with run_at_terminal(directory, "users", "set-password", EMAIL) as terminal:
        terminal.wait_for("New password: ")
        terminal.type(f"{NEW}\n")
        terminal.wait_for("The same again: ")
        terminal.type(f"{NEW}\n")
        assert terminal.wait() == 0

    assert "has the new password" in terminal.shown
    assert "staple" not in terminal.shown
    assert has_password(ada, NEW)


@pytest.mark.parametrize(
    ("typed", "status", "said"),
    [
        ([NEW, "battery stable"], 1, "graphql-auth: The two passwords differ."),
        (["\x04"], 1, "graphql-auth: No password was typed."),
        ([NEW, "\x04"], 1, "graphql-auth: No password was typed."),
        (["\udce9"], 1, "graphql-auth: The terminal does not send UTF-8."),
        (["\x03"], 130, ""),
        ([NEW, "\x03"], 130, ""),
    ],
    ids=["different", "end", "end at the second", "Latin-1", "Ctrl-C", "Ctrl-C at the second"],
)
def test_terminal_without_a_password_changes_nothing(
    directory: Path,
    ada: Users,
    typed: list[str],
    status: int,
    said: str,
) -> None:
    with run_at_terminal(directory, "users", "set-password", EMAIL) as terminal:
        for prompt, text in zip(("New password: ", "The same again: "), typed, strict=False):
            terminal.wait_for(prompt)
            terminal.type(text if text < " " else f"{text}\n")
        assert terminal.wait() == status

    assert said in terminal.shown
    assert "Traceback" not in terminal.shown
    assert has_password(ada, PASSWORD)


@pytest.mark.parametrize(
    "arguments",
    [
        ["set-password", EMAIL, "hunter2"],
        ["set-password", EMAIL, "--password", "hunter2"],
        ["set-password", EMAIL, "--password=hunter2"],
        ["set-password", EMAIL, "-phunter2"],
        ["set-password", EMAIL, "-hunter2"],
        ["set-password", EMAIL, "--", "-hunter2"],
        ["create", "-hunter2"],
        ["set-password", "--password=hunter2"],
        ["set-password", EMAIL, "--hunter2"],
        ["create", EMAIL, "--hunter2"],
        ["create", EMAIL, "--password=hunter2"],
        ["create", EMAIL, "Ada", "Lovelace", "hunter2"],
    ],
    ids=" ".join,
)
def test_password_in_an_argument_is_refused_and_not_printed(
    directory: Path, arguments: list[str]
) -> None:
    status, output, errors = run_with_input(directory, b"", "users", *arguments)

    assert (status, output) == (2, "")
    assert errors.count("\n") == 1
    assert errors.startswith("graphql-auth: Unrecognized arguments: ")
    assert f"See: graphql-auth users {arguments[0]} --help" in errors
    assert "hunter2" not in errors


@pytest.mark.parametrize("password", ["help", "-apps"])
def test_password_that_is_like_an_option_is_not_printed(directory: Path, password: str) -> None:
    ended = run_with_input(directory, b"", "users", "set-password", EMAIL, password)

    assert ended[2].startswith("graphql-auth: Unrecognized arguments: …")


def test_misspelled_option_is_named(directory: Path) -> None:
    ended = run_with_input(directory, b"", "users", "set-password", EMAIL, "--hlep")

    assert ended[2].startswith("graphql-auth: Unrecognized arguments: --hlep. Did you mean --help?")


def test_created_user_can_log_in_where_the_email_has_to_be_confirmed(
    start: Start, directory: Path, users: Users
) -> None:
    """The first user of a new database, whose indexes no start has created."""
    closed = {"REGISTRATION": "closed", "EMAIL_CONFIRMATION": "required"}
    create = ("users", "create", " Ada@EXAMPLE.com", "Ada", "Lovelace")

    ended = run_with_input(directory, PASSWORD.encode(), *create, **closed)

    assert ended == (0, f"{EMAIL} can log in. The e-mail counts as confirmed.\n", "")
    assert users.index_information()["email_1"]["unique"]
    (user,) = users.find()
    assert user["password"].startswith("$bcrypt-sha256$v=2,t=2b,r=4$")
    assert "roles" not in user
    mail = {
        "SMTP_URL": "smtp+plain://localhost",
        "MAIL_FROM": EMAIL,
        "APP_URL": "https://x.example",
    }
    with Client(start(**closed, **mail).url) as client:
        found = client.login(EMAIL, PASSWORD)["data"]["login"]["user"]
        assert (found["email"], found["firstName"], found["lastName"]) == (EMAIL, "Ada", "Lovelace")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((EMAIL.upper(), "Ada", "L"), "This e-mail address has an account already."),
        (("jose\u0301@example.com", "J", "L"), "This e-mail address has an account already."),
        (("ada", "Ada", "L"), "EMAIL: Enter a valid e-mail address."),
        (
            ("bob@example.com", " ", "\u202e"),
            "FIRST_NAME: This field is required. LAST_NAME: This field is required.",
        ),
    ],
    ids=range(4),
)
def test_user_that_is_refused_is_not_created(
    directory: Path, ada: Users, values: tuple[str, ...], said: str
) -> None:
    ada.insert_one({"email": "jose\u0301@example.com"})

    ended = run_with_input(directory, NEW.encode(), "users", "create", *values)

    assert ended == (1, "", f"graphql-auth: {said}\n")
    assert ada.count_documents({}) == 2


def test_nobody_is_created_beside_two_users_of_one_email(directory: Path, users: Users) -> None:
    users.insert_many([{"email": EMAIL}, {"email": EMAIL}])
    create = ("users", "create", "bob@example.com", "Bob", "B")

    status, _, errors = run_with_input(directory, NEW.encode(), *create)

    assert (status, errors.count("\n")) == (1, 1)
    assert "have the same email, which has to be unique: ada@example.com (2)." in errors
    assert users.count_documents({}) == 2


@pytest.mark.parametrize("options", [(), ("--yes",)])
def test_script_is_not_asked_before_a_deletion(
    directory: Path, ada: Users, options: tuple[str, ...]
) -> None:
    ended = run_with_input(directory, b"n\n", "users", "delete", EMAIL, *options)

    assert ended == (0, f"{EMAIL} is deleted and logged out everywhere.\n", "")
    assert ada.count_documents({}) == 0


@pytest.mark.parametrize(
    ("typed", "status", "said"),
    [
        ("y\n", 0, "is deleted"),
        ("YES\n", 0, "is deleted"),
        ("n\n", 1, "graphql-auth: Nothing is changed."),
        ("\n", 1, "graphql-auth: Nothing is changed."),
        ("yesterday\n", 1, "graphql-auth: Nothing is changed."),
        ("\x04", 1, "graphql-auth: Nothing is changed."),
        ("\x03", 130, ""),
    ],
)
def test_user_is_deleted_only_after_a_yes(
    directory: Path, ada: Users, typed: str, status: int, said: str
) -> None:
    with run_at_terminal(directory, "users", "delete", EMAIL) as terminal:
        terminal.wait_for(re.escape("Delete ada@example.com? This cannot be undone. [y/N] "))
        terminal.type(typed)
        assert terminal.wait() == status

    assert said in terminal.shown
    assert "Traceback" not in terminal.shown
    assert ada.count_documents({}) == (status != 0)


def test_new_password_ends_sessions_and_links_while_a_server_runs(
    start: Start, directory: Path
) -> None:
    server = start()
    with Client(server.url) as client:
        token = client.register(email=EMAIL, password=PASSWORD)["data"]["register"]["token"]
        _, link, _ = run_with_input(directory, b"", "users", "reset-password", EMAIL)
        run_with_input(directory, NEW.encode(), "users", "set-password", EMAIL)

        assert code(client.login(EMAIL, PASSWORD)) == "INVALID_CREDENTIALS"
        assert "errors" not in client.login(EMAIL, NEW)
        assert is_refused_soon(client, token)
        (reset,) = re.findall(r"#reset=(\S+)", link)
        mutation = (
            "mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { token } }"
        )
        answer = client.ask(mutation, {"input": {"token": reset, "newPassword": "a third one"}})
        assert code(answer) == "LINK_EXPIRED"
