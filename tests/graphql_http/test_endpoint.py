import asyncio
import json
import socket
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx
import pytest
from graphql import DocumentNode
from hypothesis import given
from hypothesis import strategies as st

from graphql_auth.errors import InvalidCredentials
from graphql_auth.graphql_http.endpoint import EndpointConfig
from graphql_auth.graphql_http.limits import Limits, parse_within
from tests.client import LOGIN, WELCOME, Client, all_errors, code, extensions, reasons
from tests.process import ServerProcess
from tests.services import endpoint_for

JSON = {"Content-Type": "application/json"}
LOGIN_REQUEST = {"query": LOGIN, "variables": {"input": {"email": "a", "password": "b"}}}


def post(client: Client, body: bytes, **headers: str) -> httpx.Response:
    return client.http.post(client.url, content=body, headers=JSON | headers)


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
    "media_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/jsonfoo",
    ],
)
def test_other_content_types_are_refused(client: Client, media_type: str) -> None:
    response = post(client, b'{"query": "{ welcome }"}', **{"Content-Type": media_type})

    assert response.status_code == 415
    assert code(response.json()) == "BAD_REQUEST"


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_content_type_ignores_case_and_parameters(client: Client, media_type: str) -> None:
    response = post(client, b'{"query": "{ viewer { id } }"}', **{"Content-Type": media_type})

    assert response.json() == {"data": {"viewer": None}}


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


TWO = "query A { a: __typename } query B { b: __typename }"


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


MEDIA = "application/graphql-response+json"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("{ viewer { id } }", 200),
        ("{ welcome }", 200),
        ("{", 400),
        ("{ nothing }", 400),
        ("query ($id: ID!) { node(id: $id) { id } }", 400),
        (TWO, 400),
    ],
)
def test_status_depends_on_media_type(client: Client, query: str, status: int) -> None:
    body = json.dumps({"query": query}).encode()

    as_json, as_graphql = post(client, body), post(client, body, Accept=MEDIA)

    assert as_json.json() == as_graphql.json()
    assert (as_json.status_code, as_graphql.status_code) == (200, status)
    assert as_json.headers["content-type"] == "application/json; charset=utf-8"
    assert as_graphql.headers["content-type"] == f"{MEDIA}; charset=utf-8"


def test_accept_without_json_is_a_406(client: Client) -> None:
    response = post(client, b'{"query": "{ __typename }"}', Accept="image/png")

    assert response.status_code == 406
    assert code(response.json()) == "BAD_REQUEST"


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


PERSISTED = {"persistedQuery": {"version": 1, "sha256Hash": "ab" * 32}}


@pytest.mark.parametrize("query", [{}, {"query": None}, {"query": ""}])
def test_persisted_query_is_refused_in_the_words_of_clients(
    client: Client, query: dict[str, str | None]
) -> None:
    sent = {"operationName": "A", "extensions": PERSISTED} | query
    parameters = {"extensions": json.dumps(PERSISTED)} | query

    answers = [
        client.http.post(client.url, json=sent),
        client.http.get(client.url, params=parameters),
        client.http.post(client.url, json=sent, headers={"Accept": MEDIA}),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 400]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json() == {
            "errors": [
                {
                    "message": "PersistedQueryNotSupported",
                    "extensions": {"code": "PERSISTED_QUERY_NOT_SUPPORTED"},
                }
            ]
        }


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_query_with_persisted_query_extension_is_executed(client: Client, method: str) -> None:
    query = "{ __typename }"

    answer = (
        client.http.get(client.url, params={"query": query, "extensions": json.dumps(PERSISTED)})
        if method == "GET"
        else client.http.post(client.url, json={"query": query, "extensions": PERSISTED})
    )

    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("extensions", [{}, {"persistedQuery": None}, {"other": 1}, None])
def test_missing_query_without_persisted_query_is_a_bad_request(
    client: Client, extensions: object
) -> None:
    response = client.http.post(client.url, json={"extensions": extensions})

    assert response.status_code == 400
    assert code(response.json()) == "BAD_REQUEST"


def test_accept_in_several_lines_is_one_list(client: Client) -> None:
    lines = [("Accept", "image/png"), ("Accept", MEDIA), *JSON.items()]
    response = client.http.post(client.url, content=b'{"query": "{ welcome }"}', headers=lines)

    assert response.headers["content-type"] == f"{MEDIA}; charset=utf-8"


@pytest.mark.parametrize("second", ["text/plain", "application/json", ""])
@pytest.mark.parametrize("first", ["application/json", "application/json; x=y"])
def test_second_content_type_is_refused(client: Client, first: str, second: str) -> None:
    lines = [("Content-Type", first), ("Content-Type", second)]
    response = client.http.post(client.url, content=b'{"query": "{ welcome }"}', headers=lines)

    assert response.status_code == 415
    assert code(response.json()) == "BAD_REQUEST"


@pytest.mark.parametrize("lines", [["gzip"], ["identity, br"], ["identity", "Deflate"], ["x"]])
def test_content_encoding_is_a_415(client: Client, lines: list[str]) -> None:
    headers = [*JSON.items(), *(("Content-Encoding", line) for line in lines)]
    response = client.http.post(client.url, content=b'{"query": "{ welcome }"}', headers=headers)

    assert response.status_code == 415
    assert response.headers["accept-encoding"] == "identity"
    assert code(response.json()) == "BAD_REQUEST"


@pytest.mark.parametrize("coding", ["", "identity", "Identity, identity"])
def test_content_encoding_identity_is_accepted(client: Client, coding: str) -> None:
    response = post(client, b'{"query": "{ viewer { id } }"}', **{"Content-Encoding": coding})

    assert response.json() == {"data": {"viewer": None}}


