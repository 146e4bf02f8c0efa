import asyncio
from typing import Any

import bcrypt
import pytest

from graphql_auth.accounts.change_log import ChangeLog
from graphql_auth.accounts.gate import SignedIn
from graphql_auth.errors import (
    BadInput,
    InvalidCredentials,
    LinkExpired,
    TooManyAttempts,
    Unauthenticated,
)
from graphql_auth.services import ServiceContainer
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.tokens.one_time import OneTimeTokens
from graphql_auth.users.repository import UserRepository
from tests.accounts.overdue import complete_overdue, crash_at, crashes
from tests.accounts.signed_in import EMAIL, HERE, PASSWORD, Database, is_signed_in
from tests.accounts.with_mail.links import (
    ADA,
    CHANGE,
    NEW_PASSWORD,
    THERE,
    mails,
    reset_token,
    stored_user,
)
from tests.services import NewServices

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ada(services: ServiceContainer) -> SignedIn:
    return await services.accounts.register(ADA, HERE)


async def test_reset_sets_the_password_and_ends_all_sessions(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    token = await reset_token(services, database)

    signed_in = await services.password_reset.reset(token, NEW_PASSWORD, HERE)

    assert not await is_signed_in(services, ada)
    with pytest.raises(Unauthenticated, check=lambda error: error.reason == "TOKEN_REVOKED"):
        services.sessions.authenticate(ada.tokens.access.value)
    services.sessions.authenticate(signed_in.tokens.access.value)
    assert await is_signed_in(services, signed_in)
    with pytest.raises(InvalidCredentials):
        await services.accounts.login(EMAIL, PASSWORD, HERE)
    await services.accounts.login(EMAIL, NEW_PASSWORD, HERE)
    # The device token of before is that of a stranger now.
    assert services.accounts.device_tokens.verify(ada.device_token, signed_in.user) is None
    assert await database["graphql_auth_meta"].count_documents({"user_id": str(ada.user.id)}) == 0


async def test_reset_keeps_an_adopted_user_and_confirms_the_email(
    services: ServiceContainer, database: Database
) -> None:
    old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4, b"2a")).decode()
    stored = {"email": "jose\u0301@example.com", "password": old, "first_name": "José", "__v": 0}
    found = await database["users"].insert_one(stored)

    await services.password_reset.request("José@example.com", HERE)
    (mail,) = await mails(database, "reset_password")
    assert mail["to"] == stored["email"]
    token = await services.admin.links.issue(mail["link"])
    assert token
    signed_in = await services.password_reset.reset(token, NEW_PASSWORD, HERE)

    assert signed_in.user.id == found.inserted_id
    user = await database["users"].find_one()
    assert user is not None
    assert user["__v"] == 0
    assert (await stored_user(database, str(stored["email"]))).email_confirmed_at
    assert signed_in.user.email_confirmed_at


