import asyncio
from dataclasses import replace
from typing import Any

import pytest

from graphql_auth.accounts.gate import SignedIn
from graphql_auth.accounts.validation import Registration
from graphql_auth.errors import (
    BadInput,
    EmailTaken,
    InvalidCredentials,
    LinkExpired,
    TooManyAttempts,
    Unauthenticated,
)
from graphql_auth.services import ServiceContainer
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.tokens.one_time import OneTimeTokens
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository
from tests.accounts.overdue import LOGGED, Steps, complete_overdue, crash_at, crashes
from tests.accounts.signed_in import EMAIL, HERE, PASSWORD, Database, is_signed_in
from tests.accounts.with_mail.links import (
    ADA,
    CHANGE,
    CONFIRM,
    NEW_PASSWORD,
    THERE,
    confirm,
    mailed_token,
    mails,
    reset_token,
    stored_user,
)

pytestmark = pytest.mark.anyio

NEW_EMAIL = "countess@example.com"


@pytest.fixture
async def ada(services: ServiceContainer) -> SignedIn:
    return await services.accounts.register(ADA, HERE)


async def change_token(
    services: ServiceContainer, principal: Principal, database: Database, email: str = NEW_EMAIL
) -> str:
    await services.email_change.request_change(principal, PASSWORD, email, HERE)
    return await mailed_token(services, database, "change_email")


@pytest.mark.parametrize("is_confirmed", [True, False])
async def test_email_changes_when_the_link_is_used(
    services: ServiceContainer,
    ada: SignedIn,
    principal: Principal,
    database: Database,
    *,
    is_confirmed: bool,
) -> None:
    """The old e-mail gets no text of the user, unless it is known to be that of the user."""
    if is_confirmed:
        await confirm(database)
    shown = NEW_EMAIL if is_confirmed else "an e-mail that we do not show"
    token = await change_token(services, principal, database, " Countess@Example.com ")
    assert (await stored_user(database)).id == ada.user.id

    changed = await services.email_change.confirm(CHANGE, token, principal.subject, None, HERE)

    assert changed == await stored_user(database, NEW_EMAIL)
    assert changed.email_confirmed_at
    assert [(mail["template"], mail["to"], mail["values"]) for mail in await mails(database)] == [
        ("change_email", NEW_EMAIL, {}),
        ("email_change_requested", EMAIL, {"new_email": shown}),
        ("email_changed", EMAIL, {"new_email": shown}),
    ]
    assert await is_signed_in(services, ada)
    await services.accounts.login(NEW_EMAIL, PASSWORD, HERE)
    with pytest.raises(InvalidCredentials):
        await services.accounts.login(EMAIL, PASSWORD, HERE)


async def test_stolen_session_changes_neither_email_nor_password(
    services: ServiceContainer, principal: Principal, database: Database
) -> None:
    for guess in ("", "wrong"):
        with pytest.raises(BadInput if not guess else InvalidCredentials):
            await services.email_change.request_change(principal, guess, "thief@example.com", THERE)
        with pytest.raises(BadInput if not guess else InvalidCredentials):
            await services.password_change.change(principal, guess, NEW_PASSWORD, THERE)
    for _ in range(3):
        with pytest.raises(InvalidCredentials):
            await services.email_change.request_change(
                principal, "wrong", "thief@example.com", THERE
            )
    with pytest.raises(TooManyAttempts):
        await services.email_change.request_change(principal, PASSWORD, "thief@example.com", THERE)
    with pytest.raises(TooManyAttempts):
        await services.accounts.delete(principal, PASSWORD, THERE)

    # What a session can ask for goes to the owner.
    await services.email_change.request_confirmation(principal, THERE)
    assert [mail["to"] for mail in await mails(database)] == [EMAIL]
    await services.accounts.login(EMAIL, PASSWORD, HERE)


