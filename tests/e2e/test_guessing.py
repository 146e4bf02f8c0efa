"""Guessing at two processes: never more than is allowed, and the owner is never kept out."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.client import LOGIN, REGISTER, Client, code, extensions, registration
from tests.conftest import Start
from tests.process import ServerProcess

ALLOWED = 5
SIGN_UP = REGISTER.replace("token expiresAt", "deviceToken")


@pytest.fixture(scope="module")
def servers(start_shared: Start) -> list[ServerProcess]:
    return [start_shared() for _ in range(2)]


@pytest.fixture
def clients(servers: list[ServerProcess]) -> Iterator[list[Client]]:
    clients = [Client(server.url) for server in servers]
    yield clients
    for client in clients:
        client.http.close()


@pytest.fixture
def owner(clients: list[Client]) -> dict[str, Any]:
    """What the owner types, and the device token that was answered."""
    values = registration()
    answer = clients[0].ask(SIGN_UP, {"input": values})
    token = answer["data"]["register"]["deviceToken"]
    return {"email": values["email"], "password": values["password"], "deviceToken": token}


def aliased(email: str, guesses: int) -> str:
    field = 'a{}: login(input: {{email: "{}", password: "guess {}"}}) {{ token }}'
    return f"mutation {{ {' '.join(field.format(n, email, n) for n in range(guesses))} }}"


def codes(answer: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in answer["errors"]]


def test_guesses_one_by_one_at_once_and_aliased_are_never_verified_more_than_allowed(
    clients: list[Client], owner: dict[str, Any]
) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(
                lambda n: clients[n % 2].ask(aliased(owner["email"].upper(), 1 + n % 4)), range(40)
            )
        )
        signed_in = [
            pool.submit(clients[n % 2].ask, LOGIN, {"input": owner}).result() for n in range(4)
        ]
    answers.append(clients[0].ask(aliased(owner["email"], 20)))

    # A mutation that fails ends none of those behind it, but `data` is null for the first.
    told = [one for answer in answers for one in codes(answer)]
    assert told.count("INVALID_CREDENTIALS") <= ALLOWED
    assert set(told) == {"INVALID_CREDENTIALS", "TOO_MANY_ATTEMPTS"}
    assert [answer for answer in signed_in if "errors" in answer] == []


def test_the_wait_is_told_in_seconds(clients: list[Client], owner: dict[str, Any]) -> None:
    for number in range(ALLOWED):
        assert code(clients[number % 2].login(owner["email"], "wrong")) == "INVALID_CREDENTIALS"

    refused = extensions(clients[0].login(owner["email"], owner["password"]))

    assert refused["code"] == "TOO_MANY_ATTEMPTS"
    # The first wait is 30 s, less what has passed since the last guess.
    assert 1 <= refused["retryAfter"] <= 30


def test_two_hundred_at_once_are_answered_and_the_owner_gets_in(
    clients: list[Client], owner: dict[str, Any]
) -> None:
    with ThreadPoolExecutor(50) as pool:
        guesses = [
            pool.submit(clients[n % 2].login, owner["email"], f"guess {n}") for n in range(200)
        ]
        began = time.monotonic()
        signed_in = clients[0].ask(LOGIN, {"input": owner})
        took = time.monotonic() - began
        told = [code(guess.result()) for guess in guesses]

    assert "errors" not in signed_in, took
    assert told.count("INVALID_CREDENTIALS") <= ALLOWED
    assert set(told) == {"INVALID_CREDENTIALS", "TOO_MANY_ATTEMPTS"}


def test_every_event_is_one_line_that_names_whom_and_from_where(
    servers: list[ServerProcess], clients: list[Client], request: pytest.FixtureRequest
) -> None:
    printed = servers[0].output
    owner = request.getfixturevalue("owner")
    client = clients[0]
    for password in ("wrong\n2026-01-01 ERROR forged", owner["password"]):
        client.login(owner["email"], password)
    client.login("nobody\u202e@example.com", "wrong")
    client.register(email=owner["email"])
    for _ in range(ALLOWED):
        client.login(owner["email"], "wrong")
    token = client.ask(LOGIN, {"input": owner})["data"]["login"]["token"]
    change = """mutation ($i: ChangePasswordInput!) { changePassword(input: $i) { token } }"""
    for current in (owner["password"], *["wrong"] * (ALLOWED + 1)):
        values = {"currentPassword": current, "newPassword": "another one of mine"}
        client.ask(change, {"i": values}, token=token)
    client.ask('mutation { revokeSession(input: {id: "x"}) }', token=token)
    client.ask("mutation { logoutEverywhere }", token=token)
    client.ask("mutation { logout }", token=client.token())

    line = re.compile(
        r"\S+Z INFO graphql_auth\.security: request [0-9a-f]{16}: (\w+) outcome=(\w+)"
        r" user=(-|[0-9a-f]{24}) address=127\.0\.0\.1"
    )
    logged = servers[0].output.removeprefix(printed).splitlines()
    found = [line.fullmatch(one) for one in logged if "security" in one]
    events = [(one[1], one[2], one[3] != "-") for one in found if one]

    assert len(events) == len(found)
    assert events[:5] == [
        ("register", "success", True),
        ("login", "failure", True),
        ("login", "success", True),
        ("login", "failure", False),
        ("register", "failure", False),
    ]
    assert {event[:2] for event in events[5:]} >= {
        ("login", "throttled"),
        ("change_password", "failure"),
        ("change_password", "success"),
        ("change_password", "throttled"),
        ("logout_everywhere", "success"),
        ("logout", "success"),
    }
    assert "forged" not in servers[0].output
