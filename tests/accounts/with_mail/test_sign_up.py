import asyncio
import re
from contextlib import suppress

import pytest

from graphql_auth.accounts.features import RegistrationMode
from graphql_auth.accounts.gate import SignedIn
from graphql_auth.accounts.validation import Registration
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import (
    BadInput,
    EmailTaken,
    InvalidCredentials,
    LinkExpired,
    NotAvailable,
    TooManyAttempts,
    Unavailable,
)
from graphql_auth.mail import sender
from graphql_auth.services import ServiceContainer
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.tokens.one_time import OneTimeTokens
from graphql_auth.users.repository import UserRepository
from tests.accounts.overdue import Steps, crash_at, crashes
from tests.accounts.signed_in import EMAIL, HERE, PASSWORD, Database
from tests.accounts.with_mail.links import (
    ADA,
    NEW_PASSWORD,
    THERE,
    mailed_token,
    mails,
    reset_token,
    sign_up_token,
    stored_user,
)
from tests.mail.mailbox import Mailbox, send_due, text_of
from tests.services import Clock, NewServices

pytestmark = pytest.mark.anyio

EVE = Registration("Win at evil.example", "Eve", EMAIL, "quiet elephant")


async def test_account_exists_after_the_confirmation(
    services: ServiceContainer, database: Database, clock: Clock
) -> None:
    token = await sign_up_token(services, database)
    assert await database["users"].count_documents({}) == 0
    with pytest.raises(InvalidCredentials):
        await services.accounts.login(EMAIL, PASSWORD, HERE)
    clock.time += 60

    signed_in = await services.sign_up.confirm(token, PASSWORD, HERE)

    user = await stored_user(database)
    assert (user.first_name, user.last_name, user.email) == ("Ada", "Lovelace", EMAIL)
    assert user.email_confirmed_at is not None
    assert user.email_confirmed_at.timestamp() == user.created_at.timestamp() == clock.time
    services.sessions.authenticate(signed_in.tokens.access.value)
    again = await services.accounts.login(
        EMAIL, PASSWORD, HERE.with_device_tokens(signed_in.device_token)
    )
    assert again.user == user


async def test_taken_email_gets_another_mail(
    services: ServiceContainer,
    database: Database,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sender, "SECONDS_BETWEEN_POLLS", 0)
    ada = await services.accounts.register(ADA, HERE)

    await services.sign_up.request(EVE, THERE)

    (mail,) = await mails(database)
    assert (mail["template"], mail["to"]) == ("sign_up_taken", EMAIL)
    assert not re.search("evil|Eve", repr(mail))
    assert await stored_user(database) == ada.user
    await send_due(services)
    (message,) = mailbox.messages
    assert message["Subject"] == "You have an account at app.example.com"
    assert "#" not in text_of(message)


async def test_mail_of_a_sign_up_repeats_no_name(
    services: ServiceContainer, database: Database
) -> None:
    await services.sign_up.request(EVE, THERE)

    (mail,) = await mails(database)
    assert not re.search("evil|Eve", repr(mail))


async def test_click_does_not_complete_the_sign_up_of_a_stranger(
    services: ServiceContainer, database: Database
) -> None:
    """Pre-hijacking: the owner of the e-mail opens the link, but does not know the password."""
    await services.sign_up.request(EVE, THERE)
    token = await mailed_token(services, database, "sign_up")

    for password in (PASSWORD, "wrong"):
        with pytest.raises(InvalidCredentials):
            await services.sign_up.confirm(token, password, HERE)
    with pytest.raises(BadInput):
        await services.sign_up.confirm(token, "", HERE)

    assert await database["users"].count_documents({}) == 0
    # The owner signs up too, and the stranger once more: no link of theirs opens the other's.
    mine = await sign_up_token(services, database)
    with pytest.raises(InvalidCredentials):
        await services.sign_up.confirm(mine, EVE.password, THERE)
    ada = await services.sign_up.confirm(mine, PASSWORD, HERE)
    await services.sign_up.request(EVE, THERE)
    assert [mail["template"] for mail in await mails(database)][-1] == "sign_up_taken"
    assert (await services.accounts.login(EMAIL, PASSWORD, HERE)).user == ada.user


async def test_guesses_of_the_password_are_limited(
    new_services: NewServices, database: Database
) -> None:
    services = await new_services(max_failures_per_address=3)
    token = await sign_up_token(services, database)
    for _ in range(3):
        with pytest.raises(InvalidCredentials):
            await services.sign_up.confirm(token, "wrong", HERE)

    with pytest.raises(TooManyAttempts):
        await services.sign_up.confirm(token, PASSWORD, HERE)
    await services.sign_up.confirm(token, PASSWORD, THERE)


async def test_guesses_from_many_networks_are_limited(
    services: ServiceContainer, database: Database
) -> None:
    """The link of a mistyped e-mail: its reader does not learn the password."""
    await services.sign_up.request(EVE, THERE)
    theirs = await mailed_token(services, database, "sign_up")
    mine = await sign_up_token(services, database)
    for number in range(5):
        with pytest.raises(InvalidCredentials):
            await services.sign_up.confirm(theirs, "wrong", ClientInfo(f"192.0.2.{number}"))

    with pytest.raises(TooManyAttempts) as refused:
        await services.sign_up.confirm(theirs, EVE.password, ClientInfo("192.0.2.5"))

    assert refused.value.retry_after == 30
    # Neither another sign-up of this e-mail nor its login has the same limit.
    with pytest.raises(InvalidCredentials):
        await services.accounts.login(EMAIL, PASSWORD, HERE)
    await services.sign_up.confirm(mine, PASSWORD, HERE)


