"""The routes of GraphQLAuth in the application of a host."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import httpx
import jwt
import pytest
import strawberry
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount, Router
from starlette.types import Message, Receive, Scope, Send

from graphql_auth import (
    GraphQLAuth,
    Info,
    Principal,
    Query,
    Settings,
)
from graphql_auth.tokens.key_files import create_key
from graphql_auth.tokens.published_keys import JWKS_PATH, METADATA_PATH
from tests.client import REGISTER as REGISTER_USER
from tests.client import code, registration
from tests.library import shop
from tests.library.caller import running

pytestmark = pytest.mark.anyio


async def test_route_of_the_application_knows_the_caller(settings: Settings) -> None:
    app = FastAPI()
    auth = shop.create_auth(settings=settings)
    auth.mount(app)
    app.get("/me")(_subject_of(auth))
    async with running(auth, app) as caller:
        token = await caller.register()
        answers = [
            await caller.http.get("http://test/me", headers=headers)
            for headers in (
                {},
                {"Authorization": "Bearer x"},
                {"Authorization": f"Bearer {token}"},
            )
        ]
        await caller.ask("mutation { logout }", token)
        later = await caller.http.get("http://test/me", headers={"X-Access-Token": token})
        other = await caller.register()
        # As in an outage of the database.
        auth._app().state.services.sessions.revocations._max_staleness = -1  # noqa: SLF001
        unknown = await caller.http.get(
            "http://test/me", headers={"Authorization": f"Bearer {other}"}
        )

    assert [answer.status_code for answer in answers] == [401, 401, 200]
    # RFC 6750 section 3: no error code without a token, but at least one parameter.
    assert answers[0].headers["www-authenticate"] == 'Bearer realm="graphql-auth"'
    for refused in (answers[1], later):
        assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert later.status_code == 401
    assert (unknown.status_code, unknown.headers["retry-after"]) == (503, "1")


async def test_websocket_of_the_application_knows_the_caller(settings: Settings) -> None:
    app = FastAPI()
    auth = shop.create_auth(settings=settings)
    auth.mount(app)

    @app.websocket("/me")
    async def me(
        socket: WebSocket, principal: Annotated[Principal, Depends(auth.principal)]
    ) -> None:
        await socket.accept()
        await socket.send_text(principal.subject)

    async with running(auth, app) as caller:
        token = await caller.register()
        accepted, text = await _connect(app, [(b"authorization", f"Bearer {token}".encode())])
        refused, *_ = await _connect(app, [])

    assert accepted["type"] == "websocket.accept"
    assert text["text"] == jwt.decode(token, options={"verify_signature": False})["sub"]
    assert (refused["type"], refused["status"]) == ("websocket.http.response.start", 401)
    assert dict(refused["headers"])[b"www-authenticate"] == b'Bearer realm="graphql-auth"'


async def _connect(app: FastAPI, headers: list[tuple[bytes, bytes]]) -> list[Message]:
    """Open a WebSocket on /me, and return what the application sends."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    extensions: dict[str, Any] = {"websocket.http.response": {}}
    scope = {"type": "websocket", "path": "/me", "headers": headers, "query_string": b""}
    await app({**scope, "extensions": extensions}, receive, send)
    return sent


