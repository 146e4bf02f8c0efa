import asyncio
from typing import Any

import pytest

from graphql_auth.accounts.gate import SignedIn
from graphql_auth.errors import (
    BadInput,
    EmailUnconfirmed,
    InvalidCredentials,
    LinkExpired,
    TooManyAttempts,
    Unauthenticated,
)
from graphql_auth.services import ServiceContainer
from graphql_auth.settings import EmailConfirmation
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.tokens.one_time import OneTimeTokens
from graphql_auth.users.document import UserDocument
from tests.accounts.overdue import LOGGED
from tests.accounts.signed_in import EMAIL, HERE, PASSWORD, Database
from tests.accounts.with_mail.links import ADA, CONFIRM, THERE, mailed_token, mails, stored_user
from tests.services import NewServices

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ada(services: ServiceContainer) -> SignedIn:
    return await services.accounts.register(ADA, HERE)


async def test_email_is_confirmed_once(
    services: ServiceContainer, principal: Principal, database: Database
) -> None:
    assert (await stored_user(database)).email_confirmed_at is None
    await services.email_change.request_confirmation(principal, HERE)
    token = await mailed_token(services, database, "confirm_email")

    confirmed = await services.email_change.confirm(CONFIRM, token, principal.subject, None, HERE)

    assert confirmed == await stored_user(database)
    assert confirmed.email_confirmed_at
    with pytest.raises(LinkExpired):
        await services.email_change.confirm(CONFIRM, token, principal.subject, None, HERE)
    await services.email_change.request_confirmation(principal, HERE)
    assert len(await mails(database)) == 1


@pytest.mark.parametrize("password", ["x" * 1025, "\ud800", "\0", "a" + "\u0301\u0316" * 9000])
async def test_password_that_nobody_has_is_bad_input(
    services: ServiceContainer, principal: Principal, database: Database, password: str
) -> None:
    await services.email_change.request_confirmation(principal, HERE)
    token = await mailed_token(services, database, "confirm_email")

    with pytest.raises(BadInput) as refused:
        await services.email_change.confirm(CONFIRM, token, None, password, HERE)

    assert [fault.field for fault in refused.value.fields] == ["password"]


async def test_click_does_not_confirm_the_account_of_a_stranger(
    services: ServiceContainer, principal: Principal, database: Database
) -> None:
    await services.email_change.request_confirmation(principal, THERE)
    token = await mailed_token(services, database, "confirm_email")

    for caller, password, error in (
        (None, None, Unauthenticated),
        (None, "", Unauthenticated),
        ("0" * 24, None, Unauthenticated),
        (None, "wrong", InvalidCredentials),
    ):
        with pytest.raises(error):
            await services.email_change.confirm(CONFIRM, token, caller, password, HERE)
    assert (await stored_user(database)).email_confirmed_at is None

    await services.email_change.confirm(CONFIRM, token, None, PASSWORD, HERE)
    assert (await stored_user(database)).email_confirmed_at


async def test_one_of_100_concurrent_confirmations_succeeds(
    services: ServiceContainer, principal: Principal, database: Database
) -> None:
    await services.email_change.request_confirmation(principal, HERE)
    token = await mailed_token(services, database, "confirm_email")

    outcomes = await asyncio.gather(
        *(
            services.email_change.confirm(CONFIRM, token, principal.subject, None, HERE)
            for _ in range(100)
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(outcome, UserDocument) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, LinkExpired) for outcome in outcomes) == 99
    # A confirmation is one command, which needs no log.
    assert await database["graphql_auth_meta"].count_documents(LOGGED) == 0


async def test_required_confirmation_mails_a_link_at_the_sign_in(
    new_services: NewServices, database: Database
) -> None:
    services = await new_services(email_confirmation=EmailConfirmation.REQUIRED)
    with pytest.raises(EmailUnconfirmed):
        await services.accounts.register(ADA, HERE)
    with pytest.raises(InvalidCredentials):
        await services.accounts.login(EMAIL, "wrong", HERE)
    with pytest.raises(EmailUnconfirmed):
        await services.accounts.login(EMAIL, PASSWORD, HERE)
    assert len(await mails(database, "confirm_email")) == 2
    assert await database["graphql_auth_sessions"].count_documents({}) == 0

    token = await mailed_token(services, database, "confirm_email")
    await services.email_change.confirm(CONFIRM, token, None, PASSWORD, HERE)

    await services.accounts.login(EMAIL, PASSWORD, HERE)


async def test_sign_in_without_confirmation_mails_within_the_limit(
    new_services: NewServices, database: Database
) -> None:
    services = await new_services(email_confirmation=EmailConfirmation.REQUIRED)
    with pytest.raises(EmailUnconfirmed):
        await services.accounts.register(ADA, HERE)
    for _ in range(5):
        with pytest.raises(EmailUnconfirmed):
            await services.accounts.login(EMAIL, PASSWORD, HERE)

    assert len(await mails(database)) == 3


async def test_strangers_do_not_keep_a_signed_in_user_from_a_confirmation(
    services: ServiceContainer, principal: Principal, database: Database
) -> None:
    for _ in range(3):
        await services.password_reset.request(EMAIL, THERE)

    await services.email_change.request_confirmation(principal, HERE)

    assert len(await mails(database, "confirm_email")) == 1


async def test_requests_are_limited(services: ServiceContainer, principal: Principal) -> None:
    for _ in range(3):
        await services.email_change.request_confirmation(principal, HERE)

    with pytest.raises(TooManyAttempts):
        await services.email_change.request_confirmation(principal, HERE)


async def test_user_who_changes_during_a_confirmation_is_not_confirmed(
    services: ServiceContainer,
    principal: Principal,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await services.email_change.request_confirmation(principal, HERE)
    token = await mailed_token(services, database, "confirm_email")
    use = OneTimeTokens.use

    async def overtaken(*arguments: Any) -> None:
        await database["users"].update_one({}, {"$inc": {"password_changes": 1}})
        await use(*arguments)

    monkeypatch.setattr(OneTimeTokens, "use", overtaken)
    with pytest.raises(LinkExpired):
        await services.email_change.confirm(CONFIRM, token, principal.subject, None, HERE)

    assert (await stored_user(database)).email_confirmed_at is None


@pytest.mark.parametrize("stored", ["yes", 1, True, [], {}])
async def test_value_of_another_program_confirms_nothing(
    services: ServiceContainer, ada: SignedIn, database: Database, stored: object
) -> None:
    await database["users"].update_one({}, {"$set": {"email_confirmed_at": stored}})

    user = await services.rotation.load_user(str(ada.user.id))

    assert user is not None
    assert user.email_confirmed_at is None