async def test_click_does_not_confirm_the_change_of_a_stranger(
    services: ServiceContainer, principal: Principal, database: Database
) -> None:
    """A stranger asks for the e-mail of somebody else, who opens the link."""
    token = await change_token(services, principal, database)
    victim = await services.accounts.register(
        Registration("Bob", "B", "bob@example.com", PASSWORD), THERE
    )

    for caller in (None, str(victim.user.id)):
        with pytest.raises(Unauthenticated, check=lambda error: error.reason == "TOKEN_MISSING"):
            await services.email_change.confirm(CHANGE, token, caller, None, THERE)
        with pytest.raises(InvalidCredentials):
            await services.email_change.confirm(CHANGE, token, caller, "wrong", THERE)
    assert (await stored_user(database)).email == EMAIL

    # In another browser, the owner of the account gives the password.
    changed = await services.email_change.confirm(CHANGE, token, None, PASSWORD, THERE)
    assert changed.email == NEW_EMAIL


async def test_password_guesses_with_a_link_count_as_logins(
    services: ServiceContainer, principal: Principal, database: Database
) -> None:
    token = await change_token(services, principal, database)
    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            await services.email_change.confirm(CHANGE, token, None, "wrong", THERE)

    with pytest.raises(TooManyAttempts):
        await services.email_change.confirm(CHANGE, token, None, PASSWORD, THERE)
    with pytest.raises(TooManyAttempts):
        await services.accounts.login(EMAIL, PASSWORD, HERE)
    await services.email_change.confirm(CHANGE, token, principal.subject, None, HERE)


async def test_taken_email_gets_no_mail_and_the_same_answer(
    services: ServiceContainer, principal: Principal, database: Database
) -> None:
    await services.accounts.register(Registration("Bob", "B", NEW_EMAIL, PASSWORD), THERE)

    for email in (NEW_EMAIL, EMAIL.upper()):
        await services.email_change.request_change(principal, PASSWORD, email, HERE)

    assert {mail["template"] for mail in await mails(database)} == {"email_change_requested"}


async def test_email_that_got_an_account_meanwhile_is_taken(
    services: ServiceContainer, principal: Principal, database: Database
) -> None:
    token = await change_token(services, principal, database)
    await services.accounts.register(replace(ADA, email=NEW_EMAIL), HERE)

    with pytest.raises(EmailTaken):
        await services.email_change.confirm(CHANGE, token, principal.subject, None, HERE)

    assert await database["graphql_auth_meta"].count_documents(LOGGED) == 0


