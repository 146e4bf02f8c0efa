"""Sends messages by SMTP (RFC 6409), over TLS with a verified certificate."""

import asyncio
import ssl
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from graphql_auth.mail.mailer import MailDelayed, MailRefused

CONNECT_TIMEOUT = 10.0
# For each command. A relay that scans a message answers late; giving up would send a copy.
COMMAND_TIMEOUT = 120.0
PERMANENT = 500


class SmtpMailer:
    """Sends each message on a separate connection to the relay of ``url``, which is SMTP_URL."""

    def __init__(self, url: SecretStr) -> None:
        self._url = url
        self._tls: ssl.SSLContext | None = None

    async def send(self, message: EmailMessage) -> None:
        """Send a message; raises MailRefused if the relay refuses it, and MailDelayed.

        A relay that refuses the login or the sender is not set up well. That can be repaired, so
        the message is tried again.
        """
        # At the first message: a server that sends none needs neither the memory nor the time.
        import aiosmtplib  # noqa: PLC0415

        url = urlsplit(self._url.get_secret_value())
        self._tls = self._tls or await asyncio.to_thread(ssl.create_default_context)
        client = aiosmtplib.SMTP(
            hostname=url.hostname,
            port=url.port,
            username=unquote(url.username) if url.username else None,
            password=unquote(url.password) if url.password else None,
            # The default is the name of this machine, after a DNS look-up.
            local_hostname=message["From"].addresses[0].domain,
            timeout=CONNECT_TIMEOUT,
            use_tls=url.scheme == "smtps",
            # The default, None, sends without TLS if the relay offers none.
            start_tls=url.scheme == "smtp",
            tls_context=self._tls,
        )
        try:
            async with client:
                await client.send_message(message, timeout=COMMAND_TIMEOUT)
        except aiosmtplib.SMTPNotSupported:
            raise MailRefused("the relay has no SMTPUTF8, which this e-mail needs") from None
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _translate(error.recipients[0]) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _translate(error) from None


def _translate(error: Exception) -> MailDelayed | MailRefused:
    """Return the error without the text of the relay, which can repeat the message."""
    # The reason why it could not connect.
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    kind, code = type(cause).__name__, getattr(cause, "code", 0)
    if code >= PERMANENT and kind in {"SMTPRecipientRefused", "SMTPDataError"}:
        return MailRefused(f"{kind} {code}")
    # This kind has only texts of the library: STARTTLS or AUTH is not supported.
    own_text = str(cause) if kind == "SMTPException" else ""
    detail = getattr(cause, "verify_message", own_text) or code or ""
    return MailDelayed(f"SMTP_URL: {kind} {detail}".rstrip(" ."))