async def test_keys_are_published_by_the_host(settings: Settings, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    kid = create_key(keys, "ES256").jwk["kid"]
    changes = {"signing_keys": keys, "issuer": "https://auth.example.com"}
    async with running(GraphQLAuth(settings=settings.model_copy(update=changes))) as caller:
        found = await caller.http.get(f"http://test{JWKS_PATH}")
        metadata = await caller.http.get(f"http://test{METADATA_PATH}")
        answer = await caller.ask(REGISTER_USER, input=registration())
        token = answer["data"]["register"]["token"]

    assert [jwk["kid"] for jwk in found.json()["keys"]] == [kid]
    assert metadata.json()["jwks_uri"] == f"https://auth.example.com{JWKS_PATH}"
    assert jwt.get_unverified_header(token)["kid"] == kid


async def test_host_without_signing_keys_has_its_own_documents(settings: Settings) -> None:
    app = FastAPI()
    app.get(JWKS_PATH)(lambda: {"keys": ["of the host"]})
    auth = GraphQLAuth(settings=settings)
    auth.mount(app)
    async with running(auth, app) as caller:
        found = await caller.http.get(f"http://test{JWKS_PATH}")
        metadata = await caller.http.get(f"http://test{METADATA_PATH}")

    assert found.json() == {"keys": ["of the host"]}
    assert metadata.status_code == 404


def _create_host(auth: GraphQLAuth) -> FastAPI:
    """Return a host that has such documents too."""
    app = FastAPI()
    for path in (JWKS_PATH, METADATA_PATH):
        app.get(path)(lambda: "of the host")
    auth.mount(app)
    return app


@pytest.mark.parametrize(
    ("issuer", "is_ours"), [("graphql-auth", False), ("https://auth.example.com", True)]
)
async def test_host_has_its_own_metadata_unless_there_is_ours(
    settings: Settings, tmp_path: Path, issuer: str, *, is_ours: bool
) -> None:
    create_key(keys := tmp_path / "keys", "ES256")
    changes = {"signing_keys": keys, "issuer": issuer}
    auth = GraphQLAuth(settings=settings.model_copy(update=changes))
    async with running(auth, _create_host(auth)) as caller:
        metadata = await caller.http.get(f"http://test{METADATA_PATH}")
        jwks = await caller.http.get(f"http://test{JWKS_PATH}")

    assert (metadata.json() != "of the host") == is_ours
    assert [*jwks.json()] == ["keys"]


async def test_host_without_key_pairs_has_its_own_documents(
    settings: Settings, tmp_path: Path
) -> None:
    changes = {"signing_keys": tmp_path, "issuer": "https://auth.example.com"}
    auth = GraphQLAuth(settings=settings.model_copy(update=changes))
    async with running(auth, _create_host(auth)) as caller:
        for path in (JWKS_PATH, METADATA_PATH):
            assert (await caller.http.get(f"http://test{path}")).json() == "of the host"


async def test_host_without_the_lifespan_has_its_own_documents(settings: Settings) -> None:
    transport = httpx.ASGITransport(_create_host(GraphQLAuth(settings=settings)))
    async with httpx.AsyncClient(transport=transport) as client:
        for path in (JWKS_PATH, METADATA_PATH):
            assert (await client.get(f"http://test{path}")).json() == "of the host"


async def test_metadata_has_no_prefix(settings: Settings, tmp_path: Path) -> None:
    """RFC 8414 section 3: nobody looks for it there, and its jwks_uri would not be true."""
    create_key(keys := tmp_path / "keys", "ES256")
    changes = {"signing_keys": keys, "issuer": "https://auth.example.com"}
    auth = GraphQLAuth(settings=settings.model_copy(update=changes))
    app = Starlette(routes=[Mount("/auth", routes=auth.routes)])
    async with running(auth, app, "/auth/graphql") as caller:
        metadata = await caller.http.get(f"http://test/auth{METADATA_PATH}")
        jwks = await caller.http.get(f"http://test/auth{JWKS_PATH}")

    assert (metadata.status_code, code(metadata.json())) == (404, "BAD_REQUEST")
    assert [*jwks.json()] == ["keys"]


def _subject_of(auth: GraphQLAuth) -> Callable[..., Awaitable[str]]:
    async def me(principal: Annotated[Principal, Depends(auth.principal)]) -> str:
        return principal.subject

    return me


@pytest.mark.parametrize("path", ["/graphql", "/api/v1"])
async def test_application_is_served_under_a_prefix(settings: Settings, path: str) -> None:
    auth = GraphQLAuth(settings=settings, path=path)
    app = Starlette(routes=[Mount("/auth", routes=auth.routes)])
    async with running(auth, app, f"/auth{path}") as caller:
        assert (await caller.ask("{ __typename }"))["data"] == {"__typename": "Query"}
        other = await caller.http.get("http://test/auth/nothing")

    assert other.status_code == 404


def _included(auth: GraphQLAuth, *prefixes: str) -> FastAPI:
    """Return an application that includes a router, which includes a router, and so on."""
    router = APIRouter()
    router.routes[:0] = auth.routes
    for prefix in prefixes[:-1]:
        (outer := APIRouter()).include_router(router, prefix=prefix)
        router = outer
    app = FastAPI()
    app.include_router(router, prefix=prefixes[-1])
    return app


def _mounted(auth: GraphQLAuth) -> Starlette:
    return Starlette(routes=[Mount("/v1", app=_included(auth, "/api"))])


HOSTS: dict[str, tuple[Callable[[GraphQLAuth], Starlette], str]] = {
    "without a prefix": (lambda auth: _included(auth, ""), ""),
    "prefix": (lambda auth: _included(auth, "/api"), "/api"),
    "nested": (lambda auth: _included(auth, "/v1", "/api"), "/api/v1"),
    "parameter": (lambda auth: _included(auth, "/{tenant}"), "/acme"),
    "same name": (lambda auth: _included(auth, "/graphql"), "/graphql"),
    "in a Mount": (_mounted, "/v1/api"),
    "Router": (lambda auth: Starlette(routes=[Mount("/a", app=Router(auth.routes))]), "/a"),
    "application": (lambda auth: Starlette(routes=[Mount("/a", app=auth.app())]), "/a"),
}


@strawberry.type
class PrefixQuery(Query):
    @strawberry.field
    def prefix(self, info: Info) -> str:
        return str(info.context.app)


async def test_prefix_that_a_proxy_removes_is_kept(settings: Settings) -> None:
    auth = GraphQLAuth(
        settings=settings, query=PrefixQuery, context=lambda request: request.scope["root_path"]
    )
    app = auth.app()

    async def host(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "root_path": "/proxy"}, receive, send)

    async with running(auth, host) as caller:
        assert await caller.ask("{ prefix }") == {"data": {"prefix": "/proxy"}}