async def test_unique_index_decides_between_two_people(
    services: ServiceContainer,
    principal: Principal,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = await change_token(services, principal, database)
    change = UserRepository.change

    async def overtaken(*arguments: Any, **changes: Any) -> UserDocument | None:
        await services.accounts.register(Registration("Bob", "B", NEW_EMAIL, PASSWORD), THERE)
        return await change(*arguments, **changes)

    monkeypatch.setattr(UserRepository, "change", overtaken)
    with pytest.raises(EmailTaken):
        await services.email_change.confirm(CHANGE, token, principal.subject, None, HERE)

    assert (await stored_user(database)).id
    assert (await stored_user(database, NEW_EMAIL)).first_name == "Bob"
    assert await database["graphql_auth_meta"].count_documents(LOGGED) == 0


async def test_links_of_the_old_email_end(
    services: ServiceContainer, principal: Principal, database: Database
) -> None:
    """The old mailbox may be lost."""
    reset = await reset_token(services, database)
    await services.email_change.request_confirmation(principal, HERE)
    confirmation = await mailed_token(services, database, "confirm_email")
    token = await change_token(services, principal, database)
    await services.email_change.confirm(CHANGE, token, principal.subject, None, HERE)

    with pytest.raises(LinkExpired):
        await services.password_reset.reset(reset, NEW_PASSWORD, THERE)
    with pytest.raises(LinkExpired):
        await services.email_change.confirm(CONFIRM, confirmation, principal.subject, None, HERE)


@pytest.mark.parametrize("has_crashed", [False, True])
async def test_links_of_the_old_email_stay_ended_when_it_comes_back(
    services: ServiceContainer,
    principal: Principal,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    *,
    has_crashed: bool,
) -> None:
    old = await reset_token(services, database)
    token = await change_token(services, principal, database)
    if has_crashed:
        crash_at(monkeypatch, [(UserRepository, "change")], (0, True))
        with pytest.raises(ConnectionAbortedError):
            await services.email_change.confirm(CHANGE, token, principal.subject, None, HERE)
        await complete_overdue(services, database)
    else:
        await services.email_change.confirm(CHANGE, token, principal.subject, None, HERE)

    # The user changes it back.
    await database["users"].update_one({}, {"$set": {"email": EMAIL}})
    with pytest.raises(LinkExpired):
        await services.password_reset.reset(old, NEW_PASSWORD, THERE)


async def test_mail_of_an_earlier_request_confirms_no_later_email(
    services: ServiceContainer, principal: Principal, database: Database
) -> None:
    """The mail to the first e-mail waits in the outbox, while a second one is asked for."""
    await services.email_change.request_change(principal, PASSWORD, "first@example.com", HERE)
    (first,) = await mails(database, "change_email")
    old = await services.admin.links.issue(first["link"])
    assert old
    await services.email_change.request_change(principal, PASSWORD, NEW_EMAIL, HERE)

    assert await services.admin.links.issue(first["link"]) is None
    with pytest.raises(LinkExpired):
        await services.email_change.confirm(CHANGE, old, principal.subject, None, HERE)


async def test_one_of_100_concurrent_confirmations_succeeds(
    services: ServiceContainer, principal: Principal, database: Database
) -> None:
    token = await change_token(services, principal, database)

    outcomes = await asyncio.gather(
        *(
            services.email_change.confirm(CHANGE, token, principal.subject, None, HERE)
            for _ in range(100)
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(outcome, UserDocument) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, LinkExpired) for outcome in outcomes) == 99
    assert len(await mails(database, "email_changed")) == 1
    assert await database["graphql_auth_meta"].count_documents(LOGGED) == 0


STEPS: Steps = [(OneTimeTokens, "use"), (UserRepository, "change")]


@pytest.mark.parametrize("crash_point", crashes(STEPS))
async def test_crash_between_two_steps_leaves_one_email(
    services: ServiceContainer,
    principal: Principal,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    crash_point: tuple[int, bool],
) -> None:
    token = await change_token(services, principal, database)
    steps_done = crash_at(monkeypatch, STEPS, crash_point)
    with pytest.raises(ConnectionAbortedError):
        await services.email_change.confirm(CHANGE, token, principal.subject, None, HERE)

    email = NEW_EMAIL if steps_done == 2 else EMAIL
    await services.accounts.login(email, PASSWORD, HERE)
    # The old mailbox has been told at once, in each case.
    assert len(await mails(database, "email_change_requested")) == 1
    if steps_done == 0:
        await services.email_change.confirm(CHANGE, token, principal.subject, None, HERE)
    else:
        with pytest.raises(LinkExpired):
            await services.email_change.confirm(CHANGE, token, principal.subject, None, HERE)


async def test_email_that_changes_during_a_confirmation_wins(
    services: ServiceContainer,
    principal: Principal,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = await change_token(services, principal, database)
    use = OneTimeTokens.use

    async def overtaken(*arguments: Any) -> None:
        await database["users"].update_one({}, {"$inc": {"password_changes": 1}})
        await use(*arguments)

    monkeypatch.setattr(OneTimeTokens, "use", overtaken)
    with pytest.raises(LinkExpired):
        await services.email_change.confirm(CHANGE, token, principal.subject, None, HERE)

    assert (await stored_user(database)).email == EMAIL
    assert await database["graphql_auth_meta"].count_documents(LOGGED) == 0


async def test_input_is_checked(services: ServiceContainer, principal: Principal) -> None:
    with pytest.raises(BadInput) as refused:
        await services.email_change.request_change(principal, "", "nope", HERE)

    assert [fault.field for fault in refused.value.fields] == ["currentPassword", "newEmail"]


async def test_deleted_user_changes_nothing(
    services: ServiceContainer, principal: Principal, database: Database
) -> None:
    await database["users"].delete_many({})

    with pytest.raises(Unauthenticated):
        await services.email_change.request_change(principal, PASSWORD, NEW_EMAIL, HERE)
