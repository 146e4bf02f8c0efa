import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from graphql_auth.app import create_app
from graphql_auth.environment import read_settings
from graphql_auth.errors import StartError, Unavailable
from graphql_auth.graphql_http.endpoint import EndpointConfig
from graphql_auth.graphql_http.limits import Limits
from graphql_auth.mongo.collections import Database
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.settings import Settings
from graphql_auth.tokens.published_keys import JWKS_PATH
from tests.client import REGISTER, WELCOME, Client, code, extensions, registration
from tests.commands import Commands
from tests.conftest import KEY, Start
from tests.process import ServerProcess


@pytest.fixture(scope="module")
def strict(start_shared: Start) -> ServerProcess:
    """A server with every setting of the edge at an extreme."""
    return start_shared(
        TOKEN_SOURCES="query,body",
        INTROSPECTION="off",
        MAX_BODY_SIZE="2000",
        MAX_QUERY_TOKENS="50",
        MAX_QUERY_DEPTH="1",
        MAX_QUERY_FIELDS="1",
    )


def test_application_needs_database_and_key() -> None:
    with pytest.raises(ValueError, match="MONGO_URI and TOKEN_KEY"):
        create_app(Settings(mongo_uri=None, token_key=None))


def test_create_app_starts_no_thread() -> None:
    threads = threading.active_count()

    create_app(read_settings(mongo_uri="mongodb://127.0.0.1:1", token_key=KEY))

    assert threading.active_count() == threads


@pytest.mark.anyio
async def test_application_can_be_started_twice(database_uri: str) -> None:
    settings = read_settings(
        mongo_uri=database_uri,
        token_key=KEY,
        bcrypt_rounds=4,
        breached_passwords="http://127.0.0.1:1",
    )
    app = create_app(settings)
    for _ in range(2):
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            body = {"query": REGISTER, "variables": {"input": registration()}}
            answer = await client.post("/graphql", json=body)
            assert "errors" not in answer.json()


@pytest.mark.anyio
@pytest.mark.parametrize("is_mounted", [True, False], ids=["Mount", "root_path"])
async def test_application_works_under_a_prefix(database_uri: str, *, is_mounted: bool) -> None:
    app = create_app(read_settings(mongo_uri=database_uri, token_key=KEY, bcrypt_rounds=4))
    outer = Starlette(routes=[Mount("/a/b", app)]) if is_mounted else app
    transport = httpx.ASGITransport(outer, root_path="" if is_mounted else "/a/b")
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test/a/b/") as client,
    ):
        body = {"query": REGISTER, "variables": {"input": registration()}}
        assert "errors" not in (await client.post("graphql", json=body)).json()
        page = await client.get("graphql", headers={"Accept": "text/html"})
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        for path in ("graphql/", "graphql%0A", "graphql/assets/none.js", "x"):
            assert code((await client.post(path, json=body)).json()) == "BAD_REQUEST"


