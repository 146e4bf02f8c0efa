"""Which actions run the hooks of an application, and that each runs them once."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any

import pytest

from graphql_auth.accounts.change_log import ChangeLog, Kind
from graphql_auth.accounts.gate import SignedIn
from graphql_auth.accounts.validation import Registration
from graphql_auth.errors import ApplicationError, EmailTaken, Unauthenticated
from graphql_auth.hooks import Event, Hooks
from graphql_auth.logs import REQUEST_ID
from graphql_auth.services import ServiceContainer
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.users.document import UserDocument
from tests.accounts.overdue import LONG_AGO
from tests.accounts.signed_in import EMAIL, HERE, PASSWORD, Database
from tests.services import SETTINGS, Clock, pass_time

pytestmark = pytest.mark.anyio

ADA = Registration("Ada", "Lovelace", EMAIL, PASSWORD)


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


async def login(services: ServiceContainer, password: str = PASSWORD) -> SignedIn:
    return await services.accounts.login(EMAIL, password, HERE)


async def change_password(services: ServiceContainer, principal: Principal) -> None:
    await services.password_change.change(principal, PASSWORD, "battery staple", HERE)


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
    user = await services.rotation.load_user(principal.subject)
    assert user
    await services.password_change.log.add(
        Kind.PASSWORD_CHANGE, user, "another hash", principal.session_id
    )
    await change_password(services, principal)
    assert take(events) == ["password_changed"]

    await complete_overdue(services, database)

    assert events == []
