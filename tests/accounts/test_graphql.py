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


def test_register_answers_a_token_and_the_user(client: Client) -> None:
    email = new_email()
    payload = client.register(email=email)["data"]["register"]

    assert payload["user"].keys() == {"id", "email", "firstName", "lastName", "createdAt"}
    assert payload["user"]["email"] == email
    assert (payload["user"]["firstName"], payload["user"]["lastName"]) == ("Ada", "Lovelace")
    lifetime = datetime.fromisoformat(payload["expiresAt"]) - datetime.now().astimezone()
    assert 7190 < lifetime.total_seconds() <= 7200
    assert client.ask(WELCOME, token=payload["token"])["data"]["welcome"] == "Welcome 🙌"


def test_login_answers_another_token_and_the_same_user(client: Client) -> None:
    registered = client.register()["data"]["register"]

    payload = client.login(registered["user"]["email"].upper())["data"]["login"]

    assert payload["user"] == registered["user"]
    assert payload["token"] != registered["token"]


def test_an_address_is_taken_once(client: Client) -> None:
    email = new_email()
    client.register(email=email)

    answer = client.register(email=f" {email.upper()} ")

    assert extensions(answer) == {"code": "EMAIL_TAKEN"}
    assert answer["data"] is None


def test_fifty_at_once_make_one_user(client: Client) -> None:
    email = new_email()
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: client.register(email=email), range(50)))

    refused = [code(answer) for answer in answers if "errors" in answer]
    assert refused == ["EMAIL_TAKEN"] * 49
    assert len([answer for answer in answers if "errors" not in answer]) == 1


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client: Client) -> None:
    email = new_email()
    client.register(email=email)

    wrong, unknown = client.login(email, "wrong"), client.login(new_email(), PASSWORD)

    assert wrong == unknown
    assert extensions(wrong) == {"code": "INVALID_CREDENTIALS"}


def test_every_bad_field_is_reported_at_once(client: Client) -> None:
    answer = client.register(firstName=" ", lastName="x" * 201, email="nope", password="\0")

    assert code(answer) == "BAD_USER_INPUT"
    assert reasons(answer) == {
        "firstName": "REQUIRED",
        "lastName": "TOO_LONG",
        "email": "INVALID_EMAIL",
        "password": "INVALID_CHARACTERS",
    }
    assert all(field["message"] for field in extensions(answer)["fields"])


def test_a_length_that_is_off_tells_the_limit(client: Client) -> None:
    answer = client.register(firstName="x" * 201, password="gLp3!")

    limits = {field["field"]: field["limit"] for field in extensions(answer)["fields"]}
    assert limits == {"firstName": 200, "password": 8}


def test_variables_of_the_wrong_shape_are_reported_the_same_way(client: Client) -> None:
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
def test_login_takes_strings_and_nothing_else(
    client: Client, variables: dict[str, Any], expected: dict[str, str]
) -> None:
    assert reasons(client.ask(LOGIN, variables)) == expected


@pytest.mark.parametrize("password", ["\ud800", "a\0b", "x" * 1025, "😀" * 5000])
def test_a_password_that_can_be_nobodys_is_refused_clearly(client: Client, password: str) -> None:
    assert code(client.login(new_email(), password)) == "BAD_USER_INPUT"
    assert code(client.register(password=password)) == "BAD_USER_INPUT"


@pytest.mark.parametrize("password", ["😀" * 64, "x" * 1024, " " * 8 + "x", "пароль", "e\u0301"])
def test_any_other_password_works(client: Client, password: str) -> None:
    email = new_email()
    client.register(email=email, password=password)

    assert "data" in client.login(email, password)
    assert code(client.login(email, password[:-1] + "y")) == "INVALID_CREDENTIALS"


@pytest.mark.parametrize("token", ["garbled", "eyJhbGciOiJub25lIn0.e30."])
def test_a_stale_token_stops_neither_register_nor_login(client: Client, token: str) -> None:
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


def test_one_refusal_takes_the_other_answers_of_the_request_with_it(client: Client) -> None:
    values = registration()
    client.ask(REGISTER, {"input": values})
    right = {"email": values["email"], "password": values["password"]}

    answer = client.ask(ALIASED, {"right": right, "wrong": right | {"password": "x"}})

    assert answer["data"] is None
    assert code(answer) == "INVALID_CREDENTIALS"
    assert answer["errors"][0]["path"] == ["b"]
