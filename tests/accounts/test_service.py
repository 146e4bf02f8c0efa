import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import bcrypt
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.accounts import service as module
from graphql_auth.accounts.password_changes import PasswordChanges
from graphql_auth.accounts.service import AccountService, Registration, SignedIn
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import BadInput, EmailTaken, InvalidCredentials, Unauthenticated
from graphql_auth.services import ServiceContainer
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.sessions.tokens import Tokens
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository

pytestmark = pytest.mark.anyio

HERE = ClientInfo("192.0.2.1", "a test")
LONG_AGO = datetime.fromtimestamp(0, UTC)
Database = AsyncDatabase[dict[str, Any]]


def ada(email: str = "ada@example.com", password: str = "correct horse") -> Registration:
    return Registration(" Ada ", " Lovelace ", email, password)


async def test_who_registers_is_signed_in_and_can_log_in(
    service: AccountService, services: ServiceContainer
) -> None:
    registered = await service.register(ada(" Ada@Example.COM "), HERE)
    logged_in = await service.login("ADA@EXAMPLE.com", "correct horse", HERE)

    assert registered.account == logged_in.account
    assert registered.account.email == "ada@example.com"
    assert (registered.account.first_name, registered.account.last_name) == ("Ada", "Lovelace")
    for signed_in in (registered, logged_in):
        principal = services.authenticator.authenticate(signed_in.tokens.access.value)
        assert principal.subject == registered.account.id
        assert await service.account(principal) == registered.account


@pytest.mark.parametrize(
    ("registered", "again"),
    [
        ("ada@example.com", "ADA@example.com"),
        ("jos\u00e9@example.com", "jose\u0301@example.com"),
        ("ada@b\u00fccher.example.com", "ada@xn--bcher-kva.example.com"),
    ],
)
async def test_every_form_of_an_address_is_one_account(
    service: AccountService, registered: str, again: str
) -> None:
    first = await service.register(ada(registered), HERE)

    with pytest.raises(EmailTaken):
        await service.register(ada(again), HERE)
    assert (await service.login(again, "correct horse", HERE)).account == first.account


async def test_fifty_at_once_for_one_address_make_one_user(
    service: AccountService, database: Database
) -> None:
    outcomes = await asyncio.gather(
        *(service.register(ada(), HERE) for _ in range(50)), return_exceptions=True
    )

    assert sum(isinstance(outcome, EmailTaken) for outcome in outcomes) == 49
    assert await database["users"].count_documents({}) == 1


async def test_an_unknown_address_and_a_wrong_password_are_the_same(
    service: AccountService,
) -> None:
    await service.register(ada(), HERE)

    for email, password in (("ada@example.com", "wrong"), ("bob@example.com", "correct horse")):
        with pytest.raises(InvalidCredentials) as refused:
            await service.login(email, password, HERE)
        assert refused.value.extensions == {}


async def test_a_password_counts_to_the_last_space(service: AccountService) -> None:
    await service.register(ada(password=" correct horse "), HERE)

    with pytest.raises(InvalidCredentials):
        await service.login("ada@example.com", "correct horse", HERE)
    await service.login("ada@example.com", " correct horse ", HERE)


async def test_login_needs_both_fields(service: AccountService) -> None:
    with pytest.raises(BadInput) as refused:
        await service.login(" ", "", HERE)

    assert [fault.field for fault in refused.value.fields] == ["email", "password"]


async def test_a_user_of_the_original_logs_in_and_the_hash_is_upgraded_then(
    service: AccountService, database: Database
) -> None:
    old = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4, b"2a")).decode()
    await database["users"].insert_one(
        {"first_name": None, "email": "ada@example.com", "password": old, "__v": 0, "token": "x"}
    )

    with pytest.raises(InvalidCredentials):
        await service.login("ada@example.com", "wrong", HERE)
    signed_in = await service.login("Ada@example.com", "correct horse", HERE)

    document = await database["users"].find_one({"email": "ada@example.com"})
    assert document is not None
    assert document["password"].startswith("$bcrypt-sha256$")
    assert (document["__v"], document["token"]) == (0, "x")
    assert (signed_in.account.first_name, signed_in.account.last_name) == ("", "")
    await service.login("ada@example.com", "correct horse", HERE)
    assert await database["users"].find_one({"email": "ada@example.com"}) == document


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("admin", "Admin"),
        ("jose\u0301@example.com", "jos\u00e9@example.com"),
        ("ada@xn--bcher-kva.example.com", "ada@B\u00fccher.example.com"),
    ],
)
async def test_an_address_that_only_the_original_stored_in_its_form_is_found(
    service: AccountService, database: Database, stored: str, typed: str
) -> None:
    old = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)).decode()
    await database["users"].insert_one({"email": stored, "password": old})

    assert (await service.login(typed, "correct horse", HERE)).account.email == stored
    if "@" in typed:
        with pytest.raises(EmailTaken):
            await service.register(ada(typed), HERE)