@pytest.mark.parametrize("host", HOSTS)
async def test_router_of_the_host_is_included_under_a_prefix(
    settings: Settings, tmp_path: Path, host: str
) -> None:
    create_key(keys := tmp_path / "keys", "ES256")
    auth = GraphQLAuth(settings=settings.model_copy(update={"signing_keys": keys}))
    create, prefix = HOSTS[host]
    async with running(auth, create(auth), f"{prefix}/graphql") as caller:
        assert await caller.ask("{ __typename }") == {"data": {"__typename": "Query"}}
        page = await caller.http.get(caller.path, headers={"Accept": "text/html"})
        asset = await caller.http.get(f"{caller.path}/assets/nothing.js")
        jwks = await caller.http.get(f"http://test{prefix}{JWKS_PATH}")
        other = await caller.http.get(f"{caller.path}%0A")

    assert page.headers["content-type"].startswith("text/html")
    assert (asset.status_code, code(asset.json())) == (404, "BAD_REQUEST")
    assert [*jwks.json()] == ["keys"]
    assert other.status_code == 404


async def test_url_of_the_host_has_no_prefix_of_ours(settings: Settings) -> None:
    def find_url(request: Request) -> dict[str, str]:
        return {"language": str(request.url_for("home"))}

    auth = shop.create_auth(find_url, settings=settings)
    app = _included(auth, "/api")
    app.get("/home", name="home")(lambda: None)
    async with running(auth, app, "/api/graphql") as caller:
        answer = await caller.ask("{ greeting }", await caller.register())

    assert answer == {"data": {"greeting": "http://test/home ada"}}
