import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import bcrypt
import pytest
from pydantic import Field
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.accounts import completion as module
from graphql_auth.accounts.change_log import ChangeLog, Kind
from graphql_auth.accounts.gate import SignedIn
from graphql_auth.accounts.validation import Registration
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import BadInput, DatabaseUnavailable, InvalidCredentials, Unauthenticated
from graphql_auth.logs import LogRateLimit
from graphql_auth.services import ServiceContainer
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository

pytestmark = pytest.mark.anyio

ADA = Registration("Ada", "Lovelace", "ada@example.com", "correct horse")
HERE = ClientInfo("192.0.2.1", "a test")
LONG_AGO = datetime.fromtimestamp(0, UTC)
Database = AsyncDatabase[dict[str, Any]]


@pytest.fixture
async def signed_in(services: ServiceContainer) -> SignedIn:
    return await services.accounts.register(ADA, HERE)


@pytest.fixture
def principal(services: ServiceContainer, signed_in: SignedIn) -> Principal:
    return services.sessions.authenticate(signed_in.tokens.access.value)


async def test_password_change_ends_other_sessions_and_refresh_tokens(
    services: ServiceContainer, signed_in: SignedIn, principal: Principal
) -> None:
    other = await services.accounts.login("ada@example.com", "correct horse", HERE)

    fresh = await services.password_change.change(
        principal, "correct horse", "battery staple", HERE
    )

    with pytest.raises(Unauthenticated, check=lambda error: error.reason == "TOKEN_REVOKED"):
        services.sessions.authenticate(other.tokens.access.value)
    for old, reason in ((other, "TOKEN_REVOKED"), (signed_in, "TOKEN_INVALID")):
        with pytest.raises(Unauthenticated) as refused:
            await services.rotation.refresh(old.tokens.refresh, HERE)
        assert refused.value.reason == reason
    assert services.sessions.authenticate(fresh.tokens.access.value) == principal
    user, _ = await services.rotation.refresh(fresh.tokens.refresh, HERE)
    assert user == fresh.user
    with pytest.raises(InvalidCredentials):
        await services.accounts.login("ada@example.com", "correct horse", HERE)
    await services.accounts.login("ada@example.com", "battery staple", HERE)


