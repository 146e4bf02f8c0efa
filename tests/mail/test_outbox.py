"""The outbox: what is stored, when it is sent and sent again."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from graphql_auth.errors import Unavailable
from graphql_auth.mail import sender
from graphql_auth.mail.mailer import MailDelayed, MailRefused
from graphql_auth.mail.messages import Template
from graphql_auth.tokens.one_time import Purpose
from tests.mail.mailbox import (
    Database,
    Mailbox,
    add,
    issue_links,
    send_due,
    sender_of,
    stored,
    text_of,
)
from tests.services import Clock, NewServices

pytestmark = pytest.mark.anyio


async def test_mail_is_sent_once_and_removed(
    new_services: NewServices, clock: Clock, database: Database
) -> None:
    mailbox = Mailbox()
    services = await new_services(mailbox)
    await add(services, clock)
    await send_due(services)
    clock.time += 3000
    await send_due(services)

    assert [message["To"] for message in mailbox.messages] == ["ada@example.com"]
    assert await stored(database) == []


async def test_decoy_is_stored_like_a_mail_and_not_sent(
    new_services: NewServices, clock: Clock, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = Mailbox()
    services = await new_services(mailbox)
    await add(services, clock)
    await add(services, clock, to=None)
    mail, decoy = await stored(database)
    await send_due(services)

    assert [*mail] == [*decoy]
    assert caplog.text == ""
    assert len(mailbox.messages) == 1
    assert await stored(database) == []


async def test_mail_that_was_not_sent_is_tried_with_backoff(
    new_services: NewServices, clock: Clock, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = Mailbox(*[MailDelayed("SMTP_URL: SMTPRecipientRefused 452")] * 6)
    services = await new_services(mailbox)
    await add(services, clock)
    waits = []
    while not mailbox.messages:
        await send_due(services)
        tries, waited = mailbox.tries, 0
        while mailbox.tries == tries and not mailbox.messages:
            clock.time += 5
            waited += 5
            await send_due(services)
        waits.append(waited)

    assert waits[:-1] == [5, 15, 60, 300, 300, 300][: len(waits) - 1]
    assert len(mailbox.messages) == 1
    assert await stored(database) == []
    # Not for each try.
    assert caplog.text.count("a mail was not sent, and is tried again: SMTP_URL: SMTPRec") == 1


async def test_link_has_a_new_secret_at_each_try(
    new_services: NewServices, clock: Clock, database: Database
) -> None:
    mailbox = Mailbox(MailDelayed("the first copy may have arrived"))
    services = await new_services(mailbox)
    issue_links(services, ["id.first", "id.second"])
    await add(services, clock, Template.RESET_PASSWORD, link="the-link")
    await send_due(services)
    at_rest = str(await stored(database))
    clock.time += 5
    await send_due(services)

    assert "https://app.example.com/#reset=id.second\n" in text_of(mailbox.messages[0])
    assert "first" not in at_rest


async def test_mail_with_a_link_that_is_over_is_dropped(
    new_services: NewServices, clock: Clock, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = Mailbox()
    services = await new_services(mailbox)
    issue_links(services, [])
    await add(services, clock, Template.RESET_PASSWORD, link="the-link")
    await send_due(services)

    assert mailbox.tries == 0
    assert await stored(database) == []
    assert caplog.text == ""


async def test_mail_of_a_link_that_another_request_ended_is_dropped(
    new_services: NewServices, clock: Clock, database: Database
) -> None:
    mailbox = Mailbox()
    services = await new_services(mailbox)
    ended = await services.admin.links.create(Purpose.RESET_PASSWORD, "ada@example.com")
    await services.admin.links.create(Purpose.RESET_PASSWORD, "ada@example.com")
    await add(services, clock, Template.RESET_PASSWORD, link=ended.reference)
    await send_due(services)

    assert mailbox.tries == 0
    assert await stored(database) == []


async def test_database_that_is_away_while_a_mail_is_sent_costs_a_lease(
    new_services: NewServices, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async def issue(_link: str) -> str:
        raise Unavailable

    mailbox = Mailbox()
    services = await new_services(mailbox)
    sender_of(services).issue_link = issue
    await add(services, clock, Template.RESET_PASSWORD, link="the-link")
    await send_due(services)
    issue_links(services, ["id.secret"])
    clock.time += sender.LEASE.total_seconds() - 1
    await send_due(services)
    before = mailbox.tries
    clock.time += 1
    await send_due(services)

    assert (before, len(mailbox.messages)) == (0, 1)
    # Logged as an outage, where the error of the driver is translated.
    assert caplog.text == ""


async def test_refused_mail_is_dropped_with_an_event(
    new_services: NewServices, clock: Clock, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    mailbox = Mailbox(MailRefused("SMTPRecipientRefused 550"))
    services = await new_services(mailbox)
    await add(services, clock, user_id="the-user")
    (mail,) = await stored(database)
    await send_due(services)

    assert await stored(database) == []
    assert caplog.messages[-2:] == [
        f"the mail {mail['_id']} (password_changed) is not sent: SMTPRecipientRefused 550",
        "send_mail outcome=failure user=the-user address=-",
    ]
    assert "ada@" not in caplog.text


async def test_mailer_that_ends_python_does_not_end_the_server(
    new_services: NewServices, clock: Clock
) -> None:
    mailbox = Mailbox(SystemExit("hunter2"))
    services = await new_services(mailbox)
    await add(services, clock)
    await send_due(services)
    clock.time += 5
    await send_due(services)

    assert len(mailbox.messages) == 1


async def test_mail_that_would_expire_before_the_next_try_is_dropped_with_an_event(
    new_services: NewServices, clock: Clock, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = Mailbox(*[MailDelayed("SMTP_URL: TimeoutError")] * 2)
    services = await new_services(mailbox)
    expires_at = datetime.fromtimestamp(clock(), UTC) + timedelta(seconds=20)
    await add(services, clock, expires_at=expires_at)
    await send_due(services)
    clock.time += 5
    await send_due(services)

    assert mailbox.tries == 2
    assert await stored(database) == []
    assert "is not sent: SMTP_URL: TimeoutError" in caplog.text


async def test_expired_mail_is_not_sent(new_services: NewServices, clock: Clock) -> None:
    mailbox = Mailbox()
    services = await new_services(mailbox)
    await add(services, clock)
    clock.time += 3600
    await send_due(services)

    assert mailbox.tries == 0


async def test_error_of_a_mailer_is_logged_without_its_message(
    new_services: NewServices, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = Mailbox(ValueError("cannot send the link https://…#reset=secret"))
    services = await new_services(mailbox)
    await add(services, clock)
    await send_due(services)
    clock.time += 5
    await send_due(services)

    assert len(mailbox.messages) == 1
    assert "tried again: builtins.ValueError at" in caplog.text
    assert "secret" not in caplog.text


async def test_mails_of_a_user_are_removed(
    new_services: NewServices, clock: Clock, database: Database
) -> None:
    services = await new_services(Mailbox())
    await add(services, clock, user_id="one")
    await add(services, clock, user_id="other")
    await services.outbox.remove_all("one")

    assert [mail["user_id"] for mail in await stored(database)] == ["other"]


async def test_without_a_mailer_nothing_is_stored(
    new_services: NewServices, clock: Clock, database: Database
) -> None:
    services = await new_services()
    await add(services, clock)

    assert not services.outbox.is_available
    assert await stored(database) == []
    assert len(services.periodic_jobs) + 1 == len((await new_services(Mailbox())).periodic_jobs)
