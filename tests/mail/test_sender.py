"""How the sender works beside slow mailers and other processes."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from graphql_auth.mail import sender
from graphql_auth.mail.mailer import MailDelayed
from graphql_auth.services import create_services
from tests.mail.mailbox import Database, Mailbox, add, send_due, sender_of, stored
from tests.services import SETTINGS, Clock, NewServices

pytestmark = pytest.mark.anyio


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
