import asyncio
import re
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from graphql_auth.accounts.change_log import ChangeLog, Kind
from graphql_auth.accounts.gate import SignedIn
from graphql_auth.accounts.validation import Registration
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import BadInput, InvalidCredentials, LinkExpired, Unauthenticated
from graphql_auth.hooks import Event
from graphql_auth.services import ServiceContainer
from graphql_auth.sessions import repository
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.sessions.service import Tokens
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.users.repository import UserRepository
from tests.accounts.overdue import Steps, complete_overdue, crash_at, crashes
from tests.accounts.signed_in import EMAIL, HERE, PASSWORD, Database, is_signed_in
from tests.accounts.with_mail.links import ADA, sign_up_token
from tests.services import NewServices

pytestmark = pytest.mark.anyio

BOB = Registration("Bob", "B", "bob@example.com", PASSWORD)
PHONE = ClientInfo("203.0.113.7", "a phone of Ada")


@pytest.fixture
async def ada(services: ServiceContainer) -> SignedIn:
    return await services.accounts.register(ADA, PHONE)


async def find_traces(database: Database, user_id: str) -> list[str]:
    """Return the documents of all collections that still tell of Ada."""
    traces = re.compile(f"{user_id}|{EMAIL}|Lovelace|203.0.113.7|phone of Ada")
    return [
        f"{name}: {document}"
        for name in await database.list_collection_names()
        async for document in database[name].find()
        # The rate limits of a network, which are not those of a user, last an hour or a day.
        if traces.search(repr(document)) and "203.0.113.7" not in str(document["_id"])
    ]


async def test_deletion_leaves_no_trace(
    services: ServiceContainer, ada: SignedIn, principal: Principal, database: Database
) -> None:
    bob = await services.accounts.register(BOB, HERE)
    await services.sign_up.request(replace(ADA, last_name="Eve"), HERE)
    other = await services.accounts.login(EMAIL, PASSWORD, PHONE)
    ended = await services.accounts.login(EMAIL, PASSWORD, PHONE)
    await services.sessions.end(principal.subject, ended.tokens.session_id)
    await services.password_reset.request(EMAIL, PHONE)
    await services.email_change.request_confirmation(principal, PHONE)
    await services.email_change.request_change(principal, PASSWORD, "countess@example.com", PHONE)
    assert {
        trace.partition(":")[0] for trace in await find_traces(database, principal.subject)
    } == {
        "users",
        "graphql_auth_sessions",
        "graphql_auth_links",
        "graphql_auth_outbox",
    }

    await services.accounts.delete(principal, PASSWORD, PHONE)

    assert await find_traces(database, principal.subject) == []
    for session in (ada, other):
        assert not await is_signed_in(services, session)
        with pytest.raises(Unauthenticated, check=lambda error: error.reason == "TOKEN_REVOKED"):
            services.sessions.authenticate(session.tokens.access.value)
    with pytest.raises(InvalidCredentials):
        await services.accounts.login(EMAIL, PASSWORD, HERE)
    assert await is_signed_in(services, bob)
    assert (await services.accounts.register(ADA, HERE)).user.id != ada.user.id


