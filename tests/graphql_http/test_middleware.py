import contextlib
import re
import socket
from typing import NoReturn
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from graphql_auth.graphql_http.middleware import SecurityHeadersMiddleware
from tests.client import WELCOME, Client, code
from tests.process import ServerProcess

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "accept"),
    [
        ("POST", "/graphql", "*/*"),
        ("PUT", "/graphql", "*/*"),
        ("GET", "/graphql", "text/html"),
        ("GET", "/nowhere", "*/*"),
    ],
)
def test_every_response_has_id_and_security_headers(
    client: Client, method: str, path: str, accept: str
) -> None:
    url = client.url.replace("/graphql", path)

    headers = client.http.request(method, url, headers={"Accept": accept}).headers

    assert re.fullmatch(r"[0-9a-f]{16}", headers["x-request-id"])
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "base-uri 'none'" in headers["content-security-policy"]
    assert "server" not in headers


@pytest.mark.parametrize(
    "path",
    ["/graphql/", "//graphql", "/graphql%0A", "/GraphQL", "/graphql;x", "/"],
)
def test_similar_path_is_a_404(client: Client, path: str) -> None:
    url = httpx.URL(client.url).copy_with(raw_path=path.encode())

    response = client.http.post(url, json={"query": "{ __typename }"})

    assert response.status_code == 404
    assert code(response.json()) == "BAD_REQUEST"
    (error,) = response.json()["errors"]
    assert error["message"].endswith("by POST to the path that ends in /graphql.")


def test_percent_encoded_path_is_decoded(client: Client) -> None:
    response = client.http.post(
        client.url.replace("/graphql", "/%67raphql"), json={"query": "{ __typename }"}
    )

    assert response.json() == {"data": {"__typename": "Query"}}


def test_first_valid_request_id_is_kept(client: Client) -> None:
    ids = [(b"X-Request-Id", given) for given in (b"a b", b"second", b"third")]

    assert client.http.get(client.url, headers=ids).headers["x-request-id"] == "second"


def test_json_has_a_strict_content_security_policy(client: Client) -> None:
    headers = client.http.post(client.url, json={"query": WELCOME}).headers

    assert "default-src 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize("given", ["abc", "A-1.2_3", "x" * 64])
def test_valid_request_id_is_kept(client: Client, given: str) -> None:
    headers = client.http.get(client.url, headers={"X-Request-Id": given}).headers

    assert headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", "<script>", "a,b", "\u00fc"])
def test_unsafe_request_id_is_replaced(client: Client, given: str) -> None:
    headers = client.http.get(
        client.url, headers=[(b"X-Request-Id", given.encode("latin-1"))]
    ).headers

    assert re.fullmatch(r"[0-9a-f]{16}", headers["x-request-id"])


def test_body_above_max_body_size_is_a_413(client: Client) -> None:
    body = b'{"query": "{ __typename }"}'

    longest = client.http.post(client.url, content=body.ljust(131_072), headers=JSON)
    longer = client.http.post(client.url, content=body.ljust(131_073), headers=JSON)

    assert longest.json() == {"data": {"__typename": "Query"}}
    assert longer.status_code == 413
    assert longer.headers["connection"] == "close"
    assert code(longer.json()) == "BAD_REQUEST"


def test_endless_body_is_a_413_before_its_end(shared_server: ServerProcess) -> None:
    address = urlsplit(shared_server.url)
    head = (
        "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        # It may be answered, and the connection closed, before all of it is sent.
        with contextlib.suppress(ConnectionError):
            connection.sendall(head.encode())
            for _ in range(3):
                connection.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")

        assert b" 413 " in connection.recv(100)


@pytest.mark.anyio
async def test_middleware_passes_lifespan_through() -> None:
    scopes: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        scopes.append(scope["type"])

    async def unused(*_: object) -> NoReturn:
        raise AssertionError

    await SecurityHeadersMiddleware(app)({"type": "lifespan"}, unused, unused)

    assert scopes == ["lifespan"]
