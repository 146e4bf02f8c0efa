"""The tutorial's Express application and the server, at the same time on one database."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from tests.client import PASSWORD, WELCOME, Client, code, new_email
from tests.conftest import KEY, Start
from tests.integrations.express import TOKEN_KEY, Express, run_express, write_express
from tests.integrations.processes import free_port
from tests.process import ServerProcess

CHANGE_PASSWORD = """
mutation($current: String!, $new: String!) {
  changePassword(input: {currentPassword: $current, newPassword: $new}) { token }
}
"""


@pytest.fixture
def start_express(tmp_path: Path, database_uri: str) -> Iterator[Callable[..., Express]]:
    with ExitStack() as stack:

        def start(*, reads_our_hashes: bool = True, key: str = TOKEN_KEY) -> Express:
            port = free_port()
            application = write_express(tmp_path / str(port), is_changed=reads_our_hashes)
            return stack.enter_context(run_express(application, database_uri, port, key))

        yield start


@pytest.fixture
def express(start_express: Callable[..., Express]) -> Express:
    return start_express()


@pytest.fixture
def server(express: Express, start: Start) -> ServerProcess:
    """A server that is added to the database of a running application."""
    assert express.register("before@example.com") == 201
    return start()


@pytest.fixture
def ours(server: ServerProcess) -> Iterator[Client]:
    with Client(server.url) as client:
        yield client


def log_in(ours: Client, email: str, password: str = PASSWORD) -> str:
    token = str(ours.login(email, password)["data"]["login"]["token"])
    assert ours.ask(WELCOME, token=token)["data"]["welcome"] == "Welcome 🙌"
    return token


@pytest.mark.parametrize(
    "password",
    [PASSWORD, "p\u00e4ssw\u00f6rd\U0001f512", "pa\u0308ssword", "x" * 100, "\u00e9" * 60, " a b "],
)
def test_user_of_express_logs_in_on_both_sides(
    express: Express, ours: Client, password: str
) -> None:
    for email in ("before@example.com", new_email()):
        known = password if express.register(email, password) == 201 else PASSWORD
        for _ in range(2):
            assert express.login(email, known) == 200
            log_in(ours, email, known)
            assert express.login(email, "not the password") == 400
            assert code(ours.login(email, "not the password")) == "INVALID_CREDENTIALS"


def test_user_of_ours_logs_in_on_both_sides(express: Express, ours: Client) -> None:
    for password in (PASSWORD, "p\u00e4ssw\u00f6rd pa\u0308ssword \U0001f512", "x" * 100):
        email = new_email()
        assert "errors" not in ours.register(email=email, password=password)

        for _ in range(2):
            assert express.login(email, password) == 200
            log_in(ours, email, password)
        assert express.login(email, f"{password}x") == 400


def test_changed_password_is_that_of_both_sides(express: Express, ours: Client) -> None:
    email = new_email()
    assert express.register(email) == 201
    token = log_in(ours, email)

    passwords = {"current": PASSWORD, "new": "another horse battery"}
    assert "errors" not in ours.ask(CHANGE_PASSWORD, passwords, token=token)

    assert express.login(email) == 400
    assert express.login(email, "another horse battery") == 200
    log_in(ours, email, "another horse battery")


def test_email_is_taken_on_both_sides(express: Express, ours: Client) -> None:
    theirs, mine = new_email(), new_email()
    express.register(theirs)
    ours.register(email=mine)

    assert code(ours.register(email=theirs)) == "EMAIL_TAKEN"
    assert express.register(mine) == 409


def test_registrations_on_both_sides_at_once_create_one_user(
    express: Express, ours: Client, database_uri: str
) -> None:
    emails = [new_email() for _ in range(10)]
    with ThreadPoolExecutor() as pool:
        there = pool.map(express.register, emails)
        here = pool.map(lambda email: "errors" not in ours.register(email=email), emails)
        outcomes = [[status == 201, is_ours] for status, is_ours in zip(there, here, strict=True)]

    assert all(sum(outcome) == 1 for outcome in outcomes), outcomes
    with MongoClient[dict[str, Any]](database_uri) as mongo:
        users = mongo.get_default_database()["users"]
        assert users.count_documents({"email": {"$in": emails}}) == len(emails)


def test_application_without_the_lines_serves_until_the_first_login_here(
    start_express: Callable[..., Express], ours: Client
) -> None:
    """The lines come first: docs/moving.md says so."""
    plain, email = start_express(reads_our_hashes=False), new_email()
    assert plain.register(email) == 201
    assert plain.login(email) == 200

    log_in(ours, email)

    assert plain.login(email) == 400
    assert start_express().login(email) == 200


def test_old_key_lets_tokens_of_ours_into_express(
    start_express: Callable[..., Express], ours: Client
) -> None:
    """A new key comes first: docs/moving.md says so."""
    token = ours.token()
    with_our_key = start_express(key=KEY)

    assert ours.ask("mutation { logout }", token=token) == {"data": {"logout": True}}

    assert with_our_key.welcome(token) == 200
    assert start_express().welcome(token) == 401


def test_values_of_express_survive_a_login_here(
    express: Express, ours: Client, database_uri: str
) -> None:
    email = new_email()
    express.register(email)
    express.login(email)
    with MongoClient[dict[str, Any]](database_uri) as mongo:
        users = mongo.get_default_database()["users"]
        before = users.find_one({"email": email}, {"password": False})

        log_in(ours, email)

        assert users.find_one({"email": email}, {"password": False}) == before
    assert before
    assert {"token", "__v"} <= before.keys()
