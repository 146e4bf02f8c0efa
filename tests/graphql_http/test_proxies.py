from ipaddress import ip_network
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from graphql_auth.app import create_app
from graphql_auth.graphql_http.proxies import TrustedProxyMiddleware
from graphql_auth.settings import read_settings
from tests.conftest import KEY

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


@pytest.mark.parametrize(("trusted", "expected"), [("10.0.0.0/8, 127.0.0.1", 1), ("", 0)])
def test_trusted_proxies_setting_adds_the_middleware(
    trusted: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", trusted)
    app = create_app(read_settings(mongo_uri="mongodb://localhost", token_key=KEY))

    assert [repr(part.cls) for part in app.user_middleware].count(
        repr(TrustedProxyMiddleware)
    ) == expected
