"""No secret of a mail is in a log, an error or the database, also when sending fails."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.logs import LineFormatter
from graphql_auth.mail.mailer import MailDelayed, MailRefused
from graphql_auth.mail.messages import Messages, Template
from graphql_auth.mail.smtp import SmtpMailer
from graphql_auth.services import ServiceContainer
from tests.mail.mailbox import Mailbox, issue_links, send_due, sender_of
from tests.mail.relay import run_relay
from tests.services import Clock, NewServices

pytestmark = pytest.mark.anyio

TOKEN = "the-id.hunter2-the-token"
LINK = f"https://app.example.com/#reset={TOKEN}"


async def add_reset(services: ServiceContainer, clock: Clock) -> None:
    issue_links(services, [TOKEN])
    expires_at = datetime.fromtimestamp(clock(), UTC) + timedelta(hours=1)
    await services.outbox.add(
        Template.RESET_PASSWORD, "ada@example.com", link="the-id", expires_at=expires_at
    )


def ours(caplog: pytest.LogCaptureFixture) -> str:
    """The lines of the package, as the server prints them."""
    records = [record for record in caplog.records if record.name.startswith("graphql_auth")]
    return "\n".join(map(LineFormatter().format, records))


@pytest.mark.parametrize("refusal", ["RCPT 450", "RCPT 550", "DATA 450", "DATA 550"])
async def test_text_of_a_relay_that_repeats_the_link_is_not_logged(
    refusal: str,
    new_services: NewServices,
    clock: Clock,
    database: AsyncDatabase[dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "graphql_auth")
    async with run_relay() as relay:
        command, code = refusal.split()
        relay.replies[command] = [f"{code} spam: {LINK}"]
        url = SecretStr(f"smtp+plain://127.0.0.1:{relay.port}")
        services = await new_services(SmtpMailer(url))
        await add_reset(services, clock)
        await send_due(services)
    at_rest = str(await database.graphql_auth_outbox.find().to_list())

    lines = ours(caplog)
    assert "hunter2" not in lines + at_rest
    assert f" {code}" in lines
    assert "ada@example.com" not in lines


@pytest.mark.parametrize(
    "fault",
    [
        ValueError(LINK),
        ExceptionGroup(LINK, [OSError(LINK)]),
        UnicodeEncodeError("ascii", LINK, 0, 1, LINK),
        MailDelayed("503"),
        MailRefused("503"),
    ],
)
async def test_error_of_a_mailer_that_repeats_the_link_is_not_logged(
    fault: Exception, new_services: NewServices, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    services = await new_services(Mailbox(fault))
    await add_reset(services, clock)
    await send_due(services)

    assert "not s" in ours(caplog)
    assert "hunter2" not in ours(caplog)


async def test_error_of_a_template_is_logged_without_its_values(
    new_services: NewServices,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_messages: object, _template: str, values: object) -> None:
        raise ValueError(values)

    services = await new_services(Mailbox())
    monkeypatch.setattr(Messages, "render", fail)
    await add_reset(services, clock)
    await send_due(services)

    assert "is tried again: builtins.ValueError" in ours(caplog)
    assert "hunter2" not in ours(caplog)


async def test_parts_show_no_secret(new_services: NewServices) -> None:
    services = await new_services(SmtpMailer(SecretStr("smtps://ada:hunter2@relay.example")))
    sender = sender_of(services)

    assert "hunter2" not in f"{services!r} {sender!r} {vars(sender)!r} {vars(sender.mailer)!r}"
