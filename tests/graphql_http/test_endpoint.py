import gc
import json
import socket
import weakref
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from graphql_auth.graphql_http.endpoint import EndpointConfig, GraphQLEndpoint
from graphql_auth.schema import create_schema
from tests.client import LOGIN, WELCOME, Client, all_errors, code, reasons
from tests.graphql_http.posts import MEDIA, TWO, post
from tests.process import ServerProcess


def test_response_is_utf8_json_without_caching(client: Client) -> None:
    response = post(client, b'{"query": "{ viewer { id } }"}')

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert "server" not in response.headers


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"1",
        b'"{ welcome }"',
        b"[]",
        b"[" + b"{}," * 100 + b"{}]",
        b"{",
        b"\xff\xfe",
        b'{"query": "\xff"}',
        '{"query": "{ welcome }"}'.encode("utf-16"),
        b'{"query": ' + b"[" * 100_000,
        b'{"query": "{ welcome }", "x": ' + b"9" * 5000 + b"}",
        b"{}",
        b'{"query": ""}',
        b'{"query": null}',
        b'{"query": ["{ welcome }"]}',
        b'{"query": "{ welcome }", "variables": []}',
        b'{"query": "{ welcome }", "variables": {"x": NaN}}',
        b'{"query": "{ welcome }", "variables": {"x": 1e999}}',
        b'{"query": "{ welcome }", "variables": "{}"}',
        b'{"query": "{ welcome }", "operationName": 1}',
        b'{"query": "{ welcome }", "extensions": []}',
    ],
)
def test_invalid_request_is_a_400_with_code(client: Client, body: bytes) -> None:
    response = post(client, body)

    assert response.status_code == 400
    assert code(response.json()) == "BAD_REQUEST"
    assert "data" not in response.json()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ welcome", "GRAPHQL_PARSE_FAILED"),
        ("{ welcom }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ welcome { x } }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { x }", "GRAPHQL_VALIDATION_FAILED"),
        ("fragment A on Query { welcome }", "GRAPHQL_VALIDATION_FAILED"),
        ("type A { b: Int }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { viewer { id } } query B { welcome }", "BAD_REQUEST"),
        ("query ($unused: String!) { welcome }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($unused: Int!) { welcome }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($id: User!) { node(id: $id) { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($id: Nothing) { node(id: $id) { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($id: Int!) { node(id: $id) { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ('{ __type(name: "\ud800") { name } }', "GRAPHQL_PARSE_FAILED"),
    ],
)
def test_every_document_error_has_a_code(client: Client, query: str, expected: str) -> None:
    for variables in ({}, {"unused": 1, "id": {"x": 1}}):
        answer = client.ask(query, variables)
        assert {error["extensions"]["code"] for error in answer["errors"]} == {expected}


@pytest.mark.parametrize(
    "query",
    [
        'query ($x: ID = "x") { node(id: $x) { id } }',
        'mutation ($x: String = "x") { login(input: {email: $x, password: "hunter2"}) { token } }',
        "query ($x: Boolean = true) { welcome @include(if: $x) }",
    ],
)
def test_null_instead_of_default_is_a_validation_error(client: Client, query: str) -> None:
    answer = client.ask(query, {"x": None}, token=client.token())

    assert code(answer) == "GRAPHQL_VALIDATION_FAILED"
    assert "hunter2" not in json.dumps(answer)


@pytest.mark.parametrize("name", ["A", "B"])
def test_named_operation_is_executed(client: Client, name: str) -> None:
    body = json.dumps({"query": TWO, "operationName": name}).encode()

    assert post(client, body).json() == {"data": {name.lower(): "Query"}}


@pytest.mark.parametrize("name", [None, "", "C"])
def test_several_operations_need_a_name(client: Client, name: str | None) -> None:
    body = json.dumps({"query": TWO, "operationName": name}).encode()

    answer = post(client, body).json()

    assert code(answer) == "BAD_REQUEST"
    assert "operationName" in answer["errors"][0]["message"]
    assert "data" not in answer


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize(("accept", "status"), [("*/*", 200), (MEDIA, 400)])
def test_batch_gets_the_error_for_each_operation(
    client: Client, size: int, accept: str, status: int
) -> None:
    body = json.dumps([{"query": "{ __typename }"}] * size).encode()

    response = post(client, body, Accept=accept)

    assert response.status_code == status
    assert response.headers["cache-control"] == "no-store"
    assert [code(answer) for answer in response.json()] == ["BAD_REQUEST"] * size
    assert "Batches are not supported" in response.json()[0]["errors"][0]["message"]


