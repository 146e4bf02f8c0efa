from ipaddress import ip_network
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from graphql_auth.graphql_http.proxies import TrustedProxyMiddleware
from tests.client import WELCOME, Client
from tests.conftest import Start

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("192.0.2.7/32"), ip_network("fd00::/8")]


async def seen(peer: str, *forwarded_for: str, proto: str = "https") -> tuple[str, str]:
    """Return the client and the scheme that the application sees."""
    found: dict[str, Any] = {}

    async def application(scope: Scope, _receive: Receive, _send: Send) -> None:
        found.update(scope)

    scope = {
        "type": "http",
        "scheme": "http",
        "client": (peer, 1234),
        "headers": [
            *((b"x-forwarded-for", value.encode("latin-1")) for value in forwarded_for),
            (b"x-forwarded-proto", proto.encode()),
        ],
    }
    await TrustedProxyMiddleware(application, TRUSTED)(scope, None, None)  # type: ignore[arg-type]
    return found["client"][0], found["scheme"]


@pytest.mark.anyio
@pytest.mark.parametrize("peer", ["10.1.2.3", "192.0.2.7", "fd00::1", "::ffff:10.1.2.3"])
async def test_forwarded_headers_of_trusted_proxy_are_used(peer: str) -> None:
    assert await seen(peer, "203.0.113.9") == ("203.0.113.9", "https")


@pytest.mark.anyio
@pytest.mark.parametrize("peer", ["127.0.0.1", "192.0.2.8", "11.0.0.1", "fe80::1"])
async def test_forwarded_headers_of_others_are_ignored(peer: str) -> None:
    assert await seen(peer, "203.0.113.9") == (peer, "http")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "forwarded_for",
    [
        ["203.0.113.9"],
        ["198.51.100.1, 203.0.113.9"],
        ["198.51.100.1", "203.0.113.9"],
        ["10.9.9.9, 203.0.113.9, 10.0.0.2"],
        ["<script>, 203.0.113.9:5678"],
        ["198.51.100.1, 203.0.113.9, , 10.0.0.2,"],
        ["203.0.113.9", ""],
    ],
)
async def test_forged_forwarded_for_is_ignored(forwarded_for: list[str]) -> None:
    assert (await seen("10.1.2.3", *forwarded_for))[0] == "203.0.113.9"


@pytest.mark.anyio
async def test_forwarded_proto_that_is_no_scheme_is_ignored() -> None:
    assert (await seen("10.1.2.3", "203.0.113.9", proto="gopher"))[1] == "http"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ({}, ("http", "127.0.0.1:4001")),
        ({"host": ["Auth.Example.com:8443"]}, ("http", "auth.example.com:8443")),
        ({"host": [" "], "proto": [""]}, ("http", "127.0.0.1:4001")),
        # A list to which the trusted proxy has added what it received.
        ({"host": ["evil.example, auth.example.com"]}, ("http", "auth.example.com")),
        ({"host": ["evil.example", "auth.example.com"]}, ("http", "auth.example.com")),
        ({"proto": ["https,http"]}, ("http", "127.0.0.1:4001")),
        # Two trusted proxies, of which the outer one has received the request of the browser.
        (
            {
                "for": ["198.51.100.1, 203.0.113.9, 10.0.0.2"],
                "host": ["evil.example, auth.example.com, 10.0.0.3:8080"],
                "proto": ["http, https", "http"],
            },
            ("https", "auth.example.com"),
        ),
        # Only the outer one sets them.
        (
            {"for": ["203.0.113.9, 10.0.0.2"], "host": ["auth.example.com"], "proto": ["HTTPS"]},
            ("https", "auth.example.com"),
        ),
    ],
)
async def test_forwarded_host_and_proto_are_those_of_first_trusted_proxy(
    lines: dict[str, list[str]], expected: tuple[str, str]
) -> None:
    assert await seen_url("10.1.2.3", lines) == expected
    assert await seen_url("192.0.2.8", lines) == ("http", "127.0.0.1:4001")


async def seen_url(peer: str, lines: dict[str, list[str]]) -> tuple[str, str]:
    """Return the scheme and the host that the application sees."""
    found: list[Request] = []

    async def application(scope: Scope, _receive: Receive, _send: Send) -> None:
        found.append(Request(scope))

    headers = [
        (f"x-forwarded-{name}".encode(), value.encode())
        for name, values in lines.items()
        for value in values
    ]
    scope = {
        "type": "http",
        "scheme": "http",
        "client": (peer, 1234),
        "path": "/",
        "headers": [(b"host", b"127.0.0.1:4001"), *headers],
    }
    await TrustedProxyMiddleware(application, TRUSTED)(scope, None, None)  # type: ignore[arg-type]
    (request,) = found
    assert request.headers.getlist("host") == [request.headers["host"]]
    return request.url.scheme, request.headers["host"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("peer", "forwarded_for", "is_logged"),
    [
        *(("127.0.0.1", "203.0.113.9", True), ("::1", "203.0.113.9", True)),
        *(("172.17.0.1", "203.0.113.9", True), ("192.168.1.5", "10.1.2.3", True)),
        *(("100.64.0.1", "203.0.113.9", True), ("fe80::1", "2001:db8::9", True)),
        *(("::ffff:172.17.0.1", "203.0.113.9", True), ("127.0.0.1", "203.0.113.9:5678", True)),
        *(("127.0.0.1", "127.0.0.1, 203.0.113.9", True), ("127.0.0.1", "unknown", True)),
        # Any client of the internet can send the header.
        *(("8.8.8.8", "203.0.113.9", False), ("::ffff:8.8.8.8", "203.0.113.9", False)),
        *(("2606:4700::1", "203.0.113.9", False), ("testclient", "203.0.113.9", False)),
        # A trusted proxy.
        *(("10.1.2.3", "192.168.1.5", False), ("fd00::1", "203.0.113.9", False)),
        # A frontend's development server.
        *(("127.0.0.1", "127.0.0.1", False), ("127.0.0.1", "::1", False)),
        ("127.0.0.1", "::ffff:127.0.0.1", False),
        # The ASGI server has read the header.
        ("192.168.1.5", "192.168.1.5", False),
        *(("127.0.0.1", "", False), ("127.0.0.1", " , ", False)),
    ],
)
async def test_proxy_in_own_network_that_is_not_trusted_is_logged(
    peer: str, forwarded_for: str, caplog: pytest.LogCaptureFixture, *, is_logged: bool
) -> None:
    await seen(peer, forwarded_for)

    lines = [record.getMessage() for record in caplog.records]
    assert [line.startswith(f"TRUSTED_PROXIES does not have {peer}, ") for line in lines] == (
        [True] * is_logged
    )


def test_server_names_setting_for_unknown_proxy_once(start: Start) -> None:
    server = start()

    with Client(server.url) as client:
        for number in range(3):
            client.ask(WELCOME, headers={"X-Forwarded-For": f"203.0.113.{number}"})

    assert server.output.count("WARNING graphql_auth.graphql_http.proxies: ") == 1
    assert "does not have 127.0.0.1, which sends X-Forwarded-For: so all clients" in server.output
    assert "share its IP address and one rate limit" in server.output


def test_trusted_proxy_names_client(start: Start) -> None:
    server = start(TRUSTED_PROXIES="10.0.0.0/8, 127.0.0.1")

    with Client(server.url) as client:
        client.http.headers["X-Forwarded-For"] = "203.0.113.9"
        client.token()

    assert "address=203.0.113.9" in server.output
    assert "TRUSTED_PROXIES" not in server.output
