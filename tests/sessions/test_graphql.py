import re
from typing import Any

import pytest
from strawberry.relay import to_base64

from tests.client import LOGIN, REGISTER, WELCOME, Client, code, extensions, reasons, registration

SIGN_IN = "token refreshToken user { id email }"
REFRESH = f"mutation ($i: RefreshTokenInput) {{ refreshToken(input: $i) {{ {SIGN_IN} }} }}"
SESSIONS = """
query ($first: Int, $after: String) { viewer { sessions(first: $first, after: $after) {
  edges { cursor node { id createdAt lastUsedAt expiresAt userAgent ipAddress current } }
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
} } }
"""
REVOKE = "mutation ($id: ID!) { revokeSession(input: {id: $id}) }"
CHANGE = """
mutation ($i: ChangePasswordInput!) { changePassword(input: $i) { token refreshToken } }
"""


@pytest.fixture
def signed_in(client: Client) -> dict[str, Any]:
    """The answer to a registration."""
    return sign_in(client, REGISTER, registration())


def sign_in(client: Client, operation: str, values: dict[str, Any]) -> dict[str, Any]:
    name = "register" if operation == REGISTER else "login"
    answer = client.ask(
        operation.replace("token expiresAt", "token refreshToken expiresAt"), {"input": values}
    )
    payload: dict[str, Any] = answer["data"][name]
    return payload


def again(client: Client, signed_in: dict[str, Any]) -> dict[str, Any]:
    """Sign the same user in once more."""
    values = {"email": signed_in["user"]["email"], "password": registration()["password"]}
    return sign_in(client, LOGIN, values)


def refresh(client: Client, token: str) -> dict[str, Any]:
    return client.ask(REFRESH, {"i": {"refreshToken": token}})


def sessions(client: Client, token: str, **page: Any) -> dict[str, Any]:
    connection: dict[str, Any] = client.ask(SESSIONS, page, token=token)["data"]["viewer"][
        "sessions"
    ]
    return connection


def is_revoked(client: Client, token: str) -> bool:
    answer = client.ask(WELCOME, token=token)
    return "errors" in answer and extensions(answer)["reason"] == "TOKEN_REVOKED"


def test_refresh_returns_working_tokens(client: Client, signed_in: dict[str, Any]) -> None:
    payload = refresh(client, signed_in["refreshToken"])["data"]["refreshToken"]

    assert payload["user"]["id"] == signed_in["user"]["id"]
    assert payload["refreshToken"] != signed_in["refreshToken"]
    assert client.ask(WELCOME, token=payload["token"])["data"]["welcome"]


def test_refresh_ignores_expired_access_token(client: Client, signed_in: dict[str, Any]) -> None:
    variables = {"i": {"refreshToken": signed_in["refreshToken"]}}

    assert "errors" not in client.ask(REFRESH, variables, token="stale")


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({}, "TOKEN_MISSING"),
        ({"i": None}, "TOKEN_MISSING"),
        ({"i": {"refreshToken": ""}}, "TOKEN_MISSING"),
        ({"i": {"refreshToken": "garbled"}}, "TOKEN_INVALID"),
        ({"i": {"refreshToken": "A" * 96}}, "TOKEN_INVALID"),
    ],
)
def test_refresh_with_invalid_token_is_refused(
    client: Client, variables: dict[str, Any], reason: str
) -> None:
    answer = client.ask(REFRESH, variables)

    assert extensions(answer) == {"code": "UNAUTHENTICATED", "reason": reason}


def test_reused_refresh_token_ends_session(client: Client, signed_in: dict[str, Any]) -> None:
    second = refresh(client, signed_in["refreshToken"])["data"]["refreshToken"]
    third = refresh(client, second["refreshToken"])["data"]["refreshToken"]

    assert extensions(refresh(client, signed_in["refreshToken"]))["reason"] == "TOKEN_REVOKED"

    for payload in (signed_in, second, third):
        assert is_revoked(client, payload["token"])