@pytest.mark.anyio
async def test_guarded_read_sends_no_database_command(
    database_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = Commands()
    commands.listen(monkeypatch)
    app = create_app(read_settings(mongo_uri=database_uri, token_key=KEY, bcrypt_rounds=4))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        asked = {"query": REGISTER, "variables": {"input": registration()}}
        answer = await client.post("/graphql", json=asked)
        assert "insert" in commands.seen
        commands.seen.clear()

        headers = {"Authorization": f"Bearer {answer.json()['data']['register']['token']}"}
        for _ in range(1_000):
            answer = await client.post("/graphql", json={"query": WELCOME}, headers=headers)
            assert "errors" not in answer.json()

    assert [name for name in commands.seen if name != "endSessions"] == []


@pytest.mark.anyio
async def test_sessions_that_version_0_3_0_ends_are_revoked(
    database_uri: str, database: Database
) -> None:
    """Before the first request for those of before the start; later, within a second."""
    settings = read_settings(mongo_uri=database_uri, token_key=KEY, bcrypt_rounds=4)
    tokens = []

    @asynccontextmanager
    async def run() -> AsyncIterator[Callable[..., Awaitable[dict[str, Any]]]]:
        app = create_app(settings)

        async def ask(query: str, token: str = "", **variables: Any) -> dict[str, Any]:
            body = {"query": query, "variables": variables}
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            answer = await client.post("/graphql", json=body, headers=headers)
            found: dict[str, Any] = answer.json()
            return found

        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            yield ask

    async def end_one() -> None:
        end = [{"$set": {"ended_at": "$$NOW", "expires_at": "$access_until"}}]
        live = {"ended_at": {"$exists": False}}
        result = await database["graphql_auth_sessions"].update_one(live, end)
        assert result.modified_count == 1

    async with run() as ask:
        for _ in range(2):
            answer = await ask(REGISTER, input=registration())
            tokens.append(answer["data"]["register"]["token"])
    await end_one()
    async with run() as ask:
        assert extensions(await ask(WELCOME, tokens[0]))["reason"] == "TOKEN_REVOKED"
        assert "errors" not in await ask(WELCOME, tokens[1])
        await end_one()
        async with asyncio.timeout(30):
            while "errors" not in (answer := await ask(WELCOME, tokens[1])):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert extensions(answer)["reason"] == "TOKEN_REVOKED"


@pytest.mark.anyio
@pytest.mark.parametrize("is_database_checked", [False, True])
async def test_start_waits_for_the_first_revocation_poll(
    database_uri: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    is_database_checked: bool,
) -> None:
    ask, asked = SessionRepository.now, 0

    async def gone_at_first(sessions: SessionRepository) -> datetime:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise Unavailable
        return await ask(sessions)

    monkeypatch.setattr(SessionRepository, "now", gone_at_first)
    monkeypatch.setattr("graphql_auth.app.SECONDS_BETWEEN_TRIES", 0.01)
    settings = read_settings(mongo_uri=database_uri, token_key=KEY)
    app = create_app(settings, is_database_checked=is_database_checked)

    async with app.router.lifespan_context(app):
        assert asked >= 3

    assert caplog.text.count("no request is served until MongoDB answers") == 1


@pytest.mark.anyio
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
async def test_cancelled_start_does_not_wait_for_the_database() -> None:
    settings = read_settings(mongo_uri="mongodb://127.0.0.1:1", token_key=KEY)
    app = create_app(settings, is_database_checked=True)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), app.router.lifespan_context(app):
            pass
    # PyMongo leaves the socket of a cancelled connection to the garbage collector.
    gc.collect()


def test_application_can_start_outside_the_main_thread(database_uri: str) -> None:
    app = create_app(read_settings(mongo_uri=database_uri, token_key=KEY))

    async def start() -> None:
        async with app.router.lifespan_context(app):
            pass

    with ThreadPoolExecutor() as pool:
        pool.submit(asyncio.run, start()).result()


@pytest.mark.anyio
async def test_database_that_refuses_writes_stops_the_start(
    database_uri: str, database: Database
) -> None:
    await database.create_collection("graphql_auth_meta", validator={"never": True})
    app = create_app(read_settings(mongo_uri=database_uri, token_key=KEY))

    refusal = rf"on {database.name}\.graphql_auth_meta: Document failed validation \(121\)\.$"
    with pytest.raises(StartError, match=refusal):
        async with app.router.lifespan_context(app):
            pass


PASSING = {
    "tokens": "{ viewer { " + "id " * 50 + "} }",
    "depth": "{ viewer { id } }",
    "fields": "{ welcome viewer }",
}


def test_defaults_of_settings_are_those_of_the_parts() -> None:
    settings, limits, policy = Settings(), Limits(), EndpointConfig()

    for name in ("tokens", "depth", "fields"):
        assert getattr(settings, f"max_query_{name}") == getattr(limits, name)
    assert settings.introspection == policy.introspection
    assert settings.max_body_size == policy.max_body_size
    assert settings.request_read_timeout.total_seconds() == policy.request_read_timeout
    assert settings.request_timeout.total_seconds() == policy.request_timeout
    assert settings.max_concurrent_requests == policy.max_concurrent_requests


