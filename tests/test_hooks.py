import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth import GraphQLAuth
from graphql_auth import hooks as module
from graphql_auth.errors import StartError
from graphql_auth.hooks import Event, Hooks
from graphql_auth.users.document import UserDocument
from tests.client import REGISTER, registration
from tests.services import SETTINGS

pytestmark = pytest.mark.anyio

SECRET = "hunter2hunter2"
Database = AsyncDatabase[dict[str, Any]]


async def test_hooks_run_in_order_and_a_failure_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hooks, ran = Hooks(), []

    @hooks.on("login")
    async def fail(_event: Event) -> None:
        ran.append("fail")
        raise LookupError(SECRET)

    @hooks.on("login")
    async def be_cancelled(_event: Event) -> None:
        ran.append("be_cancelled")
        raise asyncio.CancelledError(SECRET)

    @hooks.on("login")
    async def leave(_event: Event) -> None:
        ran.append("leave")
        sys.exit(SECRET)

    @hooks.on("login")
    async def succeed(_event: Event) -> None:
        ran.append("succeed")

    await hooks.run("login", "id")

    assert ran == ["fail", "be_cancelled", "leave", "succeed"]
    first, second, _ = (record.getMessage() for record in caplog.records)
    assert first.startswith("a hook of login failed: builtins.LookupError at ")
    assert "test_hooks.py" in first
    assert "CancelledError" in second
    assert SECRET not in caplog.text
    assert "\n" not in first + second


@pytest.fixture
def slow_hooks(monkeypatch: pytest.MonkeyPatch) -> tuple[Hooks, asyncio.Event, list[str]]:
    """Hooks of `login`: the first waits for the event, and each notes that it has ended."""
    monkeypatch.setattr(module, "RESPONSE_TIMEOUT", 0.05)
    monkeypatch.setattr(module, "CLOSE_TIMEOUT", 0.05)
    hooks, can_end, ended = Hooks(), asyncio.Event(), []

    @hooks.on("login")
    async def wait(_event: Event) -> None:
        await can_end.wait()
        ended.append("wait")

    @hooks.on("login")
    async def follow(_event: Event) -> None:
        ended.append("follow")

    return hooks, can_end, ended


Slow = tuple[Hooks, asyncio.Event, list[str]]


async def test_slow_hook_runs_on_after_the_response(slow_hooks: Slow) -> None:
    hooks, can_end, ended = slow_hooks

    await hooks.run("login", "id")
    assert ended == []
    can_end.set()
    await hooks.close()

    assert ended == ["wait", "follow"]


async def test_cancelled_request_does_not_lose_its_hooks(
    slow_hooks: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RESPONSE_TIMEOUT", 60)
    hooks, can_end, ended = slow_hooks
    request = asyncio.create_task(hooks.run("login", "id"))
    await asyncio.sleep(0)

    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    can_end.set()
    await hooks.close()

    assert request.cancelled()
    assert ended == ["wait", "follow"]


async def test_hook_that_never_ends_is_cancelled_and_the_next_one_runs(
    slow_hooks: Slow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "RESPONSE_TIMEOUT", 60)
    monkeypatch.setattr(module, "HOOK_TIMEOUT", 0.01, raising=False)
    hooks, _, ended = slow_hooks

    async with asyncio.timeout(10):
        await hooks.run("login", "id")

    assert ended == ["follow"]
    assert "a hook of login failed: builtins.TimeoutError" in caplog.text


async def test_close_cancels_what_does_not_end(
    slow_hooks: Slow, caplog: pytest.LogCaptureFixture
) -> None:
    hooks, can_end, ended = slow_hooks
    await hooks.run("login", "id")

    await hooks.close()
    can_end.set()
    await asyncio.sleep(0)

    assert ended == []
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "a hook of login failed: asyncio.exceptions.CancelledError" in caplog.text
    await hooks.close()


async def test_close_waits_for_a_hook_that_swallows_each_cancellation_for_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("RESPONSE_TIMEOUT", "CLOSE_TIMEOUT", "CANCEL_TIMEOUT"):
        monkeypatch.setattr(module, name, 0.01, raising=False)
    hooks, can_end = Hooks(), asyncio.Event()

    @hooks.on("login")
    async def swallow(_event: Event) -> None:
        while not can_end.is_set():
            with suppress(asyncio.CancelledError):
                await can_end.wait()

    await hooks.run("login", "id")
    async with asyncio.timeout(10):
        await hooks.close()

    (record,) = caplog.records
    assert "the hook tests.test_hooks.test_close" in record.getMessage()
    assert "swallow of login" in record.getMessage()
    can_end.set()
    await hooks.close()


async def test_hook_of_a_request_that_runs_at_shutdown_still_has_the_database(
    database_uri: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SETTINGS.model_copy(update={"mongo_uri": SecretStr(database_uri)})
    auth, is_closing = GraphQLAuth(settings=settings), asyncio.Event()
    hooks, app = auth.parts.hooks, auth.app()
    close = hooks.close

    async def close_late() -> None:
        is_closing.set()
        await close()

    @auth.on("register")
    async def store(event: Event) -> None:
        await is_closing.wait()
        collection = UserDocument.get_pymongo_collection()
        await collection.update_one({}, {"$set": {"request_id": event.request_id}})

    monkeypatch.setattr(module, "RESPONSE_TIMEOUT", 0)
    monkeypatch.setattr(hooks, "close", close_late)
    transport, headers = httpx.ASGITransport(app), {"X-Request-Id": "a-request"}
    async with auth.lifespan(app), httpx.AsyncClient(transport=transport) as client:
        body = {"query": REGISTER, "variables": {"input": registration()}}
        response = await client.post("http://test/graphql", json=body, headers=headers)

    assert "errors" not in response.json()
    assert await database["users"].count_documents({"request_id": "a-request"}) == 1


def test_hook_of_unknown_event_is_refused() -> None:
    with pytest.raises(StartError, match="'registered'; use one of register, login, logout, "):
        Hooks().on("registered")  # type: ignore[arg-type]


async def _without_argument() -> None:
    """Miss the event."""


async def _generate(_event: Event) -> Any:
    yield


@pytest.mark.parametrize("hook", [lambda _event: None, _without_argument, _generate, 1])
def test_hook_that_is_no_async_function_of_an_event_is_refused(hook: Callable[..., Any]) -> None:
    hooks = Hooks()

    with pytest.raises(TypeError, match=r"^A hook is an `async def` with one argument, "):
        hooks.on("login")(hook)
