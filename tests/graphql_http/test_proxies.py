from ipaddress import ip_network
from typing import Any

import pytest
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
    ],
)
async def test_forged_forwarded_for_is_ignored(forwarded_for: list[str]) -> None:
    assert (await seen("10.1.2.3", *forwarded_for))[0] == "203.0.113.9"


@pytest.mark.anyio
async def test_forwarded_proto_that_is_no_scheme_is_ignored() -> None:
    assert (await seen("10.1.2.3", "203.0.113.9", proto="gopher"))[1] == "http"


@pytest.mark.parametrize(("trusted", "expected"), [("10.0.0.0/8, 127.0.0.1", 1), ("", 0)])
def test_trusted_proxies_setting_adds_the_middleware(
    trusted: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", trusted)
    app = create_app(read_settings(mongo_uri="mongodb://localhost", token_key=KEY))

    assert [repr(part.cls) for part in app.user_middleware].count(
        repr(TrustedProxyMiddleware)
    ) == expected