def test_batch_beyond_the_limit_gets_one_error(client: Client) -> None:
    response = post(client, json.dumps([{}] * 101).encode())

    assert response.status_code == 400
    assert "batches" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("name", ["variables", "extensions", "operationName"])
def test_null_counts_as_absent(client: Client, name: str) -> None:
    body = json.dumps({"query": "{ __typename }", name: None}).encode()

    assert post(client, body).json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    response = client.http.request(method, client.url)

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"
    assert code(response.json()) == "BAD_REQUEST"


def test_websocket_is_refused(shared_server: ServerProcess) -> None:
    address = urlsplit(shared_server.url)
    request = (
        "GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
        "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(request.encode())
        answer = connection.recv(64)

    assert b" 101 " not in answer


def test_client_that_disconnects_is_not_logged(
    shared_server: ServerProcess, client: Client
) -> None:
    address = urlsplit(shared_server.url)
    printed = shared_server.output
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(
            b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
    client.token()

    logged = shared_server.output.removeprefix(printed).splitlines()
    assert [line for line in logged if "graphql_auth.security: " not in line] == []


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    values
    | st.fixed_dictionaries(
        {"query": st.text() | values},
        optional={"variables": values, "operationName": values, "token": values},
    )
)
def test_any_json_body_gets_a_code_and_no_5xx(client: Client, body: Any) -> None:
    response = post(client, json.dumps(body).encode())

    assert response.status_code < 500
    for error in all_errors(response.json()):
        assert error["extensions"]["code"] != "INTERNAL_SERVER_ERROR"


def test_lone_surrogate_stays_a_json_escape(client: Client) -> None:
    body = {"query": LOGIN, "variables": {"input": {"\ud800": 1}}}

    response = post(client, json.dumps(body).encode())

    assert b"\\ud800" in response.content
    assert reasons(response.json())["\ud800"] == "UNKNOWN_FIELD"


def test_query_and_body_tokens_are_off_by_default(client: Client) -> None:
    token = client.token()
    body = json.dumps({"query": WELCOME, "token": token}).encode()

    assert code(post(client, body).json()) == "UNAUTHENTICATED"
    by_query = client.http.post(client.url, params={"token": token}, json={"query": WELCOME})
    assert code(by_query.json()) == "UNAUTHENTICATED"


@pytest.mark.parametrize("media_type", ["application/json", "application/graphql-response+json"])
def test_unauthenticated_response_has_a_challenge(client: Client, media_type: str) -> None:
    """RFC 6750 section 3; RFC 9110 section 11.6.1 allows the header with status 200 too."""

    def challenges(query: str, token: str = "") -> list[str]:
        headers = {"Accept": media_type} | ({"Authorization": f"Bearer {token}"} if token else {})
        answer = client.http.post(client.url, json={"query": query}, headers=headers)
        assert answer.status_code == 200
        return answer.headers.get_list("www-authenticate")

    assert challenges("{ welcome }") == ['Bearer realm="graphql-auth"']
    assert challenges("{ a: welcome b: welcome }", "x") == ['Bearer error="invalid_token"']
    assert challenges("{ welcome }", client.token()) == []
    assert challenges("{ __typename }", "x") == []
    # RFC 6750 section 3.1: no error code without an access token, also for a refresh token.
    refresh = 'mutation { refreshToken(input: { refreshToken: "x" }) { token } }'
    assert challenges(refresh) == ['Bearer realm="graphql-auth"']
    assert challenges(refresh, "x") == ['Bearer error="invalid_token"']


@pytest.mark.anyio
async def test_answered_request_is_freed_without_the_garbage_collector() -> None:
    class Context:
        pass

    contexts: list[weakref.ref[Context]] = []

    def create_context(*_: object) -> Context:
        context = Context()
        contexts.append(weakref.ref(context))
        return context

    async def receive() -> Message:
        return {"type": "http.request", "body": b'{"query": "{ __typename }"}'}

    async def send(message: Message) -> None:
        assert message.get("status", 200) == 200

    endpoint = GraphQLEndpoint(create_schema().core, create_context, EndpointConfig(), None)
    scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b""}
    scope["headers"] = [(b"content-type", b"application/json")]
    gc.disable()
    try:
        await endpoint(scope, receive, send)
        assert contexts[0]() is None
    finally:
        gc.enable()
