"""What sends a message: an object of the application, or the terminal of a developer."""

from contextlib import suppress
from email.message import EmailMessage
from typing import Protocol

from graphql_auth.errors import StartError
from graphql_auth.logs import escape_invisible
from graphql_auth.runtime import output
from graphql_auth.runtime.signals import Stopped


class MailDelayed(Exception):
    """The message was not sent; a later try can succeed. The text says why, for the log."""


class MailRefused(Exception):
    """No later try can succeed. The text says why, for the log."""


class Mailer(Protocol):
    """What ``GraphQLAuth(mailer=…)`` takes: any object with this method."""

    async def send(self, message: EmailMessage) -> None:
        """Send a message to its one recipient, or raise.

        After MailRefused the message is dropped; after any other exception it is tried again.
        """


class ConsoleMailer:
    """Prints messages to standard output, for ``serve --dev``."""

    async def send(self, message: EmailMessage) -> None:
        """Print the recipient, the subject and the text."""
        text = message.get_body(("plain",))
        lines = text.get_content().splitlines() if text else []
        shown = [f"Mail to {message['To']}: {message['Subject']}", *(f"  {line}" for line in lines)]
        # The server serves where nobody reads this too.
        with suppress(StartError, Stopped):
            output.write("\n".join(map(escape_invisible, shown)) + "\n")
