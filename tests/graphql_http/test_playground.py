import gzip
import re
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from graphql_auth.graphql_http.playground import Playground
from tests.client import Client, code

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGE = '<!doctype html><script nonce="CSP_NONCE" src="/graphql/assets/index-1.js"></script>'
SCRIPT = "console.log(1);" * 100


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A build of a page with one script, and a font that is not worth compressing."""
    assets = tmp_path / "static" / "assets"
    assets.mkdir(parents=True)
    (assets.parent / "index.html").write_text(PAGE)
    (assets / "index-1.js").write_text(SCRIPT)
    (assets / "index-1.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (assets / "icons-1.ttf").write_bytes(b"font")
    return assets.parent


async def get(build: Path, name: str, *, encoding: str = "gzip, br") -> httpx.Response:
    app = Starlette(routes=[Route("/{name}", Playground(build).asset)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(f"/{name}", headers={"Accept-Encoding": encoding})


def directives(policy: str) -> dict[str, list[str]]:
    return {name: values for name, *values in map(str.split, policy.split(";"))}


def test_browser_gets_playground(client: Client) -> None:
    response = client.http.get(client.url, headers=BROWSER)

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert "graphql-auth" in response.text


def test_script_needs_nonce_of_its_response(build: Path) -> None:
    playground = Playground(build)

    answers = [playground.page() for _ in range(2)]

    nonces = []
    for answer in answers:
        policy = directives(answer.headers["content-security-policy"])
        (nonce,) = re.findall(rb'<script nonce="([\w-]{22})"', bytes(answer.body))
        assert policy["script-src"] == [f"'nonce-{nonce.decode()}'", "'strict-dynamic'"]
        assert policy["connect-src"] == ["'self'"]
        for nothing in ("default-src", "object-src", "base-uri", "form-action", "frame-ancestors"):
            assert policy[nothing] == ["'none'"]
        nonces.append(nonce)
    assert nonces[0] != nonces[1]


def test_page_without_build_says_how_to_build(tmp_path: Path) -> None:
    playground = Playground(tmp_path)

    page = bytes(playground.page().body).decode()

    assert not playground.is_built
    assert "Node.js" in page
    assert "make serve" in page
    assert "<script" not in page


@pytest.mark.anyio
async def test_asset_is_compressed_and_immutable(build: Path) -> None:
    response = await get(build, "index-1.js", encoding="br;q=0, GZIP;q=0.5")

    assert response.text == SCRIPT
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.anyio
@pytest.mark.parametrize("encoding", ["*", "br, *;q=0.1"])
async def test_asset_is_compressed_for_any_coding(build: Path, encoding: str) -> None:
    response = await get(build, "index-1.js", encoding=encoding)

    assert response.headers["content-encoding"] == "gzip"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "encoding", "content"),
    [
        ("index-1.js", "identity", SCRIPT),
        ("index-1.js", "gzip;q=0, identity", SCRIPT),
        ("index-1.js", "gzip;q=0, *", SCRIPT),
        ("index-1.js", "br, gzip; q=0.0", SCRIPT),
        ("icons-1.ttf", "gzip", "font"),
    ],
)
async def test_asset_is_plain_without_gzip_in_client_or_build(
    build: Path, name: str, encoding: str, content: str
) -> None:
    response = await get(build, name, encoding=encoding)

    assert response.text == content
    assert "content-encoding" not in response.headers
    assert response.headers["vary"] == "Accept-Encoding"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "name", ["index-2.js", "..%2Findex.html", "%2e%2e", "index-1.js.gz", "%00", "index.html"]
)
async def test_only_assets_of_the_build_are_served(build: Path, name: str) -> None:
    assert (await get(build, name)).status_code == 404


@pytest.mark.anyio
async def test_removed_asset_is_not_found(build: Path) -> None:
    app = Starlette(routes=[Route("/{name}", Playground(build).asset)])
    (build / "assets" / "icons-1.ttf").unlink()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        assert (await client.get("/icons-1.ttf")).status_code == 404


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_asset_has_error_code(client: Client, method: str) -> None:
    response = client.http.request(method, f"{client.url}/assets/none.js")

    assert response.status_code == 404
    assert code(response.json()) == "BAD_REQUEST"
