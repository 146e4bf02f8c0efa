import gzip
import re
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graphql_auth.graphql_http.middleware import SecurityHeadersMiddleware
from graphql_auth.graphql_http.playground import Playground
from tests.client import Client, code
from tests.conftest import Start

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGE = '<!doctype html><script nonce="CSP_NONCE" src="graphql/assets/index-1.js"></script>'
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


def serve(build: Path) -> httpx.AsyncClient:
    playground = Playground(build)

    async def page(request: Request) -> Response:
        return playground.page(request)

    app = Starlette(routes=[Route("/", page), Route("/{name}", playground.asset)])
    app.add_middleware(SecurityHeadersMiddleware)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def get(build: Path, name: str, *, encoding: str = "gzip, br") -> httpx.Response:
    async with serve(build) as client:
        return await client.get(f"/{name}", headers={"Accept-Encoding": encoding})


def directives(policy: str) -> dict[str, list[str]]:
    return {name: values for name, *values in map(str.split, policy.split(";"))}


def test_browser_gets_playground(client: Client) -> None:
    response = client.http.get(client.url, headers=BROWSER)

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert "graphql-auth" in response.text


@pytest.mark.anyio
async def test_script_needs_nonce_of_its_response(build: Path) -> None:
    answers = [await get(build, "") for _ in range(2)]

    nonces = []
    for answer in answers:
        policy = directives(answer.headers["content-security-policy"])
        (nonce,) = re.findall(r'<script nonce="([\w-]{22})"', answer.text)
        assert policy["script-src"] == [f"'nonce-{nonce}'", "'strict-dynamic'"]
        assert policy["connect-src"] == ["'self'"]
        for nothing in ("default-src", "object-src", "base-uri", "form-action", "frame-ancestors"):
            assert policy[nothing] == ["'none'"]
        nonces.append(nonce)
    assert nonces[0] != nonces[1]


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/graphql", "/auth/graphql", "/api/v1"])
async def test_page_names_assets_below_its_own_path(build: Path, path: str) -> None:
    playground = Playground(build)

    async def page(request: Request) -> Response:
        return playground.page(request)

    app = Starlette(routes=[Route(path, page), Route(f"{path}/assets/{{name}}", playground.asset)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.get(path)
        (source,) = re.findall(r'src="(.+?)"', response.text)
        script = await client.get(str(response.url.join(source)))

    assert script.text == SCRIPT


@pytest.mark.anyio
async def test_page_without_build_says_how_to_build(tmp_path: Path) -> None:
    page = (await get(tmp_path, "")).text

    assert not Playground(tmp_path).is_built
    assert "Node.js" in page
    assert "scripts/playground" in page
    # An installed wheel has no Makefile.
    assert "make" not in page
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
    "name", ["index-2.js", "..%2Findex.html", "%2e%2e", "%00", "index.html", "x" * 300]
)
async def test_only_assets_of_the_build_are_served(build: Path, name: str) -> None:
    assert (await get(build, name)).status_code == 404


@pytest.mark.anyio
async def test_removed_asset_is_not_found(build: Path) -> None:
    async with serve(build) as client:
        (build / "assets" / "icons-1.ttf").unlink()
        assert (await client.get("/icons-1.ttf")).status_code == 404


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", ["index-1.js", "icons-1.ttf"])
async def test_asset_that_the_client_has_is_a_304(build: Path, name: str, method: str) -> None:
    async with serve(build) as client:
        first = await client.request(method, f"/{name}")
        tag, time = first.headers["etag"], first.headers["last-modified"]
        for known in (
            {"If-None-Match": tag},
            {"If-None-Match": "*"},
            {"If-None-Match": f'"other", W/{tag}'},
            {"If-Modified-Since": time},
        ):
            answer = await client.request(method, f"/{name}", headers=known)

            assert (answer.status_code, answer.content) == (304, b""), known
            for kept in ("etag", "cache-control", "vary"):
                assert answer.headers[kept] == first.headers[kept]
            assert "content-type" not in answer.headers


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["index-1.js", "icons-1.ttf"])
@pytest.mark.parametrize(
    "known",
    [
        {"If-None-Match": '"other"'},
        {"If-None-Match": '"other"', "If-Modified-Since": "Fri, 31 Dec 9999 23:59:59 GMT"},
        {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"If-Modified-Since": "tomorrow"},
    ],
)
async def test_asset_that_the_client_lacks_is_a_200(
    build: Path, name: str, known: dict[str, str]
) -> None:
    async with serve(build) as client:
        assert (await client.get(f"/{name}", headers=known)).status_code == 200


@pytest.mark.anyio
async def test_other_coding_of_an_asset_is_another_version(build: Path) -> None:
    plain = await get(build, "index-1.js", encoding="identity")
    compressed = await get(build, "index-1.js")

    assert plain.headers["etag"] != compressed.headers["etag"]


@pytest.mark.anyio
@pytest.mark.parametrize("ranges", ["bytes=0-3", "bytes=x", "lines=1-2", "bytes=99999-"])
async def test_range_is_ignored(build: Path, ranges: str) -> None:
    async with serve(build) as client:
        response = await client.get("/icons-1.ttf", headers={"Range": ranges})

    assert (response.status_code, response.content) == (200, b"font")
    assert response.headers["accept-ranges"] == "none"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_browser_at_root_is_led_to_playground(client: Client, method: str) -> None:
    root = client.url.removesuffix("graphql")

    response = client.http.request(method, root, headers=BROWSER)

    # Relative, so that a prefix that a proxy removes is kept.
    assert (response.status_code, response.headers["location"]) == (307, "graphql")
    assert str(response.url.join(response.headers["location"])) == client.url


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html;q=0"])
def test_client_that_is_no_browser_gets_coded_404_at_root(client: Client, accept: str) -> None:
    root = client.url.removesuffix("graphql")

    response = client.http.get(root, headers={"Accept": accept})

    assert response.status_code == 404
    assert code(response.json()) == "BAD_REQUEST"


def test_root_leads_nowhere_without_playground(start_shared: Start) -> None:
    with Client(start_shared(PLAYGROUND="off").url) as client:
        response = client.http.get(client.url.removesuffix("graphql"), headers=BROWSER)

    assert response.status_code == 404
    assert code(response.json()) == "BAD_REQUEST"


def test_head_of_playground_has_no_body(client: Client) -> None:
    get, head = (client.http.request(m, client.url, headers=BROWSER) for m in ("GET", "HEAD"))

    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_asset_has_error_code(client: Client, method: str) -> None:
    response = client.http.request(method, f"{client.url}/assets/none.js")

    assert response.status_code == 404
    assert code(response.json()) == "BAD_REQUEST"