async def test_login_during_a_deletion_leaves_no_trace(
    services: ServiceContainer,
    principal: Principal,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin, begun = services.sessions.begin, list[Tokens]()

    async def begin_late(*arguments: Any) -> Tokens:
        await services.accounts.delete(principal, PASSWORD, PHONE)
        begun.append(await begin(*arguments))
        return begun[0]

    monkeypatch.setattr(services.sessions, "begin", begin_late)
    with pytest.raises(InvalidCredentials):
        await services.accounts.login(EMAIL, PASSWORD, PHONE)

    assert await find_traces(database, principal.subject) == []
    revoked = {
        revocation["_id"] async for revocation in database["graphql_auth_revocations"].find()
    }
    assert ObjectId(begun[0].session_id) in revoked
    with pytest.raises(Unauthenticated, check=lambda error: error.reason == "TOKEN_REVOKED"):
        services.sessions.authenticate(begun[0].access.value)


async def test_other_process_learns_of_the_deletion(
    services: ServiceContainer, new_services: NewServices, ada: SignedIn, principal: Principal
) -> None:
    other = await new_services()
    other.sessions.authenticate(ada.tokens.access.value)

    await services.accounts.delete(principal, PASSWORD, HERE)

    await other.sessions.revocations.poll()
    with pytest.raises(Unauthenticated, check=lambda error: error.reason == "TOKEN_REVOKED"):
        other.sessions.authenticate(ada.tokens.access.value)


async def test_deletion_needs_the_password(
    services: ServiceContainer, ada: SignedIn, principal: Principal
) -> None:
    with pytest.raises(InvalidCredentials):
        await services.accounts.delete(principal, "wrong", HERE)
    with pytest.raises(BadInput) as refused:
        await services.accounts.delete(principal, "", HERE)

    assert [fault.field for fault in refused.value.fields] == ["currentPassword"]
    assert await is_signed_in(services, ada)


STEPS: Steps = [
    (ChangeLog, "add"),
    (UserRepository, "delete"),
    (SessionRepository, "erase"),
    (ChangeLog, "remove"),
]
DELETED = 2


@pytest.mark.parametrize("crash_point", crashes(STEPS))
async def test_another_process_completes_a_deletion_after_a_crash(
    new_services: NewServices,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    crash_point: tuple[int, bool],
) -> None:
    events = []
    services, other = await new_services(), await new_services()
    signed_in = await services.accounts.register(ADA, PHONE)
    principal = services.sessions.authenticate(signed_in.tokens.access.value)

    @other.accounts.hooks.on("user_deleted")
    async def note(event: Event) -> None:
        events.append(event.user_id)

    steps_done = crash_at(monkeypatch, STEPS, crash_point)
    with pytest.raises(ConnectionAbortedError):
        await services.accounts.delete(principal, PASSWORD, PHONE)

    await complete_overdue(other, database)

    if steps_done >= DELETED:
        assert await find_traces(database, principal.subject) == []
        # At most once: the process that crashed may have been about to run them.
        assert events == [principal.subject] * (steps_done < len(STEPS))
    else:
        assert await is_signed_in(services, signed_in)
        assert events == []


@pytest.mark.parametrize("batches", range(4))
async def test_another_process_completes_a_deletion_that_exceeds_its_deadline(
    new_services: NewServices, database: Database, monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    services, other = await new_services(), await new_services()
    signed_in = await services.accounts.register(ADA, PHONE)
    for _ in range(4):
        await services.accounts.login(EMAIL, PASSWORD, PHONE)
    principal = services.sessions.authenticate(signed_in.tokens.access.value)
    monkeypatch.setattr(repository, "BATCH", 1)
    erase = AsyncCollection.update_many
    seen: list[object] = []

    async def exceed(*arguments: Any, **named: Any) -> object:
        if len(seen) == batches:
            raise asyncio.CancelledError
        seen.append(arguments)
        return await erase(*arguments, **named)

    monkeypatch.setattr(AsyncCollection, "update_many", exceed)
    with pytest.raises(asyncio.CancelledError):
        await services.accounts.delete(principal, PASSWORD, PHONE)
    monkeypatch.setattr(AsyncCollection, "update_many", erase)

    await complete_overdue(other, database)

    assert await find_traces(database, principal.subject) == []
    assert not await is_signed_in(services, signed_in)


async def test_user_who_changes_during_a_deletion_is_kept(
    services: ServiceContainer,
    ada: SignedIn,
    principal: Principal,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The owner resets the password, while a thief deletes the account with the old one."""
    delete = UserRepository.delete

    async def overtaken(*arguments: Any) -> bool:
        await database["users"].update_one({}, {"$inc": {"password_changes": 1}})
        return await delete(*arguments)

    monkeypatch.setattr(UserRepository, "delete", overtaken)
    with pytest.raises(InvalidCredentials):
        await services.accounts.delete(principal, PASSWORD, HERE)

    assert await database["users"].count_documents({"_id": ada.user.id}) == 1
    assert await database["graphql_auth_meta"].count_documents({"kind": {"$in": [*Kind]}}) == 0


async def test_hook_runs_once_for_concurrent_deletions(
    services: ServiceContainer, principal: Principal
) -> None:
    events: list[Event] = []

    @services.accounts.hooks.on("user_deleted")
    async def note(event: Event) -> None:
        events.append(event)

    outcomes = await asyncio.gather(
        *(services.accounts.delete(principal, PASSWORD, HERE) for _ in range(5)),
        return_exceptions=True,
    )

    assert outcomes.count(None) == 1
    assert [event.user_id for event in events] == [principal.subject]


@pytest.mark.parametrize("crash_again", [False, True])
async def test_hook_runs_once_for_a_deletion_that_is_tried_again(
    services: ServiceContainer,
    principal: Principal,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    *,
    crash_again: bool,
) -> None:
    events: list[Event] = []

    @services.accounts.hooks.on("user_deleted")
    async def note(event: Event) -> None:
        events.append(event)

    crash_at(monkeypatch, STEPS, (1, False))
    with pytest.raises(ConnectionAbortedError):
        await services.accounts.delete(principal, PASSWORD, HERE)
    with pytest.raises(ConnectionAbortedError) if crash_again else nullcontext():
        if crash_again:
            crash_at(monkeypatch, STEPS, (DELETED, False))
        await services.accounts.delete(principal, PASSWORD, HERE)
    await complete_overdue(services, database)

    assert [event.user_id for event in events] == [principal.subject]
    assert await find_traces(database, principal.subject) == []


async def test_overdue_deletion_of_a_user_who_exists_is_kept_for_a_while(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    log = ChangeLog()
    logged = await log.add(Kind.DELETION, ada.user)
    early = services.accounts.now() - timedelta(minutes=1)
    await database["graphql_auth_meta"].update_one(
        {"_id": logged.id}, {"$set": {"begun_at": early}}
    )

    await services.completion.complete_overdue()

    assert await services.rotation.load_user(str(ada.user.id))


async def test_link_of_a_sign_up_ends_with_the_account_that_has_its_email(
    services: ServiceContainer, database: Database
) -> None:
    token = await sign_up_token(services, database)
    signed_in = await services.accounts.register(ADA, HERE)
    principal = services.sessions.authenticate(signed_in.tokens.access.value)

    await services.accounts.delete(principal, PASSWORD, HERE)

    with pytest.raises(LinkExpired):
        await services.sign_up.confirm(token, PASSWORD, HERE)
