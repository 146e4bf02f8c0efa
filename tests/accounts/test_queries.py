import pytest
from strawberry.relay import to_base64

from tests.client import VIEWER, WELCOME, Client, code, extensions

NODE = "query Node($id: ID!) { node(id: $id) { __typename id ... on User { email } } }"


def test_welcome_greets_a_signed_in_user(client: Client) -> None:
    assert client.ask(WELCOME, token=client.token()) == {"data": {"welcome": "Welcome 🙌"}}


def test_welcome_requires_a_token(client: Client) -> None:
    answer = client.ask(WELCOME)

    assert answer["data"] is None
    assert extensions(answer) == {"code": "UNAUTHENTICATED", "reason": "TOKEN_MISSING"}


@pytest.mark.parametrize("header", ["Authorization", "authorization", "x-access-token"])
def test_both_headers_can_carry_the_token(client: Client, header: str) -> None:
    token = client.token()
    value = token if header == "x-access-token" else f"bearer {token}"

    assert client.ask(WELCOME, headers={header: value})["data"]["welcome"] == "Welcome 🙌"


def test_same_token_twice_is_valid_and_two_tokens_are_not(client: Client) -> None:
    one, other = client.token(), client.token()

    twice = {"Authorization": f"Bearer {one}", "x-access-token": one}
    assert client.ask(WELCOME, headers=twice)["data"]["welcome"] == "Welcome 🙌"
    two = {"Authorization": f"Bearer {one}", "x-access-token": other}
    assert extensions(client.ask(WELCOME, headers=two))["reason"] == "TOKEN_INVALID"


@pytest.mark.parametrize("bad", ["undefined", "null", "a.b.c", "x" * 8000])
def test_garbled_token_is_invalid(client: Client, bad: str) -> None:
    answer = client.ask(WELCOME, token=bad)

    assert extensions(answer) == {"code": "UNAUTHENTICATED", "reason": "TOKEN_INVALID"}


def test_viewer_is_the_signed_in_user(client: Client) -> None:
    registered = client.register()["data"]["register"]

    viewer = client.ask(VIEWER, token=registered["token"])["data"]["viewer"]

    assert viewer == {"__typename": "User"} | registered["user"]


def test_viewer_is_null_without_a_token(client: Client) -> None:
    assert client.ask(VIEWER) == {"data": {"viewer": None}}


def test_viewer_with_invalid_token_is_null_with_an_error(client: Client) -> None:
    answer = client.ask(VIEWER, token="garbled")

    assert answer["data"] == {"viewer": None}
    assert extensions(answer) == {"code": "UNAUTHENTICATED", "reason": "TOKEN_INVALID"}


def test_node_fetches_the_viewer_again(client: Client) -> None:
    registered = client.register()["data"]["register"]
    user = registered["user"]

    answer = client.ask(NODE, {"id": user["id"]}, token=registered["token"])

    assert answer["data"]["node"] == {
        "__typename": "User",
        "id": user["id"],
        "email": user["email"],
    }


@pytest.mark.parametrize(
    "id_",
    [
        *("", "zzz", "VXNlcjo", "😀", "\ud800"),
        *(
            to_base64(name, "x")
            for name in ("User", "Session", "Node", "Query", "LoginInput", "ID")
        ),
    ],
)
def test_node_of_made_up_id_is_null(client: Client, id_: str) -> None:
    assert client.ask(NODE, {"id": id_}, token=client.token()) == {"data": {"node": None}}


def test_node_of_another_user_is_null(client: Client) -> None:
    other = client.register()["data"]["register"]["user"]["id"]

    assert client.ask(NODE, {"id": other}, token=client.token()) == {"data": {"node": None}}


def test_node_requires_a_token(client: Client) -> None:
    assert code(client.ask(NODE, {"id": "x"})) == "UNAUTHENTICATED"


def test_introspection_shows_the_error_codes(client: Client) -> None:
    answer = client.ask('{ __type(name: "ErrorCode") { enumValues { name } } }')

    names = [value["name"] for value in answer["data"]["__type"]["enumValues"]]
    assert "UNAUTHENTICATED" in names
