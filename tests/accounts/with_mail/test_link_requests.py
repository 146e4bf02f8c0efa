"""Requests for links tell nothing about accounts, and are limited."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from graphql_auth.accounts.validation import Registration
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import BadInput, NotAvailable, TooManyAttempts
from graphql_auth.passwords.service import PasswordService
from graphql_auth.services import ServiceContainer
from graphql_auth.settings import Settings
from tests.accounts.signed_in import EMAIL, HERE, PASSWORD, Database
from tests.accounts.with_mail.links import ADA, THERE, confirm, mails, reset_token
from tests.commands import Commands
from tests.services import Clock, NewServices

pytestmark = pytest.mark.anyio

STRANGER = "stranger@example.com"


@pytest.fixture
async def services(commands: Commands, new_services: NewServices) -> ServiceContainer:
    del commands
    return await new_services(sign_in_links=True)


async def sign_up(services: ServiceContainer, email: str) -> None:
    await services.sign_up.request(Registration("Eve", "L", email, "quiet elephant"), HERE)


async def reset(services: ServiceContainer, email: str) -> None:
    await services.password_reset.request(email, HERE)


async def sign_in(services: ServiceContainer, email: str) -> None:
    await services.sign_in_link.request(email, HERE)


async def change(services: ServiceContainer, email: str) -> None:
    other = await services.accounts.login("bob@example.com", PASSWORD, HERE)
    principal = services.sessions.authenticate(other.tokens.access.value)
    await services.email_change.request_change(principal, PASSWORD, email, HERE)


REQUESTS = [sign_up, reset, sign_in, change]
Request = Callable[[ServiceContainer, str], Awaitable[None]]


def count_hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of hashes that are computed from now on."""
    hashes: list[str] = []
    for method in ("hash", "verify"):
        original = getattr(PasswordService, method)

        async def count(*arguments: Any, original: Any = original, method: str = method) -> Any:
            hashes.append(method)
            return await original(*arguments)

        monkeypatch.setattr(PasswordService, method, count)
    return hashes