def test_logout_applies_to_next_request(client: Client, signed_in: dict[str, Any]) -> None:
    other = again(client, signed_in)

    assert client.ask("mutation { logout }", token=signed_in["token"]) == {"data": {"logout": True}}

    assert is_revoked(client, signed_in["token"])
    assert extensions(refresh(client, signed_in["refreshToken"]))["reason"] == "TOKEN_REVOKED"
    assert not is_revoked(client, other["token"])
    viewer = client.ask("{ viewer { id } }", token=signed_in["token"])
    assert viewer["data"] == {"viewer": None}
    assert extensions(viewer)["reason"] == "TOKEN_REVOKED"


def test_logout_everywhere_ends_every_session(client: Client, signed_in: dict[str, Any]) -> None:
    other = again(client, signed_in)

    answer = client.ask("mutation { logoutEverywhere }", token=other["token"])

    assert answer == {"data": {"logoutEverywhere": True}}
    assert is_revoked(client, signed_in["token"])
    assert is_revoked(client, other["token"])


def test_field_after_logout_in_one_request_is_refused(
    client: Client, signed_in: dict[str, Any]
) -> None:
    password = registration()["password"]
    change = f'changePassword(input: {{currentPassword: "{password}", newPassword: "another one"}})'

    for mutation in ("logoutEverywhere", "logout"):
        payload = again(client, signed_in)
        query = f"mutation {{ {mutation} a: {change} {{ token }} }}"
        assert extensions(client.ask(query, token=payload["token"]))["reason"] == "TOKEN_REVOKED"

    again(client, signed_in)


@pytest.mark.parametrize(
    "mutation",
    [
        "{ logout }",
        "{ logoutEverywhere }",
        '{ revokeSession(input: {id: "x"}) }',
        '{ changePassword(input: {currentPassword: "a", newPassword: "b"}) { token } }',
    ],
)
def test_ending_sessions_needs_authentication(client: Client, mutation: str) -> None:
    assert extensions(client.ask(f"mutation {mutation}"))["reason"] == "TOKEN_MISSING"
    assert extensions(client.ask(f"mutation {mutation}", token="x"))["reason"] == "TOKEN_INVALID"


def test_sessions_lists_sessions_of_caller(client: Client, signed_in: dict[str, Any]) -> None:
    other = again(client, signed_in)

    nodes = [edge["node"] for edge in sessions(client, other["token"])["edges"]]

    assert [node["current"] for node in nodes] == [True, False]
    assert {node["ipAddress"] for node in nodes} == {"127.0.0.1"}
    assert all(node["userAgent"].startswith("python-httpx/") for node in nodes)
    assert all(node["createdAt"] <= node["lastUsedAt"] < node["expiresAt"] for node in nodes)


def test_every_datetime_has_milliseconds_and_ends_with_z(
    client: Client, signed_in: dict[str, Any]
) -> None:
    (edge,) = sessions(client, signed_in["token"])["edges"]
    names = ("createdAt", "lastUsedAt", "expiresAt")

    times = [
        signed_in["expiresAt"],
        signed_in["user"]["createdAt"],
        *[edge["node"][name] for name in names],
    ]

    form = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
    assert [text for text in times if not form.fullmatch(text)] == []


def test_login_payload_marks_new_session_as_current(client: Client) -> None:
    query = REGISTER.replace("user { id", "user { sessions { edges { node { current } } } id")

    user = client.ask(query, {"input": registration()})["data"]["register"]["user"]

    assert user["sessions"]["edges"] == [{"node": {"current": True}}]


def test_sessions_are_paginated(client: Client, signed_in: dict[str, Any]) -> None:
    for _ in range(2):
        again(client, signed_in)

    first = sessions(client, signed_in["token"], first=2)
    rest = sessions(client, signed_in["token"], first=2, after=first["pageInfo"]["endCursor"])

    assert [len(page["edges"]) for page in (first, rest)] == [2, 1]
    assert first["pageInfo"]["hasNextPage"] is True
    assert rest["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": rest["edges"][0]["cursor"],
        "endCursor": rest["edges"][0]["cursor"],
    }
    ids = {edge["node"]["id"] for page in (first, rest) for edge in page["edges"]}
    assert len(ids) == 3
    assert sessions(client, signed_in["token"], first=0)["edges"] == []
    assert len(sessions(client, signed_in["token"], first=10**9)["edges"]) == 3