@pytest.mark.parametrize("stored", [None, 7, "", "plaintext", "$2a$10$cut", "$2b$31$" + "." * 53])
async def test_a_malformed_stored_hash_lets_nobody_in(
    service: AccountService, database: Database, stored: object
) -> None:
    await database["users"].insert_one({"email": "ada@example.com", "password": stored})

    with pytest.raises(InvalidCredentials):
        await service.login("ada@example.com", "plaintext", HERE)


async def test_an_account_that_is_gone_is_nobody(
    service: AccountService, services: ServiceContainer, database: Database
) -> None:
    signed_in = await service.register(ada(), HERE)
    await database["users"].delete_many({})

    assert (
        await service.account(services.authenticator.authenticate(signed_in.tokens.access.value))
        is None
    )


async def test_a_disabled_user_is_told_what_a_wrong_password_is_told(
    service: AccountService, database: Database
) -> None:
    await service.register(ada(), HERE)
    await database["users"].update_one({}, {"$set": {"disabled": True}})

    with pytest.raises(InvalidCredentials):
        await service.login("ada@example.com", "correct horse", HERE)

    # There is not even a session that was ended at once, which would take its time.
    assert await database["sessions"].count_documents({}) == 1


@pytest.mark.parametrize(
    "change", [{"$set": {"disabled": True}}, {"$inc": {"password_changes": 1}}, None]
)
async def test_a_login_that_was_overtaken_by_a_change_leaves_no_session(
    service: AccountService,
    services: ServiceContainer,
    database: Database,
    change: dict[str, Any] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await service.register(ada(), HERE)
    start = services.sessions.start

    async def overtaken(user: UserDocument, device: ClientInfo) -> Tokens:
        await (database["users"].update_one({}, change) if change else database["users"].drop())
        return await start(user, device)

    monkeypatch.setattr(services.sessions, "start", overtaken)
    with pytest.raises(InvalidCredentials):
        await service.login("ada@example.com", "correct horse", HERE)

    assert await database["sessions"].count_documents({"ended_at": None}) == 1


@pytest.fixture
async def signed_in(service: AccountService) -> SignedIn:
    return await service.register(ada(), HERE)


@pytest.fixture
def principal(services: ServiceContainer, signed_in: SignedIn) -> Principal:
    return services.authenticator.authenticate(signed_in.tokens.access.value)


async def test_a_changed_password_ends_all_other_sessions_and_old_refresh_tokens(
    service: AccountService, services: ServiceContainer, signed_in: SignedIn, principal: Principal
) -> None:
    other = await service.login("ada@example.com", "correct horse", HERE)

    fresh = await service.change_password(principal, "correct horse", "battery staple", HERE)

    with pytest.raises(Unauthenticated, check=lambda error: error.reason == "TOKEN_REVOKED"):
        services.authenticator.authenticate(other.tokens.access.value)
    for old, reason in ((other, "TOKEN_REVOKED"), (signed_in, "TOKEN_INVALID")):
        with pytest.raises(Unauthenticated) as refused:
            await service.refresh(old.tokens.refresh, HERE)
        assert refused.value.reason == reason
    assert services.authenticator.authenticate(fresh.tokens.access.value) == principal
    assert (await service.refresh(fresh.tokens.refresh, HERE)).account == fresh.account
    with pytest.raises(InvalidCredentials):
        await service.login("ada@example.com", "correct horse", HERE)
    await service.login("ada@example.com", "battery staple", HERE)


async def test_a_user_of_the_original_changes_the_password(
    service: AccountService, services: ServiceContainer, database: Database
) -> None:
    old = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4, b"2a")).decode()
    await database["users"].insert_one({"email": "ada@example.com", "password": old})
    signed_in = await service.login("ada@example.com", "correct horse", HERE)
    principal = services.authenticator.authenticate(signed_in.tokens.access.value)

    await service.change_password(principal, "correct horse", "battery staple", HERE)

    await service.login("ada@example.com", "battery staple", HERE)


async def test_a_password_is_changed_by_whoever_knows_it(
    service: AccountService, principal: Principal
) -> None:
    with pytest.raises(InvalidCredentials):
        await service.change_password(principal, "wrong", "battery staple", HERE)
    with pytest.raises(BadInput) as refused:
        await service.change_password(principal, "", " ", HERE)

    assert [fault.field for fault in refused.value.fields] == ["currentPassword", "newPassword"]
    await service.login("ada@example.com", "correct horse", HERE)


async def test_of_two_changes_at_once_one_wins_and_the_other_is_told(
    service: AccountService, principal: Principal
) -> None:
    changes = (
        service.change_password(principal, "correct horse", f"new one {number}", HERE)
        for number in range(5)
    )
    outcomes = await asyncio.gather(*changes, return_exceptions=True)

    assert sum(isinstance(outcome, SignedIn) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, InvalidCredentials) for outcome in outcomes) == 4


