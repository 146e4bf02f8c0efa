import asyncio
from typing import Any

import pytest

from graphql_auth.accounts.gate import SignedIn
from graphql_auth.errors import LinkExpired
from graphql_auth.services import ServiceContainer
from graphql_auth.tokens.one_time import OneTimeTokens
from tests.accounts.signed_in import EMAIL, HERE, Database, is_signed_in
from tests.accounts.with_mail.links import ADA, NEW_PASSWORD, mailed_token, mails, stored_user
from tests.services import NewServices

pytestmark = pytest.mark.anyio


@pytest.fixture
async def services(new_services: NewServices) -> ServiceContainer:
    return await new_services(sign_in_links=True)


async def link_token(services: ServiceContainer, database: Database) -> str:
    await services.sign_in_link.request(EMAIL, HERE)
    return await mailed_token(services, database, "sign_in_link")


@pytest.fixture
async def ada(services: ServiceContainer, database: Database) -> SignedIn:
    signed_in = await services.accounts.register(ADA, HERE)
    confirmed = {"email_confirmed_at": services.accounts.now()}
    await database["users"].update_one({}, {"$set": confirmed})
    return signed_in


async def test_link_signs_in_and_keeps_the_device(
    services: ServiceContainer, ada: SignedIn, database: Database
) -> None:
    token = await link_token(services, database)

    signed_in = await services.sign_in_link.sign_in(
        token, HERE.with_device_tokens(ada.device_token)
    )

    assert signed_in.user == await stored_user(database)
    devices = services.accounts.device_tokens
    assert devices.verify(signed_in.device_token, ada.user) == devices.verify(
        ada.device_token, ada.user
    )
    assert await is_signed_in(services, signed_in)
    assert await is_signed_in(services, ada)
    with pytest.raises(LinkExpired):
        await services.sign_in_link.sign_in(token, HERE)


@pytest.mark.usefixtures("ada")
async def test_one_of_100_concurrent_sign_ins_succeeds(
    services: ServiceContainer, database: Database
) -> None:
    token = await link_token(services, database)
    before = await database["graphql_auth_sessions"].count_documents({})

    outcomes = await asyncio.gather(
        *(services.sign_in_link.sign_in(token, HERE) for _ in range(100)), return_exceptions=True
    )

    assert sum(isinstance(outcome, SignedIn) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, LinkExpired) for outcome in outcomes) == 99
    assert await database["graphql_auth_sessions"].count_documents({}) == before + 1


async def test_unconfirmed_account_gets_a_reset_instead(
    services: ServiceContainer, database: Database
) -> None:
    """Pre-hijacking: a stranger with the password would stay in the account."""
    stranger = await services.accounts.register(ADA, HERE)

    await services.sign_in_link.request(EMAIL, HERE)

    assert [mail["template"] for mail in await mails(database)] == ["reset_password"]
    token = await mailed_token(services, database, "reset_password")
    await services.password_reset.reset(token, NEW_PASSWORD, HERE)
    assert not await is_signed_in(services, stranger)


async def test_link_confirms_a_user_without_a_password(
    services: ServiceContainer, database: Database
) -> None:
    await database["users"].insert_one({"email": EMAIL})
    token = await link_token(services, database)

    signed_in = await services.sign_in_link.sign_in(token, HERE)

    assert signed_in.user.email_confirmed_at
    assert signed_in.user == await stored_user(database)


async def test_user_who_changes_during_a_sign_in_gets_no_session(
    services: ServiceContainer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database["users"].insert_one({"email": EMAIL})
    token = await link_token(services, database)
    use = OneTimeTokens.use

    async def overtaken(*arguments: Any) -> None:
        await database["users"].update_one({}, {"$inc": {"password_changes": 1}})
        await use(*arguments)

    monkeypatch.setattr(OneTimeTokens, "use", overtaken)
    with pytest.raises(LinkExpired):
        await services.sign_in_link.sign_in(token, HERE)

    assert await database["graphql_auth_sessions"].count_documents({}) == 0