async def test_one_of_100_concurrent_confirmations_succeeds(
    services: ServiceContainer, database: Database
) -> None:
    token = await sign_up_token(services, database)

    outcomes = await asyncio.gather(
        *(services.sign_up.confirm(token, PASSWORD, HERE) for _ in range(100)),
        return_exceptions=True,
    )

    assert sum(isinstance(outcome, SignedIn) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, EmailTaken | LinkExpired) for outcome in outcomes) == 99
    assert await database["users"].count_documents({}) == 1


async def test_unique_index_decides_between_two_people(
    services: ServiceContainer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await sign_up_token(services, database)
    add = UserRepository.add

    async def overtaken(repository: UserRepository, user: object) -> object:
        monkeypatch.setattr(UserRepository, "add", add)
        await services.accounts.register(EVE, THERE)
        return await add(repository, user)  # type: ignore[arg-type]

    monkeypatch.setattr(UserRepository, "add", overtaken)
    with pytest.raises(EmailTaken):
        await services.sign_up.confirm(token, PASSWORD, HERE)

    assert await database["users"].count_documents({}) == 1
    # Who reads the mail has the last word.
    reset = await reset_token(services, database)
    assert (await services.password_reset.reset(reset, NEW_PASSWORD, HERE)).user.email == EMAIL


STEPS: Steps = [
    (UserRepository, "add"),
    (OneTimeTokens, "end_all"),
    (SessionRepository, "add"),
]


@pytest.mark.parametrize("crash_point", crashes(STEPS))
async def test_crash_between_two_steps_leaves_an_account_or_none(
    services: ServiceContainer,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    crash_point: tuple[int, bool],
) -> None:
    token = await sign_up_token(services, database)
    steps_done = crash_at(monkeypatch, STEPS, crash_point)
    with pytest.raises(ConnectionAbortedError):
        await services.sign_up.confirm(token, PASSWORD, HERE)

    if steps_done >= 1:
        with pytest.raises(EmailTaken if steps_done == 1 else LinkExpired):
            await services.sign_up.confirm(token, PASSWORD, HERE)
        await services.accounts.login(EMAIL, PASSWORD, HERE)
        assert (await stored_user(database)).email_confirmed_at
    else:
        assert await database["users"].count_documents({}) == 0
        await services.sign_up.confirm(token, PASSWORD, HERE)


@pytest.mark.parametrize("step", [(OneTimeTokens, "create"), (UserRepository, "refuse_taken")])
async def test_crash_during_a_request_sends_nothing(
    services: ServiceContainer,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    step: tuple[type, str],
) -> None:
    crash_at(monkeypatch, [step], (0, True))
    with pytest.raises(ConnectionAbortedError):
        await services.sign_up.request(ADA, HERE)

    assert await mails(database) == []
    token = await sign_up_token(services, database)
    await services.sign_up.confirm(token, PASSWORD, HERE)


async def test_closed_registration_has_no_way_in(
    services: ServiceContainer, new_services: NewServices, database: Database
) -> None:
    token = await sign_up_token(services, database)
    closed = await new_services(registration=RegistrationMode.CLOSED)
    confirmed = await new_services(registration=RegistrationMode.CONFIRMED)

    for refused in (
        closed.accounts.register(ADA, HERE),
        closed.sign_up.request(ADA, HERE),
        closed.sign_up.confirm(token, PASSWORD, HERE),
        confirmed.accounts.register(ADA, HERE),
    ):
        with pytest.raises(NotAvailable) as error:
            await refused
        assert error.value.extensions == {"setting": "REGISTRATION"}

    await confirmed.sign_up.confirm(token, PASSWORD, HERE)
    await closed.accounts.login(EMAIL, PASSWORD, HERE)


async def test_sign_ups_of_a_stranger_end_no_link_of_the_owner(
    services: ServiceContainer, database: Database
) -> None:
    mine = await sign_up_token(services, database)
    for _ in range(2):
        await services.sign_up.request(EVE, THERE)
    theirs = await mailed_token(services, database, "sign_up")

    await services.sign_up.confirm(mine, PASSWORD, HERE)

    for token, password in ((mine, PASSWORD), (theirs, EVE.password)):
        with pytest.raises(LinkExpired):
            await services.sign_up.confirm(token, password, THERE)
    assert await database["graphql_auth_links"].count_documents({}) == 0


async def test_stranger_of_one_network_leaves_the_refills_to_the_owner(
    services: ServiceContainer, clock: Clock
) -> None:
    """The stranger asks for every mail that the limit of the e-mail allows."""
    for _ in range(3):
        for _ in range(4):
            with suppress(TooManyAttempts):
                await services.sign_up.request(EVE, THERE)
        clock.time += 20 * 60
    with pytest.raises(TooManyAttempts):
        await services.sign_up.request(EVE, THERE)

    await services.sign_up.request(ADA, HERE)


async def test_database_that_refuses_the_user_leaves_the_link_valid(
    services: ServiceContainer, database: Database
) -> None:
    token = await sign_up_token(services, database)
    await database.command("collMod", "users", validator={"last_name": "Byron"})
    with pytest.raises(Unavailable):
        await services.sign_up.confirm(token, PASSWORD, HERE)

    await database.command("collMod", "users", validator={})

    assert (await services.sign_up.confirm(token, PASSWORD, HERE)).user.email == EMAIL
