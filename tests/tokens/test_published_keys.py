from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from graphql_auth.app import create_app
from graphql_auth.settings import Settings
from graphql_auth.tokens.key_files import create_key
from graphql_auth.tokens.key_ring import SECONDS_BEFORE_SIGNING, SECONDS_BETWEEN_READS
from graphql_auth.tokens.published_keys import JWKS_PATH, MAX_AGE, METADATA_PATH
from tests.client import Client, code
from tests.conftest import Start

pytestmark = pytest.mark.anyio
ISSUER = "https://auth.example.com"
Ask = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    keys = tmp_path / "keys"
    for algorithm in ("ES256", "EdDSA", "RS256"):
        create_key(keys, algorithm)
    return keys


@pytest.fixture
def ask(keys: Path) -> Ask:
    """Ask a server without a database."""

    async def ask(
        method: str = "GET",
        path: str = JWKS_PATH,
        settings: Any = (),
        headers: Any = (),
        **named: str,
    ) -> httpx.Response:
        values = {"mongo_uri": "mongodb://127.0.0.1:1", "token_key": "k" * 32} | {
            "signing_keys": keys,
            "issuer": ISSUER,
            "allowed_origins": "https://app.example.com",
            **dict(settings),
        }
        app = create_app(Settings.model_validate(values))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            more = [(name.replace("_", "-"), value) for name, value in named.items()]
            return await client.request(method, path, headers=[*headers, *more])

    return ask


async def test_keys_are_public_and_can_be_cached(ask: Ask) -> None:
    """RFC 7517 sections 5 and 8.5."""
    answer = await ask()

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert answer.headers["cache-control"] == f"public, max-age={MAX_AGE}"
    assert answer.headers["access-control-allow-origin"] == "*"
    found = answer.json()["keys"]
    assert {jwk["alg"] for jwk in found} == {"ES256", "EdDSA", "RS256"}
    # RFC 7518 section 6: d, p, q, dp, dq, qi, oth and k are private.
    assert set().union(*found) == {"alg", "crv", "e", "kid", "kty", "n", "use", "x", "y"}


async def test_unchanged_keys_are_not_sent_again(ask: Ask) -> None:
    etag = (await ask()).headers["etag"]

    for value in (etag, f'"x", W/{etag}', f'{etag},"x"', "*"):
        answer = await ask(if_none_match=value)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
    for value in ('"x"', '"*"', etag.strip('"')):
        assert (await ask(if_none_match=value)).status_code == 200


async def test_lines_of_if_none_match_are_one_list(ask: Ask) -> None:
    """RFC 9110 section 5.3."""
    etag = (await ask()).headers["etag"]

    answer = await ask(headers=[("If-None-Match", '"x"'), ("If-None-Match", etag)])

    assert answer.status_code == 304


def test_304_leaves_the_connection_open(start_shared: Start, keys: Path) -> None:
    with Client(start_shared(SIGNING_KEYS=str(keys)).url) as client:
        url = client.url.replace("/graphql", JWKS_PATH)
        for method in ("GET", "HEAD"):
            answer = client.http.request(method, url, headers={"If-None-Match": "*"})
            assert answer.status_code == 304
        assert client.ask("{ __typename }") == {"data": {"__typename": "Query"}}


async def test_head_and_options(ask: Ask) -> None:
    head, full = await ask("HEAD"), await ask()
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == full.headers["etag"]

    for value in ('"x"', "*"):
        options = await ask("OPTIONS", if_none_match=value)
        assert (options.status_code, options.content) == (200, b"")
        assert options.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("path", [JWKS_PATH, METADATA_PATH])
@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH"])
async def test_other_methods_are_not_allowed(ask: Ask, method: str, path: str) -> None:
    """RFC 9110 section 15.5.6."""
    refused = await ask(method, path)

    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert code(refused.json()) == "BAD_REQUEST"


@pytest.mark.parametrize("path", [JWKS_PATH, METADATA_PATH, "/livez", "/readyz", "/"])
async def test_newline_belongs_to_a_path(ask: Ask, path: str) -> None:
    assert (await ask(path=f"{path}%0A", accept="text/html")).status_code == 404


@pytest.mark.parametrize("origin", ["https://app.example.com", "https://other.example", "null"])
async def test_pages_of_any_origin_may_read_the_keys(ask: Ask, origin: str) -> None:
    answer = await ask(origin=origin)

    (allowed,) = answer.headers.get_list("access-control-allow-origin")
    assert allowed in {"*", origin}


async def test_pages_that_read_the_keys_are_not_logged(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    for path in (JWKS_PATH, METADATA_PATH):
        await ask(path=path, origin="https://reader.example")
    assert "ORIGIN_NOT_ALLOWED" not in caplog.text

    await ask(path="/graphql", origin="https://reader.example")
    assert "ORIGIN_NOT_ALLOWED" in caplog.text


@pytest.mark.parametrize("path", [JWKS_PATH, METADATA_PATH])
async def test_without_key_pairs_nothing_is_published(ask: Ask, path: str, tmp_path: Path) -> None:
    (empty := tmp_path / "empty").mkdir()

    for directory in (None, empty):
        answer = await ask(path=path, settings={"signing_keys": directory})
        assert answer.status_code == 404
        assert "no-store" in answer.headers["cache-control"]
        assert "SIGNING_KEYS" in answer.json()["errors"][0]["message"]


async def test_metadata_says_what_is_true(ask: Ask) -> None:
    """RFC 8414 section 2: the default of grant_types_supported would not be true."""
    answer = await ask(path=METADATA_PATH)

    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "issuer": ISSUER,
        "jwks_uri": ISSUER + JWKS_PATH,
        "response_types_supported": [],
        "grant_types_supported": [],
    }
    slash = await ask(path=METADATA_PATH, settings={"issuer": f"{ISSUER}/"})
    assert (slash.json()["issuer"], slash.json()["jwks_uri"]) == (f"{ISSUER}/", ISSUER + JWKS_PATH)
    upper = await ask(path=METADATA_PATH, settings={"issuer": "HTTPS://A"})
    assert (upper.json()["issuer"], upper.json()["jwks_uri"]) == (
        "HTTPS://A",
        f"HTTPS://A{JWKS_PATH}",
    )


@pytest.mark.parametrize(
    "issuer",
    ["graphql-auth", "http://a.example", f"{ISSUER}/x", "urn:a:b"],
)
async def test_metadata_needs_an_https_issuer_without_a_path(ask: Ask, issuer: str) -> None:
    """RFC 8414 section 2, and section 3.1 for a path."""
    assert (await ask(path=METADATA_PATH, settings={"issuer": issuer})).status_code == 404


def test_caches_expire_before_a_new_key_signs() -> None:
    """A server reads the directory, a cache keeps the answer, and a verifier polls as often."""
    assert SECONDS_BETWEEN_READS + 3 * MAX_AGE < SECONDS_BEFORE_SIGNING