def test_settings_of_the_endpoint_take_effect(strict: ServerProcess) -> None:
    with Client(strict.url) as client:
        assert client.ask("{ __schema { description } }")["errors"]
        hinted = client.ask("{ welcom }")["errors"][0]["message"]
        assert "Did you mean" not in hinted

        long_body = client.http.post(client.url, json={"query": "{ welcome }", "x": "x" * 2000})
        assert long_body.status_code == 413

        assert code(client.ask(WELCOME, token="garbled")) == "UNAUTHENTICATED"
        assert extensions(client.ask(WELCOME, token="x"))["reason"] == "TOKEN_MISSING"
        by_query = client.http.post(
            client.url, params={"token": "x"}, json={"query": WELCOME, "token": "x"}
        )
        assert extensions(by_query.json())["reason"] == "TOKEN_INVALID"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("accept", ["text/html", "text/html,*/*;q=0.8", "text/html;q=0.1"])
def test_browser_gets_an_error_without_playground(
    strict: ServerProcess, method: str, accept: str
) -> None:
    with Client(strict.url) as client:
        response = client.http.request(method, strict.url, headers={"Accept": accept})

    assert response.status_code == 400
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    if method == "GET":
        assert code(response.json()) == "BAD_REQUEST"
        assert "playground is switched off" in response.json()["errors"][0]["message"]


def test_banner_names_no_playground_that_is_switched_off(strict: ServerProcess) -> None:
    assert "playground" not in strict.output


@pytest.mark.parametrize("playground", [True, False])
def test_assets_and_root_are_served_only_with_the_playground(*, playground: bool) -> None:
    settings = read_settings(mongo_uri="mongodb://localhost", token_key=KEY, playground=playground)

    paths = [route.path for route in create_app(settings).routes if isinstance(route, Route)]

    of_playground = ["/graphql/assets/{name}", "/"] if playground else []
    assert paths == ["/graphql", *of_playground, "/livez", "/readyz", JWKS_PATH]


@pytest.mark.parametrize("limit", PASSING)
def test_configured_limit_is_reported(strict: ServerProcess, limit: str) -> None:
    with Client(strict.url) as client:
        told = extensions(client.ask(PASSING[limit]))

    assert told["code"] == "QUERY_TOO_COMPLEX"
    assert told["limit"] == limit
    assert told["allowed"] == (50 if limit == "tokens" else 1)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"registration": "confirmed"}, "REGISTRATION=confirmed"),
        ({"email_confirmation": "required"}, "EMAIL_CONFIRMATION=required"),
        ({"sign_in_links": True}, "SIGN_IN_LINKS=on"),
        ({"mail_from": "a@example.com"}, "MAIL_FROM"),
        ({"mail_templates": "templates"}, "MAIL_TEMPLATES"),
        ({}, ""),
    ],
)
@pytest.mark.anyio
async def test_setting_that_needs_mail_is_named_where_there_is_none(
    settings: dict[str, object], named: str, database_uri: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(read_settings(mongo_uri=database_uri, token_key=KEY, **settings))
    async with app.router.lifespan_context(app):
        pass

    needs = f"{named} needs mail: set SMTP_URL, or for development --dev"
    assert caplog.messages == ([needs] if named else [])


@pytest.mark.parametrize(
    ("network", "is_named"),
    [("0.0.0.0/0", True), ("::/0", True), ("10.0.0.0/8", False), ("0.0.0.0", False)],
)
@pytest.mark.anyio
async def test_trust_in_every_client_is_a_warning(
    network: str, database_uri: str, caplog: pytest.LogCaptureFixture, *, is_named: bool
) -> None:
    app = create_app(
        read_settings(mongo_uri=database_uri, token_key=KEY, trusted_proxies=f"{network},10.1.2.3")
    )
    async with app.router.lifespan_context(app):
        pass

    warning = (
        f"TRUSTED_PROXIES has {network}: each client can forge its IP address (X-Forwarded-For) and"
        " so pass the rate limits; list only your proxies"
    )
    assert caplog.messages == is_named * [warning]
