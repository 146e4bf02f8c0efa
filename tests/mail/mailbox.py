"""A mailer that keeps what it gets, and the sender of the outbox, step by step."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.mail.messages import Template
from graphql_auth.mail.sender import Sender
from graphql_auth.services import ServiceContainer
from tests.services import Clock

Database = AsyncDatabase[dict[str, Any]]


class Mailbox:
    """The messages sent so far; the next try raises the first of the faults."""

    def __init__(self, *faults: BaseException) -> None:
        self.messages: list[EmailMessage] = []
        self.faults = list(faults)
        self.tries = 0

    async def send(self, message: EmailMessage) -> None:
        self.tries += 1
        if self.faults:
            raise self.faults.pop(0)
        self.messages.append(message)


def sender_of(services: ServiceContainer) -> Sender:
    assert services.outbox.sender
    return services.outbox.sender


async def send_due(services: ServiceContainer) -> None:
    """Send the mails that are due now, and wait until that is done."""
    sender = sender_of(services)
    await sender.send_due()
    await sender.close()


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    """The text of a message, or its HTML page."""
    body = message.get_body((kind,))
    assert body
    return str(body.get_content()).replace("\r\n", "\n")


def issue_links(services: ServiceContainer, tokens: list[str]) -> None:
    """Let links have these tokens, one for each try, and be over after them."""

    async def issue(_link: str) -> str | None:
        return tokens.pop(0) if tokens else None

    sender_of(services).issue_link = issue


async def add(
    services: ServiceContainer,
    clock: Clock,
    template: Template = Template.PASSWORD_CHANGED,
    to: str | None = "ada@example.com",
    **values: Any,
) -> None:
    """Add a mail that is good for an hour."""
    expires_at = datetime.fromtimestamp(clock(), UTC) + timedelta(hours=1)
    await services.outbox.add(template, to, **{"expires_at": expires_at, **values})


async def stored(database: Database) -> list[dict[str, Any]]:
    return await database.graphql_auth_outbox.find().to_list()
