from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from tests.client import (
    LOGIN,
    PASSWORD,
    REGISTER,
    WELCOME,
    Client,
    code,
    extensions,
    new_email,
    reasons,
    registration,
)


def test_register_returns_token_and_user(client: Client) -> None:
    email = new_email()
    payload = client.register(email=email)["data"]["register"]

    assert payload["user"].keys() == {"id", "email", "firstName", "lastName", "createdAt"}
    assert payload["user"]["email"] == email
    assert (payload["user"]["firstName"], payload["user"]["lastName"]) == ("Ada", "Lovelace")
    lifetime = datetime.fromisoformat(payload["expiresAt"]) - datetime.now().astimezone()
    assert 7190 < lifetime.total_seconds() <= 7200
    assert client.ask(WELCOME, token=payload["token"])["data"]["welcome"] == "Welcome 🙌"


def test_login_returns_another_token_and_the_same_user(client: Client) -> None:
    registered = client.register()["data"]["register"]

    payload = client.login(registered["user"]["email"].upper())["data"]["login"]

    assert payload["user"] == registered["user"]
    assert payload["token"] != registered["token"]


def test_registered_email_is_taken(client: Client) -> None:
    email = new_email()
    client.register(email=email)

    answer = client.register(email=f" {email.upper()} ")

    assert extensions(answer) == {"code": "EMAIL_TAKEN"}
    assert answer["data"] is None


def test_concurrent_registrations_create_one_user(client: Client) -> None:
    email = new_email()
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: client.register(email=email), range(50)))

    refused = [code(answer) for answer in answers if "errors" in answer]
    assert refused == ["EMAIL_TAKEN"] * 49
    assert len([answer for answer in answers if "errors" not in answer]) == 1


def test_wrong_password_and_unknown_email_get_the_same_answer(client: Client) -> None:
    email = new_email()
    client.register(email=email)

    wrong, unknown = client.login(email, "wrong"), client.login(new_email(), PASSWORD)

    assert wrong == unknown
    assert extensions(wrong) == {"code": "INVALID_CREDENTIALS"}


def test_all_invalid_fields_are_reported_together(client: Client) -> None:
    answer = client.register(firstName=" ", lastName="x" * 201, email="nope", password="\0")

    assert code(answer) == "BAD_USER_INPUT"
    assert reasons(answer) == {
        "firstName": "REQUIRED",
        "lastName": "TOO_LONG",
        "email": "INVALID_EMAIL",
        "password": "INVALID_CHARACTERS",
    }
    assert all(field["message"] for field in extensions(answer)["fields"])


def test_invalid_length_tells_the_limit(client: Client) -> None:
    answer = client.register(firstName="x" * 201, password="gLp3!")

    limits = {field["field"]: field["limit"] for field in extensions(answer)["fields"]}
    assert limits == {"firstName": 200, "password": 8}


def test_variables_of_wrong_type_are_reported_as_fields(client: Client) -> None:
    values = registration(firstName=7, lastName=None, is_admin=True)
    del values["email"]

    answer = client.ask(REGISTER, {"input": values})

    assert "data" not in answer
    assert code(answer) == "BAD_USER_INPUT"
    assert reasons(answer) == {
        "firstName": "WRONG_TYPE",
        "lastName": "REQUIRED",
        "email": "REQUIRED",
        "is_admin": "UNKNOWN_FIELD",
    }


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, {"input": "REQUIRED"}),
        ({"input": None}, {"input": "REQUIRED"}),
        ({"input": "ada"}, {"input": "WRONG_TYPE"}),
        ({"input": []}, {"input": "WRONG_TYPE"}),
        ({"input": {}}, {"email": "REQUIRED", "password": "REQUIRED"}),
        (
            {"input": {"email": {"$ne": ""}, "password": ["x"]}},
            {"email": "WRONG_TYPE", "password": "WRONG_TYPE"},
        ),
    ],
)
def test_login_accepts_only_strings(
    client: Client, variables: dict[str, Any], expected: dict[str, str]
) -> None:
    assert reasons(client.ask(LOGIN, variables)) == expected


@pytest.mark.parametrize("password", ["\ud800", "a\0b", "x" * 1025, "😀" * 5000])
def test_password_that_nobody_can_have_is_bad_input(client: Client, password: str) -> None:
    assert code(client.login(new_email(), password)) == "BAD_USER_INPUT"
    assert code(client.register(password=password)) == "BAD_USER_INPUT"


@pytest.mark.parametrize("password", ["😀" * 64, "x" * 1024, " " * 8 + "x", "пароль", "e\u0301"])
def test_any_other_password_is_accepted(client: Client, password: str) -> None:
    email = new_email()
    client.register(email=email, password=password)

    assert "data" in client.login(email, password)
    assert code(client.login(email, password[:-1] + "y")) == "INVALID_CREDENTIALS"


@pytest.mark.parametrize("token", ["garbled", "eyJhbGciOiJub25lIn0.e30."])
def test_invalid_token_does_not_stop_register_and_login(client: Client, token: str) -> None:
    values = registration()

    assert "errors" not in client.ask(REGISTER, {"input": values}, token=token)
    known = {"email": values["email"], "password": values["password"]}
    assert "errors" not in client.ask(LOGIN, {"input": known}, token=token)


ALIASED = """
mutation ($right: LoginInput!, $wrong: LoginInput!) {
  a: login(input: $right) { token }
  b: login(input: $wrong) { token }
}
"""


def test_error_of_one_mutation_nulls_all_data(client: Client) -> None:
    values = registration()
    client.ask(REGISTER, {"input": values})
    right = {"email": values["email"], "password": values["password"]}

    answer = client.ask(ALIASED, {"right": right, "wrong": right | {"password": "x"}})

    assert answer["data"] is None
    assert code(answer) == "INVALID_CREDENTIALS"
    assert answer["errors"][0]["path"] == ["b"]
