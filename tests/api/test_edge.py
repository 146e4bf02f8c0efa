import re
import socket
from urllib.parse import urlsplit

import pytest

from tests.client import WELCOME, Client, code
from tests.conftest import Start
from tests.process import ServerProcess

FRONTEND = "http://localhost:5173"
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
def test_every_answer_has_an_id_and_careful_headers(
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


def test_an_answer_that_is_no_page_loads_nothing(client: Client) -> None:
    headers = client.http.post(client.url, json={"query": WELCOME}).headers

    assert "default-src 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize("given", ["abc", "A-1.2_3", "x" * 64])
def test_a_valid_id_is_kept(client: Client, given: str) -> None:
    headers = client.http.get(client.url, headers={"X-Request-Id": given}).headers

    assert headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\tb", "<script>", "a,b", "\u00fc"])
def test_an_id_that_could_do_harm_is_replaced(client: Client, given: str) -> None:
    headers = client.http.get(
        client.url, headers=[(b"X-Request-Id", given.encode("latin-1"))]
    ).headers

    assert re.fullmatch(r"[0-9a-f]{16}", headers["x-request-id"])


def test_a_body_of_the_longest_size_is_read_and_a_longer_one_is_not(client: Client) -> None:
    body = b'{"query": "{ __typename }"}'

    longest = client.http.post(client.url, content=body.ljust(131_072), headers=JSON)
    longer = client.http.post(client.url, content=body.ljust(131_073), headers=JSON)

    assert longest.json() == {"data": {"__typename": "Query"}}
    assert longer.status_code == 413
    assert longer.headers["connection"] == "close"
    assert code(longer.json()) == "BAD_REQUEST"


def test_an_endless_body_is_answered_before_its_end(shared_server: ServerProcess) -> None:
    address = urlsplit(shared_server.url)
    head = (
        "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(head.encode())
        for _ in range(3):
            connection.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")

        assert b" 413 " in connection.recv(100)


@pytest.fixture(scope="module")
def open_server(start_shared: Start) -> ServerProcess:
    return start_shared(ALLOWED_ORIGINS=FRONTEND)


def preflight(client: Client, origin: str, method: str = "POST") -> dict[str, str]:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return dict(client.http.options(client.url, headers=headers).headers)


def test_a_listed_origin_may_ask_with_credentials(open_server: ServerProcess) -> None:
    with Client(open_server.url) as client:
        allowed = preflight(client, FRONTEND)
        answer = client.http.post(
            client.url, json={"query": WELCOME}, headers={"Origin": FRONTEND}
        ).headers

    assert allowed["access-control-allow-origin"] == FRONTEND
    assert allowed["access-control-allow-credentials"] == "true"
    assert allowed["access-control-max-age"] == "3600"
    assert "authorization" in allowed["access-control-allow-headers"].lower()
    assert answer["access-control-allow-origin"] == FRONTEND
    assert "origin" in answer["vary"].lower()


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", f"{FRONTEND}.evil.example", "http://localhost:5174"]
)
def test_another_origin_may_not(open_server: ServerProcess, origin: str) -> None:
    with Client(open_server.url) as client:
        refused = preflight(client, origin)
        answer = client.http.post(
            client.url, json={"query": WELCOME}, headers={"Origin": origin}
        ).headers

    assert "access-control-allow-origin" not in refused
    assert "access-control-allow-origin" not in answer


def test_by_default_no_origin_may(client: Client) -> None:
    headers = preflight(client, FRONTEND)

    assert not [name for name in headers if name.startswith("access-control")]
