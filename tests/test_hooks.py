import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth import GraphQLAuth
from graphql_auth import hooks as module
from graphql_auth.accounts.change_log import ChangeLog, Kind
from graphql_auth.accounts.gate import SignedIn
from graphql_auth.accounts.validation import Registration
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import ApplicationError, EmailTaken, StartError, Unauthenticated
from graphql_auth.hooks import Event, Hooks
from graphql_auth.logs import REQUEST_ID
from graphql_auth.services import ServiceContainer
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.users.document import UserDocument
from tests.client import REGISTER, registration
from tests.services import SETTINGS, Clock, pass_time

pytestmark = pytest.mark.anyio

ADA = Registration("Ada", "Lovelace", "ada@example.com", "correct horse")
HERE = ClientInfo("192.0.2.1", "a test")
LONG_AGO = datetime.fromtimestamp(0, UTC)
SECRET = "hunter2hunter2"
Database = AsyncDatabase[dict[str, Any]]


@pytest.fixture
def events(services: ServiceContainer) -> list[Event]:
    """All events of the services, in their order."""
    return record_events(services.accounts.hooks)


def record_events(hooks: Hooks) -> list[Event]:
    events: list[Event] = []

    async def record(event: Event) -> None:
        events.append(event)

    for name in ("register", "login", "logout", "refresh_reused", "password_changed"):
        hooks.on(name)(record)
    return events


@pytest.fixture
async def signed_in(services: ServiceContainer, events: list[Event]) -> SignedIn:
    signed_in = await services.accounts.register(ADA, HERE)
    assert take(events) == ["register"]
    return signed_in


@pytest.fixture
def principal(services: ServiceContainer, signed_in: SignedIn) -> Principal:
    return services.sessions.authenticate(signed_in.tokens.access.value)


def take(events: list[Event]) -> list[str]:
    """Return the names of the events since the last call."""
    names: list[str] = [event.name for event in events]
    events.clear()
    return names


async def login(services: ServiceContainer, password: str = "correct horse") -> SignedIn:
    return await services.accounts.login("ada@example.com", password, HERE)


async def change_password(services: ServiceContainer, principal: Principal) -> None:
    await services.password_change.change(principal, "correct horse", "battery staple", HERE)


async def refuse(action: Awaitable[object]) -> None:
    with pytest.raises(ApplicationError):
        await action


async def test_event_names_the_user_the_request_and_the_time(
    services: ServiceContainer, events: list[Event]
) -> None:
    before = datetime.now(UTC)
    token = REQUEST_ID.set("a-request")
    user = (await services.accounts.register(ADA, HERE)).user
    REQUEST_ID.reset(token)

    (event,) = events
    assert (event.name, event.user_id, event.request_id) == ("register", str(user.id), "a-request")
    assert before <= event.at <= datetime.now(UTC)


async def test_hook_sees_what_was_stored(services: ServiceContainer) -> None:
    found = []

    @services.accounts.hooks.on("register")
    async def find(event: Event) -> None:
        found.append(await UserDocument.get(event.user_id))

    signed_in = await services.accounts.register(ADA, HERE)

    assert found == [signed_in.user]


async def test_login_and_logout_run_hooks_once(
    services: ServiceContainer, signed_in: SignedIn, principal: Principal, events: list[Event]
) -> None:
    await login(services)
    assert take(events) == ["login"]

    await services.sessions.logout(principal, HERE)
    assert take(events) == ["logout"]
    await services.sessions.logout(principal, HERE)
    await services.sessions.logout_by_token(signed_in.tokens.refresh, HERE)
    assert take(events) == []


async def test_logout_by_cookie_and_everywhere_run_hooks_once(
    services: ServiceContainer, signed_in: SignedIn, principal: Principal, events: list[Event]
) -> None:
    other = await login(services)
    await login(services)
    take(events)

    await services.sessions.logout_by_token(other.tokens.refresh, HERE)
    assert take(events) == ["logout"]
    await services.sessions.logout_everywhere(principal, HERE)
    await services.sessions.logout_everywhere(principal, HERE)
    assert take(events) == ["logout"]
    await services.sessions.logout_by_token(signed_in.tokens.refresh, HERE)
    await services.sessions.logout_by_token("no token", HERE)
    assert take(events) == []