@pytest.mark.parametrize("name", ["variables", "extensions", "operationName"])
def test_null_counts_as_absent(client: Client, name: str) -> None:
    body = json.dumps({"query": "{ __typename }", name: None}).encode()

    assert post(client, body).json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("name", ["variables", "extensions"])
def test_null_in_a_get_counts_as_absent(client: Client, name: str) -> None:
    response = client.http.get(client.url, params={"query": "{ __typename }", name: "null"})

    assert response.json() == {"data": {"__typename": "Query"}}


def test_operation_can_be_named_null(client: Client) -> None:
    """In a GET, ``operationName`` is no JSON."""
    query = "query null { a: __typename } query B { __typename }"
    response = client.http.get(client.url, params={"query": query, "operationName": "null"})

    assert response.json() == {"data": {"a": "Query"}}


def test_get_executes_a_query(client: Client) -> None:
    parameters = {
        "query": "query Q($name: String!) { __type(name: $name) { name } }",
        "variables": '{"name": "User"}',
        "operationName": "Q",
    }

    response = client.http.get(client.url, params=parameters)

    assert response.json() == {"data": {"__type": {"name": "User"}}}


def test_get_ignores_empty_variables(client: Client) -> None:
    response = client.http.get(client.url, params={"query": "{ __typename }", "variables": ""})

    assert response.json() == {"data": {"__typename": "Query"}}


def test_get_takes_null_for_absent_parameters(client: Client) -> None:
    parameters = {"query": "{ __typename }", "variables": "null", "extensions": "null"}

    assert client.http.get(client.url, params=parameters).json() == {
        "data": {"__typename": "Query"}
    }


@pytest.mark.parametrize("variables", ["{", "1", '"x"', "[]", "[{}]"])
def test_get_with_broken_variables_is_a_400_with_code(client: Client, variables: str) -> None:
    parameters = {"query": "{ __typename }", "variables": variables}

    response = client.http.get(client.url, params=parameters)

    assert response.status_code == 400
    assert code(response.json()) == "BAD_REQUEST"


@pytest.mark.parametrize(
    "query",
    [
        'mutation { login(input: {email: "a", password: "b"}) { token } }',
        "mutation { ...F } fragment F on Mutation { logout: __typename }",
    ],
)
def test_get_refuses_a_mutation(client: Client, query: str) -> None:
    response = client.http.get(client.url, params={"query": query})

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert code(response.json()) == "BAD_REQUEST"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    response = client.http.request(method, client.url)

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"
    assert code(response.json()) == "BAD_REQUEST"


def test_browser_with_query_gets_json(client: Client) -> None:
    response = client.http.get(
        client.url,
        params={"query": "{ __typename }"},
        headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"},
    )

    assert response.json() == {"data": {"__typename": "Query"}}


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


class Slow:
    """A service that answers when it is told to."""

    def __init__(self) -> None:
        self.begun = asyncio.Semaphore(0)
        self.go_on = asyncio.Event()

    async def login(self, *_: object) -> NoReturn:
        self.begun.release()
        await self.go_on.wait()
        raise InvalidCredentials


@pytest.mark.anyio
async def test_document_is_parsed_once_for_many_requests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[str] = []

    def parse_and_note(limits: Limits, text: str) -> DocumentNode:
        read.append(text)
        return parse_within(limits, text)

    monkeypatch.setattr("graphql_auth.graphql_http.document_cache.parse_within", parse_and_note)
    endpoint = endpoint_for(Slow(), EndpointConfig())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(endpoint)) as client:
        for number in range(1_000):
            query = f"query Q($name: String!) {{ a{number % 10}: __type(name: $name) {{ name }} }}"
            asked = {"query": query, "variables": {"name": f"User{number}"}}
            response = await client.post("http://test/graphql", json=asked)
            assert "errors" not in response.json()

    assert 1 - len(read) / 1_000 == 0.99


@pytest.mark.anyio
async def test_request_timeout_is_a_503() -> None:
    endpoint = endpoint_for(Slow(), EndpointConfig(request_timeout=0.05))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(endpoint)) as client:
        response = await client.post("http://test/graphql", json=LOGIN_REQUEST)

    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert code(response.json()) == "SERVICE_UNAVAILABLE"


@pytest.mark.anyio
async def test_cancelled_request_is_a_503() -> None:
    slow = Slow()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(endpoint_for(slow))) as client:
        request = asyncio.create_task(client.post("http://test/graphql", json=LOGIN_REQUEST))
        await slow.begun.acquire()
        request.cancel()
        response = await request

    assert response.status_code == 503
    assert extensions(response.json())["retryAfter"] == 1


@pytest.mark.anyio
async def test_too_many_concurrent_requests_are_a_503() -> None:
    slow = Slow()
    endpoint = endpoint_for(slow, EndpointConfig(max_concurrent_requests=2))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(endpoint)) as client:
        accepted = [
            asyncio.create_task(client.post("http://test/graphql", json=LOGIN_REQUEST))
            for _ in range(2)
        ]
        for _ in accepted:
            await slow.begun.acquire()
        refused = await client.post("http://test/graphql", json=LOGIN_REQUEST)
        slow.go_on.set()
        answers = [await answer for answer in accepted]
        later = await client.post("http://test/graphql", json=LOGIN_REQUEST)

    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert extensions(refused.json())["retryAfter"] == 1
    for answer in (*answers, later):
        assert code(answer.json()) == "INVALID_CREDENTIALS"


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