@pytest.mark.parametrize("request_link", REQUESTS)
@pytest.mark.parametrize("state", [{"x": 1}, {"disabled": True}, {"password": None}])
async def test_known_and_unknown_email_take_the_same_work(  # noqa: PLR0913, PLR0917 - fixtures
    services: ServiceContainer,
    commands: Commands,
    database: Database,
    request_link: Request,
    state: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("ada", "bob"):
        person = Registration("Ada", "L", f"{name}@example.com", PASSWORD)
        await services.accounts.register(person, HERE)
    # Who changes the e-mail; else the limit of the notices would make a difference.
    await confirm(database, "bob@example.com")
    await database["users"].update_one({"email": EMAIL}, {"$set": state})
    hashes = count_hashes(monkeypatch)

    work = []
    for email in (STRANGER, EMAIL):
        commands.seen.clear()
        hashes.clear()
        await request_link(services, email)
        work.append((tuple(commands.seen), tuple(hashes)))

    assert work[0] == work[1]
    assert len(work[0][0]) > 3


@pytest.mark.parametrize("request_link", REQUESTS)
async def test_answers_are_the_same(
    services: ServiceContainer, request_link: Request, database: Database
) -> None:
    for name in ("ada", "bob"):
        person = Registration("Ada", "L", f"{name}@example.com", PASSWORD)
        await services.accounts.register(person, HERE)

    for email in (STRANGER, EMAIL):
        for _ in range(3):
            await request_link(services, email)
        with pytest.raises(TooManyAttempts) as refused:
            await request_link(services, email)
        assert refused.value.retry_after == 20 * 60
    expected = 3 if request_link in (sign_up, change) else 0
    assert len([mail for mail in await mails(database) if mail["to"] == STRANGER]) == expected


async def test_mails_to_an_email_are_limited_per_hour_and_day(
    services: ServiceContainer, clock: Clock
) -> None:
    sent = 0
    for hour in range(24):
        for number in range(4):
            try:
                # From everywhere: this is not about the network.
                client = ClientInfo(f"192.0.{hour}.{number}")
                await services.password_reset.request(EMAIL, client)
                sent += 1
            except TooManyAttempts:
                pass
        if hour == 0:
            assert sent == 3
        clock.time += 3600

    # Ten at once, and ten that the day gives back.
    assert 10 <= sent <= 20


async def test_mails_from_a_network_are_limited(services: ServiceContainer, clock: Clock) -> None:
    for number in range(20):
        await services.password_reset.request(f"user{number}@example.com", HERE)

    with pytest.raises(TooManyAttempts):
        await services.password_reset.request(EMAIL, HERE)
    await services.password_reset.request(EMAIL, THERE)
    clock.time += 3600 / 20
    await services.password_reset.request(EMAIL, HERE)


@pytest.mark.parametrize("request_link", ["password_reset", "sign_in_link"])
async def test_strangers_do_not_keep_a_known_device_from_a_link(
    services: ServiceContainer, request_link: str, database: Database
) -> None:
    token = (await services.accounts.register(ADA, HERE)).device_token
    second = (await services.accounts.login(EMAIL, PASSWORD, HERE)).device_token
    await confirm(database)
    request = getattr(services, request_link).request
    for number in range(3):
        await request(EMAIL, ClientInfo(f"192.0.2.{number}"))
    for device_token in (None, "made up", "A" * 64):
        with pytest.raises(TooManyAttempts):
            await request(EMAIL, THERE.with_device_tokens(device_token))

    for _ in range(4):
        await request(EMAIL, THERE.with_device_tokens(None, token))
    await request(EMAIL, THERE.with_device_tokens(second))
    for device_token in (token, second):
        with pytest.raises(TooManyAttempts):
            await request(EMAIL, THERE.with_device_tokens(device_token))

    template = request_link.replace("password_reset", "reset_password")
    assert len(await mails(database, template)) == 8


@pytest.mark.parametrize("is_confirmed", [False, True])
async def test_earlier_devices_do_not_keep_those_of_the_owner_from_a_link(
    services: ServiceContainer, database: Database, *, is_confirmed: bool
) -> None:
    """A stranger registered first, or knew the password, until the owner reset it."""
    stranger = (await services.accounts.register(ADA, THERE)).device_token
    if is_confirmed:
        await confirm(database)
    for _ in range(5):
        await services.password_reset.request(EMAIL, THERE.with_device_tokens(stranger))
    with pytest.raises(TooManyAttempts):
        await services.password_reset.request(EMAIL, THERE.with_device_tokens(stranger))
    token = await reset_token(services, database)
    owner = (await services.password_reset.reset(token, "quiet elephant", HERE)).device_token

    for _ in range(5):
        await services.password_reset.request(EMAIL, HERE.with_device_tokens(owner))
    with pytest.raises(TooManyAttempts):
        await services.password_reset.request(EMAIL, HERE.with_device_tokens(owner))


async def test_changes_of_the_password_give_an_unconfirmed_email_no_more_mails(
    services: ServiceContainer, database: Database
) -> None:
    """It can be that of somebody else, whom the user of many networks wants to annoy."""
    signed_in = await services.accounts.register(ADA, HERE)
    passwords = [PASSWORD, "quiet elephant", "loud elephant"]
    for number, (old, new) in enumerate(pairwise(passwords)):
        principal = services.sessions.authenticate(signed_in.tokens.access.value)
        signed_in = await services.password_change.change(principal, old, new, HERE)
        client = ClientInfo(f"203.0.113.{number}")
        with suppress(TooManyAttempts):
            for _ in range(6):
                await services.password_reset.request(
                    EMAIL, client.with_device_tokens(signed_in.device_token)
                )

    assert len(await mails(database, "reset_password")) == 5


async def test_devices_of_an_unconfirmed_account_are_limited_by_network(
    services: ServiceContainer, database: Database
) -> None:
    """Strangers can register with any e-mail, and get as many device tokens as they want."""
    for number in range(5):
        email = f"{number}@example.com"
        token = (await services.accounts.register(replace(ADA, email=email), HERE)).device_token
        with suppress(TooManyAttempts):
            for _ in range(6):
                await services.password_reset.request(email, THERE.with_device_tokens(token))

    assert len(await mails(database, "reset_password")) == 20


@pytest.mark.parametrize("email", ["", " ", "a\nb@example.com", "x" * 321])
async def test_email_that_nobody_can_have_is_bad_input(
    services: ServiceContainer, email: str
) -> None:
    for request_link in (sign_up, reset, sign_in):
        with pytest.raises(BadInput) as refused:
            await request_link(services, email)
        assert [fault.field for fault in refused.value.fields] == ["email"]


async def test_sign_in_links_are_off_by_default(new_services: NewServices) -> None:
    services = await new_services()

    for refused in (
        services.sign_in_link.request(EMAIL, HERE),
        services.sign_in_link.sign_in("x", HERE),
    ):
        with pytest.raises(NotAvailable) as error:
            await refused
        assert error.value.extensions == {"setting": "SIGN_IN_LINKS"}
    assert not Settings().sign_in_links
