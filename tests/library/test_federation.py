"""examples/federation without a gateway: `_entities` and `_service`, which anyone can send."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from strawberry.relay import to_base64

from tests.client import Client, code, extensions
from tests.conftest import KEY, Start
from tests.process import ROOT, ServerProcess, start_server

EXAMPLE = ROOT / "examples" / "federation"
ENTITIES = """
query($a: [_Any!]!) { _entities(representations: $a) { __typename ... on User { id email } } }
"""
TWO_ALIASES = """
query($a: [_Any!]!, $b: [_Any!]!) {
  a: _entities(representations: $a) { __typename }
  b: _entities(representations: $b) { __typename }
}
"""
ELEVEN_FIELDS = """
query($a: [_Any!]!, $some: Boolean = true, $first: Int) {
  _entities(representations: $a) {
    ... on User {
      id email firstName lastName createdAt roles hasPassword @include(if: $some)
      sessions(first: $first) { edges { node { id } } }
    }
  }
}
"""
TWO_FRAGMENTS = """
query($a: [_Any!]!) {
  a: _entities(representations: $a) { ...F ...F }
}
fragment F on User { a: id b: id c: id d: id e: id f: id g: id h: id i: id j: id }
"""
SDL = "{ _service { sdl } }"

# Strawberry's own `_entities` fails at most of these with INTERNAL_SERVER_ERROR, and logs that.
MALFORMED: list[Any] = [
    5,
    "User",
    [],
    [{"__typename": "User", "id": "x"}],
    {},
    {"id": "x"},
    {"__typename": "User"},
    {"__typename": "User", "id": None},
    {"__typename": "User", "id": 5},
    {"__typename": "User", "id": {"$ne": ""}},
    {"__typename": "User", "id": "x", "info": 1, "self": 1, "cls": 1},
    {"__typename": "User", "id": "\ud800"},
    {"__typename": ["User"], "id": "x"},
    {"__typename": "Nothing", "id": "x"},
    {"__typename": "Query"},
    {"__typename": "_Service", "sdl": "x"},
    {"__typename": "DateTime", "id": "x"},
]


@pytest.fixture(scope="module")
def server(shared_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    directory = tmp_path_factory.mktemp("subgraph")
    shutil.copy(EXAMPLE / "main.py", directory)
    server = start_server(directory, "main:auth", MONGO_URI=shared_uri, TOKEN_KEY=KEY)
    yield server
    assert server.stop() == 0
    # Not one request of these tests is an error of the server.
    assert "ERROR" not in server.output
    assert "never awaited" not in server.output


@pytest.fixture
def client(server: ServerProcess) -> Iterator[Client]:
    with Client(server.url) as client:
        yield client


@pytest.fixture
def token(client: Client) -> str:
    return client.token()


@pytest.fixture
def own(client: Client, token: str) -> dict[str, Any]:
    """The representation of the caller, as a gateway sends it."""
    user = client.ask("{ viewer { id } }", token=token)["data"]["viewer"]
    return {"__typename": "User", "id": user["id"]}


@pytest.fixture
def ask(client: Client, token: str, own: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Ask with so many representations of the caller in each variable."""

    def ask(query: str, *numbers: int) -> dict[str, Any]:
        variables = {name: [own] * number for name, number in zip("ab", numbers, strict=False)}
        return client.ask(query, variables, token=token)

    return ask


def test_only_own_account_is_an_entity(client: Client, token: str, own: dict[str, Any]) -> None:
    other = client.register()["data"]["register"]["user"]
    nobody = to_base64("User", "f" * 24)
    ids = [other["id"], own["id"], nobody, own["id"]]

    answer = client.ask(ENTITIES, {"a": [own | {"id": id_} for id_ in ids]}, token=token)

    found = answer["data"]["_entities"]
    assert [user and user["id"] for user in found] == [None, own["id"], None, own["id"]]
    assert other["email"] not in json.dumps(answer)


@pytest.mark.parametrize("malformed", MALFORMED, ids=json.dumps)
def test_malformed_representation_is_null(
    client: Client, token: str, own: dict[str, Any], malformed: object
) -> None:
    answer = client.ask(ENTITIES, {"a": [malformed, own]}, token=token)
    anonymous = client.ask(ENTITIES, {"a": [malformed, own]})

    found = answer["data"]["_entities"]
    assert "errors" not in answer
    assert [user and user["id"] for user in found] == [None, own["id"]]
    assert extensions(anonymous)["code"] == "UNAUTHENTICATED"
    assert extensions(anonymous)["reason"] == "TOKEN_MISSING"


@pytest.mark.parametrize(
    "literal", ['[5, "x", RED, 1.5, [], {}, {__typename: "User", id: RED}]', "5", "{id: 1}", "[]"]
)
def test_malformed_literal_is_null(client: Client, token: str, literal: str) -> None:
    query = f"{{ _entities(representations: {literal}) {{ __typename }} }}"

    answer = client.ask(query, token=token)

    assert not any(answer["data"]["_entities"])
    assert "errors" not in answer
    assert extensions(client.ask(query))["reason"] == "TOKEN_MISSING"


@pytest.mark.parametrize("of", [None, [None]], ids=json.dumps)
def test_null_has_a_code(client: Client, token: str, of: object) -> None:
    assert code(client.ask(ENTITIES, {"a": of}, token=token)) == "BAD_USER_INPUT"


def test_limits_are_of_one_request(ask: Callable[..., dict[str, Any]]) -> None:
    for _ in range(2):
        answer = ask(ENTITIES, 100)
        assert len(answer["data"]["_entities"]) == 100
        assert "errors" not in answer


@pytest.mark.parametrize(
    ("query", "most", "limit"),
    [
        (ENTITIES, [100], "representations"),
        (TWO_ALIASES, [50, 50], "representations"),
        (ELEVEN_FIELDS, [90], "fields"),
        (TWO_FRAGMENTS, [50], "fields"),
    ],
    ids=["representations", "representations of aliases", "fields", "fields of fragments"],
)
def test_more_than_the_limit_is_refused(
    ask: Callable[..., dict[str, Any]], query: str, most: list[int], limit: str
) -> None:
    within = ask(query, *most)
    refused = ask(query, *most[:-1], most[-1] + 1)

    assert "errors" not in within
    assert extensions(refused) == {
        "code": "QUERY_TOO_COMPLEX",
        "limit": limit,
        "allowed": {"representations": 100, "fields": 1_000}[limit],
    }


def test_subgraph_has_no_node_and_a_key(client: Client) -> None:
    sdl = client.ask(SDL)["data"]["_service"]["sdl"]

    query = sdl.partition("type Query {")[2].partition("\n}")[0]
    assert "node" not in query
    assert "viewer: User" in query
    assert 'type User implements Node @key(fields: "id"' in sdl
    assert "type PageInfo @shareable {" in sdl


def test_schema_of_subgraph_follows_introspection(start: Start, tmp_path: Path) -> None:
    shutil.copy(EXAMPLE / "main.py", tmp_path)
    server = start("main:auth", INTROSPECTION="off")

    with Client(server.url) as client:
        for query in (SDL, "{ __schema { queryType { name } } }"):
            answer = client.ask(query)
            assert "data" not in answer
            assert {error["extensions"]["code"] for error in answer["errors"]} == {
                "GRAPHQL_VALIDATION_FAILED"
            }
        assert extensions(client.ask(ENTITIES, {"a": []}))["reason"] == "TOKEN_MISSING"
