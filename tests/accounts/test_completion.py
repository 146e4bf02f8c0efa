from datetime import timedelta
from typing import NoReturn

import pytest
from pydantic import Field

from graphql_auth.accounts import completion as module
from graphql_auth.accounts.change_log import ChangeLog, Kind
from graphql_auth.accounts.gate import SignedIn
from graphql_auth.accounts.validation import Registration
from graphql_auth.errors import DatabaseUnavailable, Unauthenticated
from graphql_auth.logs import LogRateLimit
from graphql_auth.services import ServiceContainer
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository
from tests.accounts.overdue import LOGGED, LONG_AGO, Steps, complete_overdue, crash_at, crashes
from tests.accounts.signed_in import EMAIL, HERE, PASSWORD, Database, is_signed_in

pytestmark = pytest.mark.anyio

STEPS: Steps = [
    (ChangeLog, "add"),
    (UserRepository, "change"),
    (SessionRepository, "end_all"),
    (SessionRepository, "renew"),
    (ChangeLog, "remove"),
]
# The crash before the user changes, and how many steps are done after it.
BEFORE_CHANGE, CHANGED = (1, False), 2


@pytest.fixture
async def other(services: ServiceContainer, ada: SignedIn) -> SignedIn:
    """Another session of the same user."""
    return await services.accounts.login(ada.user.email, PASSWORD, HERE)


@pytest.fixture(params=crashes(STEPS))
async def steps_done(
    request: pytest.FixtureRequest,
    services: ServiceContainer,
    principal: Principal,
    other: SignedIn,
    monkeypatch: pytest.MonkeyPatch,
) -> int:
    """Change the password with a crash in between; return how many of the STEPS are done."""
    del other
    done = crash_at(monkeypatch, STEPS, request.param)
    with pytest.raises(ConnectionAbortedError):
        await services.password_change.change(principal, PASSWORD, "battery staple", HERE)
    return done


async def test_other_sessions_end_exactly_when_the_password_changes(
    services: ServiceContainer,
    other: SignedIn,
    steps_done: int,
    database: Database,
) -> None:
    is_changed = steps_done >= CHANGED
    password = "battery staple" if is_changed else PASSWORD
    await services.accounts.login(EMAIL, password, HERE)

    await complete_overdue(services, database)
    await services.sessions.revocations.poll()

    if is_changed:
        with pytest.raises(Unauthenticated, check=lambda error: error.reason == "TOKEN_REVOKED"):
            services.sessions.revocations.check(other.tokens.session_id)
    assert await is_signed_in(services, other) is not is_changed


async def test_session_of_the_password_change_is_kept(
    services: ServiceContainer,
    ada: SignedIn,
    steps_done: int,
    database: Database,
) -> None:
    await complete_overdue(services, database)
    await services.sessions.revocations.poll()

    services.sessions.revocations.check(ada.tokens.session_id)
    if steps_done <= STEPS.index((SessionRepository, "renew")):
        assert await is_signed_in(services, ada)


async def test_overdue_change_that_was_not_made_is_kept_for_a_while(
    services: ServiceContainer,
    principal: Principal,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its process may only have been stopped."""
    crash_at(monkeypatch, STEPS, BEFORE_CHANGE)
    with pytest.raises(ConnectionAbortedError):
        await services.password_change.change(principal, PASSWORD, "battery staple", HERE)
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
    crash_at(monkeypatch, STEPS, BEFORE_CHANGE)
    with pytest.raises(ConnectionAbortedError):
        await services.password_change.change(principal, PASSWORD, "battery staple", HERE)
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
    crash_at(monkeypatch, STEPS, BEFORE_CHANGE)
    with pytest.raises(ConnectionAbortedError):
        await services.password_change.change(rival, PASSWORD, "another one", HERE)
    await services.password_change.change(principal, PASSWORD, "battery staple", HERE)

    await complete_overdue(services, database)

    assert not await is_signed_in(services, other)


class Coded(UserDocument):
    code: str = Field("", max_length=5)


async def test_overdue_change_of_a_user_who_cannot_be_read_delays_no_other(
    services: ServiceContainer,
    ada: SignedIn,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "_failures", LogRateLimit(60))
    monkeypatch.setattr(services.completion, "users", UserRepository(services.indexes, Coded))
    bob = await services.accounts.register(
        Registration("Bob", "B", "bob@example.com", PASSWORD), HERE
    )
    for user in (ada.user, bob.user):
        await services.completion.log.add(Kind.DELETION, user)
    await database["graphql_auth_meta"].update_many(LOGGED, {"$set": {"begun_at": LONG_AGO}})
    await database["users"].update_one({"_id": ada.user.id}, {"$set": {"code": "secret"}})
    await database["users"].delete_one({"_id": bob.user.id})

    for _ in range(2):
        await services.completion.complete_overdue()

    (left,) = await database["graphql_auth_meta"].find(LOGGED).to_list()
    assert left["user_id"] == str(ada.user.id)
    assert not await is_signed_in(services, bob)
    assert [record.levelname for record in caplog.records if record.name == module.__name__] == [
        "WARNING"
    ]
    assert "deletion" in caplog.text
    assert "secret" not in caplog.text

    await database["users"].update_one({"_id": ada.user.id}, {"$unset": {"code": True}})
    await complete_overdue(services, database)


async def test_outage_ends_the_completion_of_changes(
    services: ServiceContainer,
    ada: SignedIn,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = []

    async def fail(_: UserRepository, user_id: str) -> NoReturn:
        tried.append(user_id)
        raise DatabaseUnavailable

    for _ in range(2):
        await services.password_change.log.add(Kind.DELETION, ada.user)
    await database["graphql_auth_meta"].update_many(LOGGED, {"$set": {"begun_at": LONG_AGO}})
    monkeypatch.setattr(UserRepository, "get", fail)

    with pytest.raises(DatabaseUnavailable):
        await services.completion.complete_overdue()

    assert len(tried) == 1