async def test_validator_that_refuses_the_user_is_logged_with_its_collection(
    services: ServiceContainer,
    principal: Principal,
    database: Database,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The start finds no validator that is added later."""
    await database.command("collMod", "users", validator={"tenant": {"$exists": True}})

    with pytest.raises(DatabaseUnavailable):
        await services.password_change.change(principal, "correct horse", "battery staple", HERE)

    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert line.getMessage() == (
        "MongoDB refuses a command (WriteError, DocumentValidationFailure)"
        f" in {database.name}.users"
    )
    await services.accounts.login("ada@example.com", "correct horse", HERE)


async def test_new_tokens_have_the_roles_of_the_user(
    services: ServiceContainer, signed_in: SignedIn, principal: Principal, database: Database
) -> None:
    await database["users"].update_one({}, {"$set": {"roles": ["admin"]}})

    fresh = await services.password_change.change(
        principal, "correct horse", "battery staple", HERE
    )

    roles = services.sessions.authenticate(fresh.tokens.access.value).roles
    assert roles == tuple(fresh.user.roles) == ("admin",)
    assert signed_in.user.roles == []


async def test_user_of_the_original_can_change_the_password(
    services: ServiceContainer, database: Database
) -> None:
    old = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4, b"2a")).decode()
    await database["users"].insert_one({"email": "ada@example.com", "password": old})
    signed_in = await services.accounts.login("ada@example.com", "correct horse", HERE)
    principal = services.sessions.authenticate(signed_in.tokens.access.value)

    await services.password_change.change(principal, "correct horse", "battery staple", HERE)

    await services.accounts.login("ada@example.com", "battery staple", HERE)


async def test_password_change_needs_the_current_password(
    services: ServiceContainer, principal: Principal
) -> None:
    with pytest.raises(InvalidCredentials, match=r"^The current password is wrong\.$"):
        await services.password_change.change(principal, "wrong", "battery staple", HERE)
    with pytest.raises(BadInput) as refused:
        await services.password_change.change(principal, "", " ", HERE)

    assert [fault.field for fault in refused.value.fields] == ["currentPassword", "newPassword"]
    await services.accounts.login("ada@example.com", "correct horse", HERE)


async def test_one_of_several_concurrent_password_changes_wins(
    services: ServiceContainer, principal: Principal
) -> None:
    changes = (
        services.password_change.change(principal, "correct horse", f"new one {number}", HERE)
        for number in range(5)
    )
    outcomes = await asyncio.gather(*changes, return_exceptions=True)

    assert sum(isinstance(outcome, SignedIn) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, InvalidCredentials) for outcome in outcomes) == 4


STEPS: list[tuple[type, str]] = [
    (ChangeLog, "add"),
    (UserRepository, "change"),
    (SessionRepository, "end_all"),
    (SessionRepository, "renew"),
    (ChangeLog, "remove"),
]


CHANGED = 2


def crash_at(monkeypatch: pytest.MonkeyPatch, number: int, *, is_done: bool) -> None:
    """Raise at a step of a change, before or after the database has done it."""
    repository, step = STEPS[number]
    original = getattr(repository, step)

    async def crash(*arguments: object, **named: object) -> NoReturn:
        monkeypatch.setattr(repository, step, original)
        if is_done:
            await original(*arguments, **named)
        raise ConnectionAbortedError

    monkeypatch.setattr(repository, step, crash)


@pytest.fixture
async def other(services: ServiceContainer, signed_in: SignedIn) -> SignedIn:
    """Another session of the same user."""
    return await services.accounts.login(signed_in.user.email, "correct horse", HERE)


@pytest.fixture(params=[(step, is_done) for step in range(5) for is_done in (False, True)])
async def steps_done(
    request: pytest.FixtureRequest,
    services: ServiceContainer,
    principal: Principal,
    other: SignedIn,
    monkeypatch: pytest.MonkeyPatch,
) -> int:
    """Change the password with a crash in between; return how many of the STEPS are done."""
    step: int = request.param[0]
    is_done: bool = request.param[1]
    del other
    crash_at(monkeypatch, step, is_done=is_done)
    with pytest.raises(ConnectionAbortedError):
        await services.password_change.change(principal, "correct horse", "battery staple", HERE)
    return step + is_done


LOGGED = {"kind": {"$in": [*Kind]}}


async def complete_overdue(services: ServiceContainer, database: Database) -> None:
    """Have another server complete a change, though not before the first one can have died."""
    await services.completion.complete_overdue()
    changes = database["graphql_auth_meta"]
    await changes.update_many(LOGGED, {"$set": {"begun_at": LONG_AGO}})
    await services.completion.complete_overdue()
    assert await changes.count_documents(LOGGED) == 0


async def is_signed_in(services: ServiceContainer, signed_in: SignedIn) -> bool:
    try:
        await services.rotation.refresh(signed_in.tokens.refresh, HERE)
    except Unauthenticated:
        return False
    return True


async def test_other_sessions_end_exactly_when_the_password_changes(
    services: ServiceContainer,
    other: SignedIn,
    steps_done: int,
    database: Database,
) -> None:
    is_changed = steps_done >= CHANGED
    password = "battery staple" if is_changed else "correct horse"
    await services.accounts.login("ada@example.com", password, HERE)

    await complete_overdue(services, database)
    await services.sessions.revocations.poll()

    if is_changed:
        with pytest.raises(Unauthenticated, check=lambda error: error.reason == "TOKEN_REVOKED"):
            services.sessions.revocations.check(other.tokens.session_id)
    assert await is_signed_in(services, other) is not is_changed


async def test_session_of_the_password_change_is_kept(
    services: ServiceContainer,
    signed_in: SignedIn,
    steps_done: int,
    database: Database,
) -> None:
    await complete_overdue(services, database)
    await services.sessions.revocations.poll()

    services.sessions.revocations.check(signed_in.tokens.session_id)
    if steps_done <= STEPS.index((SessionRepository, "renew")):
        assert await is_signed_in(services, signed_in)


async def test_overdue_change_that_was_not_made_is_kept_for_a_while(
    services: ServiceContainer,
    principal: Principal,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its process may only have been stopped."""
    crash_at(monkeypatch, STEPS.index((UserRepository, "change")), is_done=False)
    with pytest.raises(ConnectionAbortedError):
        await services.password_change.change(principal, "correct horse", "battery staple", HERE)
    changes = database["graphql_auth_meta"]
    await changes.update_many({"kind": "password change"}, {"$set": {"begun_at": LONG_AGO}})
    monkeypatch.setattr(module, "ABANDONED", timedelta(days=36_500))

    await services.completion.complete_overdue()

    assert await changes.count_documents({"kind": "password change"}) == 1


async def test_overdue_change_of_deleted_user_is_removed(
    services: ServiceContainer,
    principal: Principal,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crash_at(monkeypatch, STEPS.index((UserRepository, "change")), is_done=False)
    with pytest.raises(ConnectionAbortedError):
        await services.password_change.change(principal, "correct horse", "battery staple", HERE)
    await database["users"].drop()

    await complete_overdue(services, database)


async def test_change_that_lost_against_another_keeps_no_session(
    services: ServiceContainer,
    other: SignedIn,
    principal: Principal,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rival = Principal(str(other.user.id), other.tokens.session_id)
    crash_at(monkeypatch, STEPS.index((UserRepository, "change")), is_done=False)
    with pytest.raises(ConnectionAbortedError):
        await services.password_change.change(rival, "correct horse", "another one", HERE)
    await services.password_change.change(principal, "correct horse", "battery staple", HERE)

    await complete_overdue(services, database)

    assert not await is_signed_in(services, other)


async def test_password_of_deleted_user_is_not_changed(
    services: ServiceContainer, principal: Principal, database: Database
) -> None:
    await database["users"].drop()

    with pytest.raises(Unauthenticated):
        await services.password_change.change(principal, "correct horse", "battery staple", HERE)


@pytest.mark.parametrize("disabled", [True, 1, "yes"])
async def test_user_who_was_disabled_by_hand_gets_no_new_tokens(
    services: ServiceContainer, principal: Principal, database: Database, disabled: object
) -> None:
    await database["users"].update_one({}, {"$set": {"disabled": disabled}})

    with pytest.raises(Unauthenticated, check=lambda error: error.reason == "TOKEN_REVOKED"):
        await services.password_change.change(principal, "correct horse", "battery staple", HERE)

    user = await database["users"].find_one()
    assert user is not None
    assert user["password_changes"] == 0


async def test_session_that_ended_meanwhile_gets_no_new_tokens(
    services: ServiceContainer, principal: Principal
) -> None:
    await services.sessions.end(principal.subject, principal.session_id)

    with pytest.raises(Unauthenticated, check=lambda error: error.reason == "TOKEN_REVOKED"):
        await services.password_change.change(principal, "correct horse", "battery staple", HERE)


class Coded(UserDocument):
    code: str = Field("", max_length=5)


async def test_overdue_change_of_a_user_who_cannot_be_read_delays_no_other(
    services: ServiceContainer,
    signed_in: SignedIn,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "_failures", LogRateLimit(60))
    monkeypatch.setattr(services.completion, "users", UserRepository(services.indexes, Coded))
    bob = await services.accounts.register(replace(ADA, email="bob@example.com"), HERE)
    for user in (signed_in.user, bob.user):
        await services.completion.log.add(Kind.DELETION, user)
    await database["graphql_auth_meta"].update_many(LOGGED, {"$set": {"begun_at": LONG_AGO}})
    await database["users"].update_one({"_id": signed_in.user.id}, {"$set": {"code": "secret"}})
    await database["users"].delete_one({"_id": bob.user.id})

    for _ in range(2):
        await services.completion.complete_overdue()

    (left,) = await database["graphql_auth_meta"].find(LOGGED).to_list()
    assert left["user_id"] == str(signed_in.user.id)
    assert not await is_signed_in(services, bob)
    assert [record.levelname for record in caplog.records if record.name == module.__name__] == [
        "WARNING"
    ]
    assert "deletion" in caplog.text
    assert "secret" not in caplog.text

    await database["users"].update_one({"_id": signed_in.user.id}, {"$unset": {"code": True}})
    await complete_overdue(services, database)


async def test_outage_ends_the_completion_of_changes(
    services: ServiceContainer,
    signed_in: SignedIn,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = []

    async def fail(_: UserRepository, user_id: str) -> NoReturn:
        tried.append(user_id)
        raise DatabaseUnavailable

    for _ in range(2):
        await services.password_change.log.add(Kind.DELETION, signed_in.user)
    await database["graphql_auth_meta"].update_many(LOGGED, {"$set": {"begun_at": LONG_AGO}})
    monkeypatch.setattr(UserRepository, "get", fail)

    with pytest.raises(DatabaseUnavailable):
        await services.completion.complete_overdue()

    assert len(tried) == 1