async def test_mailbox_takes_over_the_account_of_a_stranger(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    """Pre-hijacking: a stranger has registered with the e-mail of somebody else."""
    await services.password_reset.request(EMAIL, THERE)
    token = await reset_token(services, database)
    stranger = services.sessions.authenticate(ada.tokens.access.value)
    await services.email_change.request_change(stranger, PASSWORD, "stranger@example.com", THERE)
    change = (await mails(database, "change_email"))[-1]["link"]

    await services.password_reset.reset(token, NEW_PASSWORD, HERE)

    kept = await services.admin.links.issue(change)
    assert kept
    with pytest.raises(LinkExpired):
        await services.email_change.confirm(CHANGE, kept, stranger.subject, None, THERE)
    assert not await is_signed_in(services, ada)
    with pytest.raises(InvalidCredentials):
        await services.accounts.login(EMAIL, PASSWORD, THERE.with_device_tokens(ada.device_token))
    assert (await stored_user(database)).email == EMAIL


async def test_weak_password_does_not_use_up_the_link(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    token = await reset_token(services, database)

    for weak, reason in (("short", "TOO_SHORT"), (EMAIL, "TOO_PERSONAL"), ("", "REQUIRED")):
        with pytest.raises(BadInput) as refused:
            await services.password_reset.reset(token, weak, HERE)
        (fault,) = refused.value.fields
        assert (fault.field, fault.reason) == ("newPassword", reason)

    assert (await services.password_reset.reset(token, NEW_PASSWORD, HERE)).user.id == ada.user.id


async def test_reset_lets_the_owner_in_while_the_account_is_throttled(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            await services.accounts.login(EMAIL, "wrong", THERE)
    with pytest.raises(TooManyAttempts):
        await services.accounts.login(EMAIL, PASSWORD, HERE)

    token = await reset_token(services, database)
    signed_in = await services.password_reset.reset(token, NEW_PASSWORD, HERE)

    again = await services.accounts.login(
        EMAIL, NEW_PASSWORD, HERE.with_device_tokens(signed_in.device_token)
    )
    assert again.user.id == ada.user.id


@pytest.mark.usefixtures("ada")
async def test_device_of_a_reset_stays_known(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    devices = services.accounts.device_tokens
    token = await reset_token(services, database)

    signed_in = await services.password_reset.reset(
        token, NEW_PASSWORD, HERE.with_device_tokens(ada.device_token)
    )

    before = devices.verify(ada.device_token, ada.user)
    assert devices.verify(signed_in.device_token, signed_in.user) == before


@pytest.mark.usefixtures("ada")
async def test_one_of_100_concurrent_resets_succeeds(
    services: ServiceContainer, database: Database
) -> None:
    token = await reset_token(services, database)

    outcomes = await asyncio.gather(
        *(services.password_reset.reset(token, f"new one {n}", HERE) for n in range(100)),
        return_exceptions=True,
    )

    assert sum(isinstance(outcome, SignedIn) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, LinkExpired) for outcome in outcomes) == 99
    assert await database["graphql_auth_sessions"].count_documents({"ended_at": None}) == 1


STEPS: list[tuple[type, str]] = [
    (OneTimeTokens, "use"),
    (ChangeLog, "add"),
    (UserRepository, "change"),
    (SessionRepository, "end_all"),
    (ChangeLog, "remove"),
    (SessionRepository, "add"),
]
CHANGED = 3


@pytest.mark.parametrize("crash_point", crashes(STEPS))
async def test_crash_between_two_steps_leaves_nothing_half_made(
    new_services: NewServices,
    ada: SignedIn,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    crash_point: tuple[int, bool],
) -> None:
    services = await new_services()
    token = await reset_token(services, database)
    steps_done = crash_at(monkeypatch, STEPS, crash_point)
    with pytest.raises(ConnectionAbortedError):
        await services.password_reset.reset(token, NEW_PASSWORD, HERE)

    other = await new_services()
    await complete_overdue(other, database)
    await other.sessions.revocations.poll()

    is_changed = steps_done >= CHANGED
    assert await is_signed_in(other, ada) is not is_changed
    if is_changed:
        with pytest.raises(Unauthenticated):
            other.sessions.authenticate(ada.tokens.access.value)
    password = NEW_PASSWORD if is_changed else PASSWORD
    assert (await other.accounts.login(EMAIL, password, HERE)).user.id == ada.user.id
    if steps_done == 0:
        # Nothing has happened yet: the link is as good as before.
        await other.password_reset.reset(token, NEW_PASSWORD, HERE)
    else:
        with pytest.raises(LinkExpired):
            await other.password_reset.reset(token, NEW_PASSWORD, HERE)
        again = await reset_token(other, database)
        await other.password_reset.reset(again, "a third one", HERE)


@pytest.mark.usefixtures("ada")
async def test_password_change_ends_the_link(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    token = await reset_token(services, database)
    principal = services.sessions.authenticate(ada.tokens.access.value)
    await services.password_change.change(principal, PASSWORD, NEW_PASSWORD, HERE)

    with pytest.raises(LinkExpired):
        await services.password_reset.reset(token, "a third one", HERE)
    await services.accounts.login(EMAIL, NEW_PASSWORD, HERE)


async def test_password_that_changes_during_a_reset_wins(
    services: ServiceContainer,
    ada: SignedIn,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = await reset_token(services, database)
    principal = services.sessions.authenticate(ada.tokens.access.value)
    use = OneTimeTokens.use

    async def overtaken(*arguments: Any) -> None:
        await services.password_change.change(principal, PASSWORD, "the first one", HERE)
        await use(*arguments)

    monkeypatch.setattr(OneTimeTokens, "use", overtaken)
    with pytest.raises(LinkExpired):
        await services.password_reset.reset(token, NEW_PASSWORD, HERE)

    await services.accounts.login(EMAIL, "the first one", HERE)
    assert await database["graphql_auth_meta"].count_documents({"user_id": str(ada.user.id)}) == 0


async def test_link_of_a_decoy_opens_nothing(
    services: ServiceContainer, database: Database
) -> None:
    await services.password_reset.request("nobody@example.com", HERE)
    link = await database["graphql_auth_links"].find_one()
    assert link is not None
    # No mail has it, but even so.
    token = await services.admin.links.issue(f"{link['_id']} {link['request']}")
    assert token

    with pytest.raises(LinkExpired):
        await services.password_reset.reset(token, NEW_PASSWORD, HERE)
