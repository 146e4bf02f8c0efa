from dataclasses import replace
from typing import NoReturn

import pytest

from graphql_auth.accounts.gate import SignedIn
from graphql_auth.errors import TooManyAttempts, Unauthenticated, Unavailable
from graphql_auth.mail.outbox import Outbox
from graphql_auth.services import ServiceContainer
from tests.accounts.with_mail.links import (
    ADA,
    EMAIL,
    HERE,
    NEW_PASSWORD,
    PASSWORD,
    THERE,
    Database,
    confirm,
    mails,
    reset_token,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ada(services: ServiceContainer) -> SignedIn:
    return await services.accounts.register(ADA, HERE)


async def test_sign_in_on_a_new_device_is_told(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    await services.accounts.login(EMAIL, PASSWORD, HERE, ada.device_token)
    assert await mails(database) == []

    await services.accounts.login(EMAIL, PASSWORD, THERE)

    (mail,) = await mails(database)
    assert (mail["template"], mail["to"]) == ("new_device", EMAIL)
    assert mail["values"] == {"ip_address": THERE.ip_address}


async def test_changed_password_is_told(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    principal = services.authenticator.authenticate(ada.tokens.access.value)
    await services.password_change.change(principal, PASSWORD, NEW_PASSWORD, HERE)
    token = await reset_token(services, database)
    await services.password_reset.reset(token, "a third one", HERE)

    assert [mail["to"] for mail in await mails(database, "password_changed")] == [EMAIL] * 2


async def test_reused_refresh_token_is_told(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    _, second = await services.rotation.refresh(ada.tokens.refresh, HERE)
    await services.rotation.refresh(second.refresh, HERE)
    with pytest.raises(Unauthenticated):
        await services.rotation.refresh(ada.tokens.refresh, THERE)

    assert [mail["to"] for mail in await mails(database, "refresh_reused")] == [EMAIL]


async def test_notices_of_one_kind_are_limited(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    await confirm(database)
    for _ in range(5):
        await services.accounts.login(EMAIL, PASSWORD, THERE)
    principal = services.authenticator.authenticate(ada.tokens.access.value)
    await services.password_change.change(principal, PASSWORD, NEW_PASSWORD, HERE)

    assert len(await mails(database, "new_device")) == 3
    assert len(await mails(database, "password_changed")) == 1


async def test_notices_of_all_kinds_to_an_unconfirmed_email_are_limited(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    """It can be that of a stranger."""
    for _ in range(2):
        await services.accounts.login(EMAIL, PASSWORD, THERE)
    principal = services.authenticator.authenticate(ada.tokens.access.value)
    for old, new in ((PASSWORD, NEW_PASSWORD), (NEW_PASSWORD, PASSWORD)):
        await services.password_change.change(principal, old, new, HERE)

    assert len(await mails(database)) == 3


async def test_notices_to_strangers_are_limited_by_the_network_that_causes_them(
    services: ServiceContainer, database: Database
) -> None:
    for number in range(25):
        email = f"{number}@example.com"
        await services.accounts.register(replace(ADA, email=email), HERE)
        await services.accounts.login(email, PASSWORD, THERE)

    assert len(await mails(database)) == 20
    with pytest.raises(TooManyAttempts):
        await services.password_reset.request("0@example.com", THERE)


@pytest.mark.usefixtures("ada")
async def test_notice_that_cannot_be_stored_fails_no_login(
    services: ServiceContainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> NoReturn:
        raise Unavailable

    monkeypatch.setattr(Outbox, "add", fail)

    await services.accounts.login(EMAIL, PASSWORD, THERE)


async def test_deleted_user_gets_no_notice(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    await database["users"].delete_many({})

    await services.hooks.run("password_changed", str(ada.user.id))

    assert await mails(database) == []