STEPS: list[tuple[type, str]] = [
    (PasswordChanges, "begin"),
    (UserRepository, "change_password"),
    (SessionRepository, "end_all"),
    (SessionRepository, "renew"),
    (PasswordChanges, "remove"),
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
async def other(service: AccountService, signed_in: SignedIn) -> SignedIn:
    """Another session of the same user."""
    return await service.login(signed_in.account.email, "correct horse", HERE)


@pytest.fixture(params=[(step, is_done) for step in range(5) for is_done in (False, True)])
async def steps_done(
    request: pytest.FixtureRequest,
    service: AccountService,
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
        await service.change_password(principal, "correct horse", "battery staple", HERE)
    return step + is_done


async def complete_overdue(service: AccountService, database: Database) -> None:
    """Have another server complete a change, though not before the first one can have died."""
    await service.complete_password_changes()
    changes = database["graphql_auth_meta"]
    await changes.update_many({"kind": "password change"}, {"$set": {"begun_at": LONG_AGO}})
    await service.complete_password_changes()
    assert await changes.count_documents({"kind": "password change"}) == 0


async def is_signed_in(service: AccountService, signed_in: SignedIn) -> bool:
    try:
        await service.refresh(signed_in.tokens.refresh, HERE)
    except Unauthenticated:
        return False
    return True


async def test_other_sessions_end_exactly_when_the_password_changes(
    service: AccountService,
    services: ServiceContainer,
    other: SignedIn,
    steps_done: int,
    database: Database,
) -> None:
    is_changed = steps_done >= CHANGED
    password = "battery staple" if is_changed else "correct horse"
    await service.login("ada@example.com", password, HERE)

    await complete_overdue(service, database)
    await services.revocations.poll()

    if is_changed:
        with pytest.raises(Unauthenticated, check=lambda error: error.reason == "TOKEN_REVOKED"):
            services.revocations.check(other.tokens.session_id)
    assert await is_signed_in(service, other) is not is_changed


async def test_session_that_the_change_came_from_lives_on(
    service: AccountService,
    services: ServiceContainer,
    signed_in: SignedIn,
    steps_done: int,
    database: Database,
) -> None:
    await complete_overdue(service, database)
    await services.revocations.poll()

    services.revocations.check(signed_in.tokens.session_id)
    if steps_done <= STEPS.index((SessionRepository, "renew")):
        assert await is_signed_in(service, signed_in)


async def test_overdue_change_that_was_not_made_is_kept_for_a_while(
    service: AccountService,
    principal: Principal,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its process may only have been stopped."""
    crash_at(monkeypatch, STEPS.index((UserRepository, "change_password")), is_done=False)
    with pytest.raises(ConnectionAbortedError):
        await service.change_password(principal, "correct horse", "battery staple", HERE)
    changes = database["graphql_auth_meta"]
    await changes.update_many({"kind": "password change"}, {"$set": {"begun_at": LONG_AGO}})
    monkeypatch.setattr(module, "ABANDONED", timedelta(days=36_500))

    await service.complete_password_changes()

    assert await changes.count_documents({"kind": "password change"}) == 1


async def test_overdue_change_of_a_user_who_is_gone_is_forgotten(
    service: AccountService,
    principal: Principal,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crash_at(monkeypatch, STEPS.index((UserRepository, "change_password")), is_done=False)
    with pytest.raises(ConnectionAbortedError):
        await service.change_password(principal, "correct horse", "battery staple", HERE)
    await database["users"].drop()

    await complete_overdue(service, database)


async def test_change_that_lost_against_another_keeps_no_session(
    service: AccountService,
    other: SignedIn,
    principal: Principal,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rival = Principal(other.account.id, other.tokens.session_id)
    crash_at(monkeypatch, STEPS.index((UserRepository, "change_password")), is_done=False)
    with pytest.raises(ConnectionAbortedError):
        await service.change_password(rival, "correct horse", "another one", HERE)
    await service.change_password(principal, "correct horse", "battery staple", HERE)

    await complete_overdue(service, database)

    assert not await is_signed_in(service, other)


async def test_the_password_of_a_user_who_is_gone_is_not_changed(
    service: AccountService, principal: Principal, database: Database
) -> None:
    await database["users"].drop()

    with pytest.raises(Unauthenticated):
        await service.change_password(principal, "correct horse", "battery staple", HERE)


async def test_a_session_that_ended_meanwhile_gets_no_fresh_tokens(
    service: AccountService, services: ServiceContainer, principal: Principal
) -> None:
    await services.sessions.end(principal.subject, principal.session_id)

    with pytest.raises(Unauthenticated, check=lambda error: error.reason == "TOKEN_REVOKED"):
        await service.change_password(principal, "correct horse", "battery staple", HERE)


def test_a_typed_password_shows_in_no_repr() -> None:
    assert "hunter2" not in repr(ada(password="hunter2"))