@pytest.mark.parametrize(
    "after", ["x", "\ud800", to_base64("cursor", "x"), to_base64("User", "6" * 24)]
)
def test_invalid_page_arguments_are_refused(
    client: Client, signed_in: dict[str, Any], after: str
) -> None:
    answer = client.ask(SESSIONS, {"first": -1, "after": after}, token=signed_in["token"])

    assert reasons(answer) == {"first": "OUT_OF_RANGE", "after": "INVALID_CURSOR"}


def test_node_returns_session_to_its_owner_only(client: Client, signed_in: dict[str, Any]) -> None:
    (edge,) = sessions(client, signed_in["token"])["edges"]
    query = "query ($id: ID!) { node(id: $id) { __typename id ... on Session { current } } }"

    for token, expected in (
        (signed_in["token"], {"__typename": "Session", "id": edge["node"]["id"], "current": True}),
        (client.token(), None),
    ):
        assert (
            client.ask(query, {"id": edge["node"]["id"]}, token=token)["data"]["node"] == expected
        )


def test_revoke_session_ends_own_session(client: Client, signed_in: dict[str, Any]) -> None:
    other = again(client, signed_in)
    nodes = [edge["node"] for edge in sessions(client, signed_in["token"])["edges"]]
    (other_id,) = (node["id"] for node in nodes if not node["current"])

    for expected in (True, False):
        answer = client.ask(REVOKE, {"id": other_id}, token=signed_in["token"])
        assert answer == {"data": {"revokeSession": expected}}

    assert is_revoked(client, other["token"])
    assert not is_revoked(client, signed_in["token"])


def test_revoke_session_hides_sessions_of_others(client: Client, signed_in: dict[str, Any]) -> None:
    (edge,) = sessions(client, signed_in["token"])["edges"]
    token = client.token()

    made_up = ["x", "", "\ud800", to_base64("Session", "6" * 24), signed_in["user"]["id"]]
    answers = [
        client.ask(REVOKE, {"id": one}, token=token) for one in (edge["node"]["id"], *made_up)
    ]

    assert answers == [{"data": {"revokeSession": False}}] * 6
    assert not is_revoked(client, signed_in["token"])


def test_change_password_ends_other_sessions(client: Client, signed_in: dict[str, Any]) -> None:
    other = again(client, signed_in)
    values = {"currentPassword": registration()["password"], "newPassword": "new one of mine"}

    answer = client.ask(CHANGE, {"i": values}, token=signed_in["token"])

    fresh = answer["data"]["changePassword"]
    assert is_revoked(client, other["token"])
    assert [edge["node"]["current"] for edge in sessions(client, fresh["token"])["edges"]] == [True]
    assert "errors" not in refresh(client, fresh["refreshToken"])
    assert code(client.login(signed_in["user"]["email"])) == "INVALID_CREDENTIALS"
    assert "errors" not in client.login(signed_in["user"]["email"], "new one of mine")


def test_change_password_with_wrong_password_changes_nothing(
    client: Client, signed_in: dict[str, Any]
) -> None:
    values = {"currentPassword": "wrong", "newPassword": "new one of mine"}

    assert (
        code(client.ask(CHANGE, {"i": values}, token=signed_in["token"])) == "INVALID_CREDENTIALS"
    )
    empty = client.ask(
        CHANGE, {"i": {"currentPassword": "", "newPassword": ""}}, token=signed_in["token"]
    )
    assert reasons(empty) == {"currentPassword": "REQUIRED", "newPassword": "REQUIRED"}
    assert not is_revoked(client, signed_in["token"])
