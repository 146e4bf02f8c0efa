"""The outbox: what is stored, when it is sent and sent again."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.errors import StartError, Unavailable
from graphql_auth.mail import sender
from graphql_auth.mail.mailer import ConsoleMailer, MailDelayed, MailRefused
from graphql_auth.mail.messages import Template
from graphql_auth.mail.smtp import SmtpMailer
from graphql_auth.services import ServiceContainer, create_services
from graphql_auth.settings import DevSettings
from graphql_auth.tokens.one_time import Purpose
from tests.mail.mailbox import Mailbox, issue_links, send_due, sender_of, text_of
from tests.services import SETTINGS, Clock, NewServices

pytestmark = pytest.mark.anyio

Database = AsyncDatabase[dict[str, Any]]
HOUR = timedelta(hours=1)


async def add(
    services: ServiceContainer,
    clock: Clock,
    template: Template = Template.PASSWORD_CHANGED,
    to: str | None = "ada@example.com",
    **values: Any,
) -> None:
    """Add a mail that is good for an hour."""
    expires_at = datetime.fromtimestamp(clock(), UTC) + HOUR
    await services.outbox.add(template, to, **{"expires_at": expires_at, **values})


async def stored(database: Database) -> list[dict[str, Any]]:
    return await database.graphql_auth_outbox.find().to_list()


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
    ended = await services.links.create(Purpose.RESET_PASSWORD, "ada@example.com")
    await services.links.create(Purpose.RESET_PASSWORD, "ada@example.com")
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


async def test_mailer_that_does_not_return_is_cancelled(
    new_services: NewServices,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(sender, "SEND_TIMEOUT", 0.01)
    services = await new_services(Hanging())
    await add(services, clock)
    await send_due(services)

    assert "is tried again: no answer within 0 s" in caplog.text


class Hanging:
    """A mailer that never returns."""

    def __init__(self) -> None:
        self.running = 0

    async def send(self, _message: object) -> None:
        self.running += 1
        await asyncio.sleep(3600)


async def test_end_of_a_process_cancels_what_it_sends(
    new_services: NewServices, clock: Clock, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "CLOSE_TIMEOUT", 0.01)
    services = await new_services(Hanging())
    await add(services, clock)
    await send_due(services)
    (mail,) = await stored(database)
    mailbox = Mailbox()
    other = await new_services(mailbox)
    await send_due(other)
    clock.time += sender.LEASE.total_seconds()
    await send_due(other)

    # Only when the lease has ended.
    assert mail["due_at"].timestamp() == clock()
    assert len(mailbox.messages) == 1


async def test_end_of_a_process_waits_for_a_mailer_that_swallows_each_cancellation_for_a_while(
    new_services: NewServices,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("CLOSE_TIMEOUT", "CANCEL_TIMEOUT"):
        monkeypatch.setattr(sender, name, 0.01, raising=False)
    mailer = Swallowing(None)
    services = await new_services(mailer)
    await add(services, clock)

    async with asyncio.timeout(10):
        await send_due(services)

    assert caplog.messages[-1].startswith("the mailer Swallowing ignores")
    mailer.is_done.set()
    await sender_of(services).close()


@pytest.mark.parametrize("fault", [None, MailDelayed("no")])
async def test_process_that_lost_its_lease_changes_nothing(
    fault: Exception | None, new_services: NewServices, clock: Clock, database: Database
) -> None:
    slow, quick = Slow(fault), Mailbox(MailDelayed("no"))
    one, other = await new_services(slow), await new_services(quick)
    await add(one, clock)
    await sender_of(one).send_due()
    clock.time += sender.LEASE.total_seconds() + 1
    await send_due(other)
    before = await stored(database)
    clock.time += 1
    slow.is_done.set()
    await sender_of(one).close()

    assert before[0]["tries"] == 2
    assert await stored(database) == before


class Slow:
    """A mailer that returns, or raises, when the test says so."""

    def __init__(self, fault: Exception | None) -> None:
        self.is_done = asyncio.Event()
        self.fault = fault

    async def send(self, _message: object) -> None:
        await self.is_done.wait()
        if self.fault:
            raise self.fault


class Swallowing(Slow):
    """A mailer that goes on when it is cancelled."""

    async def send(self, message: object) -> None:
        while not self.is_done.is_set():
            with suppress(asyncio.CancelledError):
                await super().send(message)


async def test_two_processes_send_each_mail_once(new_services: NewServices, clock: Clock) -> None:
    mailbox = Mailbox()
    services = [await new_services(mailbox, mail_per_minute=1_000_000) for _ in range(2)]
    for number in range(50):
        await add(services[0], clock, to=f"user{number}@example.com")
    await asyncio.gather(*map(send_due, services))

    assert len({message["To"] for message in mailbox.messages}) == 50
    assert len(mailbox.messages) == 50


async def test_at_most_ten_messages_are_sent_at_once(
    new_services: NewServices, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "CLOSE_TIMEOUT", 0)
    hanging = Hanging()
    services = await new_services(hanging, mail_per_minute=1_000_000)
    for _ in range(12):
        await add(services, clock)
    task = asyncio.create_task(sender_of(services).send_due())
    await until(lambda: hanging.running == 10)
    await asyncio.sleep(0.1)
    task.cancel()

    assert hanging.running == 10


@pytest.mark.parametrize("first", ["ada@example.com", None])
async def test_second_mail_of_a_minute_waits(
    first: str | None, new_services: NewServices, clock: Clock, database: Database
) -> None:
    """After a decoy too, so that the time of a mail does not tell that there was one."""
    mailbox = Mailbox()
    services = await new_services(mailbox, mail_per_minute=1)
    await add(services, clock, to=first)
    clock.time += 1
    await add(services, clock, to="bob@example.com")
    task = asyncio.create_task(sender_of(services).send_due())
    await until(lambda: mailbox.tries == 1 or first is None)
    async with asyncio.timeout(30):
        while len(await stored(database)) > 1:  # noqa: ASYNC110 - nothing sets an event
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    task.cancel()

    assert [message["To"] for message in mailbox.messages] == [first] * (first is not None)


def test_processes_of_a_server_share_its_rate() -> None:
    pauses = [
        sender_of(create_services(SETTINGS, processes=number, mailer=Mailbox())).pause
        for number in (1, 4)
    ]

    assert pauses == [0.1, 0.4]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nothing sets an event
            await asyncio.sleep(0.01)


async def test_new_mail_wakes_the_sender(
    new_services: NewServices, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "SECONDS_BETWEEN_POLLS", 3600)
    services = await new_services(Mailbox())
    waiting = asyncio.create_task(sender_of(services).send_due())
    await asyncio.sleep(0.05)
    await add(services, clock)

    async with asyncio.timeout(30):
        await waiting


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


@pytest.mark.parametrize("missing", ["mail_from", "app_url"])
def test_mail_needs_a_sender_and_a_url(missing: str) -> None:
    settings = SETTINGS.model_copy(update={missing: None})

    with pytest.raises(StartError, match=r"Mail needs MAIL_FROM, such as .*, and APP_URL\."):
        create_services(settings, mailer=Mailbox())


@pytest.mark.parametrize(
    "url",
    [
        *("1", "", "app.example.com", "https://", "javascript:alert(1)", "ftp://app.example.com"),
        *("http://app.example.com", "http://localhost.example.com", "https://a@app.example.com"),
        *("https://ada:secret@app.example.com", "https://app.example.com/#/account"),
        *("https://app.example.com#", "//app.example.com", "https://app example.com"),
    ],
)
def test_url_that_is_not_safe_in_a_mail_stops_the_start(url: str) -> None:
    settings = SETTINGS.model_copy(update={"app_url": url})
    create_services(settings)

    with pytest.raises(StartError) as refused:
        create_services(settings, mailer=Mailbox())

    assert str(refused.value) == (
        "Invalid APP_URL: expected an https URL without credentials and #, or http on localhost."
    )
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "used"),
    [
        ("https://App.example.com", "https://app.example.com/"),
        ("http://localhost:5173/account?x=1", "http://localhost:5173/account?x=1"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000/"),
    ],
)
def test_url_of_the_app_is_accepted(url: str, used: str) -> None:
    settings = SETTINGS.model_copy(update={"app_url": url})

    assert sender_of(create_services(settings, mailer=Mailbox())).messages.app_url == used


def test_settings_choose_the_mailer() -> None:
    dev = DevSettings(token_key="k" * 32, app_url="http://localhost:4001/")
    relay = {"smtp_url": "smtps://relay.example"}
    console, smtp = (
        sender_of(create_services(settings)).mailer
        for settings in (dev, DevSettings.model_validate({**dict(dev), **relay}))
    )

    assert isinstance(console, ConsoleMailer)
    assert isinstance(smtp, SmtpMailer)


def test_server_that_has_sent_no_mail_has_not_loaded_what_mail_needs() -> None:
    code = (
        "import sys\nfrom graphql_auth.app import create_app\n"
        "from graphql_auth.settings import Settings\n"
        "create_app(Settings(mongo_uri='mongodb://h', token_key='k' * 32,"
        " smtp_url='smtps://relay.example', mail_from='a@example.com', app_url='https://a.example'))\n"
        "print({'aiosmtplib', 'jinja2', 'email.headerregistry'} & sys.modules.keys())"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)

    assert printed == "set()\n"