async def test_session_that_a_login_replaces_is_no_logout(
    services: ServiceContainer, signed_in: SignedIn, events: list[Event]
) -> None:
    await services.sessions.end_replaced(signed_in.tokens.refresh, HERE)

    assert take(events) == []


async def test_refresh_token_reuse_runs_hooks_once(
    services: ServiceContainer, signed_in: SignedIn, events: list[Event], clock: Clock
) -> None:
    stolen = signed_in.tokens.refresh
    await services.rotation.refresh(stolen, HERE)
    await pass_time(clock, SETTINGS.refresh_grace.total_seconds() + 1)
    assert take(events) == []

    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await services.rotation.refresh(stolen, HERE)

    (event,) = events
    assert (event.name, event.user_id) == ("refresh_reused", str(signed_in.user.id))


async def test_password_change_runs_hooks_once(
    services: ServiceContainer, principal: Principal, events: list[Event], database: Database
) -> None:
    await change_password(services, principal)
    await complete_overdue(services, database)

    assert take(events) == ["password_changed"]


async def test_refused_actions_run_no_hooks(
    services: ServiceContainer, principal: Principal, events: list[Event]
) -> None:
    await refuse(services.accounts.register(ADA, HERE))
    await refuse(login(services, "wrong horse"))
    await refuse(services.password_change.change(principal, "wrong", "battery staple", HERE))

    assert events == []


async def test_one_of_many_concurrent_registrations_runs_hooks(
    services: ServiceContainer, events: list[Event]
) -> None:
    registrations = [services.accounts.register(ADA, HERE) for _ in range(5)]
    results = await asyncio.gather(*registrations, return_exceptions=True)

    assert sum(isinstance(result, EmailTaken) for result in results) == 4
    assert take(events) == ["register"]


async def complete_overdue(services: ServiceContainer, database: Database) -> None:
    """Have another process complete the password changes that are in progress."""
    changes = database["graphql_auth_meta"]
    await changes.update_many({"kind": "password change"}, {"$set": {"begun_at": LONG_AGO}})
    await services.completion.complete_overdue()


async def test_password_change_of_a_crashed_process_runs_hooks_once(
    services: ServiceContainer,
    principal: Principal,
    events: list[Event],
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def crash(*_: object) -> None:
        raise ConnectionAbortedError

    with monkeypatch.context() as patch:
        patch.setattr(ChangeLog, "remove", crash)
        with pytest.raises(ConnectionAbortedError):
            await change_password(services, principal)
    assert events == []

    await asyncio.gather(*(complete_overdue(services, database) for _ in range(5)))

    (event,) = events
    assert (event.name, event.user_id) == ("password_changed", principal.subject)
    assert event.request_id is None


async def test_password_change_of_a_slow_process_runs_hooks_once(
    services: ServiceContainer,
    principal: Principal,
    events: list[Event],
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    renew = services.sessions.renew

    async def renew_slowly(*arguments: Any) -> Any:
        await complete_overdue(services, database)
        return await renew(*arguments)

    monkeypatch.setattr(services.sessions, "renew", renew_slowly)
    await change_password(services, principal)

    assert take(events) == ["password_changed"]


async def test_overdue_change_that_lost_to_another_runs_no_hooks(
    services: ServiceContainer, principal: Principal, events: list[Event], database: Database
) -> None:
    user = await services.load_user(principal.subject)
    assert user
    await services.password_change.log.add(
        Kind.PASSWORD_CHANGE, user, "another hash", principal.session_id
    )
    await change_password(services, principal)
    assert take(events) == ["password_changed"]

    await complete_overdue(services, database)

    assert events == []


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
