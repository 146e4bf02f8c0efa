"""The links that really arrive in a mailbox."""

import re
from base64 import urlsafe_b64decode

import pytest

from graphql_auth.accounts.validation import Registration
from graphql_auth.errors import ApplicationError
from graphql_auth.services import ServiceContainer
from tests.accounts.signed_in import EMAIL, HERE, PASSWORD, Database
from tests.accounts.with_mail.links import ADA, CHANGE, CONFIRM, NEW_PASSWORD
from tests.mail.mailbox import Mailbox, send_due, text_of
from tests.services import NewServices

pytestmark = pytest.mark.anyio

LINK = re.compile(r"https://app\.example\.com/?#([a-z-]+)=([\w.-]+)")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphql_auth.mail.sender.SECONDS_BETWEEN_POLLS", 0)


@pytest.fixture
async def services(new_services: NewServices) -> ServiceContainer:
    return await new_services(sign_in_links=True, mail_per_minute=1_000_000)


async def request_all(services: ServiceContainer) -> str:
    """Ask for a link of every purpose; return the id of the user."""
    ada = await services.accounts.register(ADA, HERE)
    principal = services.sessions.authenticate(ada.tokens.access.value)
    await services.password_reset.request(EMAIL, HERE)
    await services.email_change.request_confirmation(principal, HERE)
    await services.email_change.request_change(principal, PASSWORD, "new@example.com", HERE)
    eve = Registration("Win at evil.example", "E", "eve@example.com", PASSWORD)
    await services.sign_up.request(eve, HERE)
    return principal.subject


async def test_every_link_works_and_the_database_holds_none(
    services: ServiceContainer, mailbox: Mailbox, database: Database
) -> None:
    user_id = await request_all(services)
    await send_due(services)

    links = dict(LINK.findall("".join(map(text_of, mailbox.messages))))
    assert links.keys() == {"reset", "confirm", "email", "sign-up"}
    dump = [
        repr(document)
        for name in await database.list_collection_names()
        for document in await database[name].find().to_list()
    ]
    assert dump
    for token in links.values():
        _, _, secret = token.partition(".")
        raw = urlsafe_b64decode(secret + "=")
        for form in (secret, raw.hex(), repr(raw)[2:-1]):
            assert form not in "".join(dump)
    assert "evil" not in "".join(map(str, mailbox.messages))

    change, here = services.email_change.confirm, (user_id, None, HERE)
    await change(CONFIRM, links["confirm"], *here)
    await services.sign_up.confirm(links["sign-up"], PASSWORD, HERE)
    await services.password_reset.reset(links["reset"], NEW_PASSWORD, HERE)
    with pytest.raises(ApplicationError, match="does not work"):
        await change(CHANGE, links["email"], *here)


async def test_stored_reference_is_no_token(services: ServiceContainer, database: Database) -> None:
    """A thief of the database, or its reader, gets nothing."""
    user_id = await request_all(services)

    for mail in await database["graphql_auth_outbox"].find({"link": {"$ne": None}}).to_list():
        link_id, _, request = mail["link"].partition(" ")
        for token in (mail["link"], link_id, request, f"{link_id}.{request}"):
            for use in (
                services.password_reset.reset(token, NEW_PASSWORD, HERE),
                services.email_change.confirm(CHANGE, token, user_id, None, HERE),
            ):
                with pytest.raises(ApplicationError, match="does not work"):
                    await use


async def test_decoy_and_real_request_differ_in_the_mailbox_only(
    services: ServiceContainer, mailbox: Mailbox
) -> None:
    await services.accounts.register(ADA, HERE)
    for email in (EMAIL, "nobody@example.com"):
        await services.password_reset.request(email, HERE)
    await send_due(services)

    assert [message["To"] for message in mailbox.messages] == [EMAIL]


async def test_new_request_ends_the_link_that_arrived(
    services: ServiceContainer, mailbox: Mailbox
) -> None:
    await services.accounts.register(ADA, HERE)
    for _ in range(2):
        await services.password_reset.request(EMAIL, HERE)
        await send_due(services)
    old, new = (LINK.findall(text_of(message))[0][1] for message in mailbox.messages)

    with pytest.raises(ApplicationError, match="does not work"):
        await services.password_reset.reset(old, NEW_PASSWORD, HERE)
    await services.password_reset.reset(new, NEW_PASSWORD, HERE)
