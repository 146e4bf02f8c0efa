"""A real SMTP server, which keeps what it gets, or refuses it as a test says."""

import asyncio
import email
import email.policy
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

USER, PASSWORD = "ada@relay", "hunter2 @:/?#%"
SECONDS_TO_ARRIVE = 30


class Relay:
    """The replies to the next commands, and the messages that were accepted."""

    def __init__(self) -> None:
        self.port = 0
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.logins: list[tuple[str, str]] = []
        self.greetings: list[str] = []
        # Of RCPT, DATA and QUIT, the next one first.
        self.replies: defaultdict[str, list[str]] = defaultdict(list)
        # Called when a message has arrived, before the reply.
        self.on_message: Callable[[], object] = lambda: None
        self._changed = asyncio.Condition()

    async def handle_EHLO(  # noqa: N802 - as the library calls it
        self,
        _server: SMTP,
        session: Session,
        _envelope: Envelope,
        hostname: str,
        replies: list[str],
    ) -> list[str]:
        session.host_name = hostname
        self.greetings.append(hostname)
        return replies

    async def handle_RCPT(  # noqa: N802 - as the library calls it
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        if self.replies["RCPT"]:
            return self.replies["RCPT"].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.on_message()
        reply = self.replies["DATA"].pop(0) if self.replies["DATA"] else "250 OK"
        if reply == "disconnect":
            _abort(server)
        if reply in {"disconnect", "silence"}:
            await asyncio.sleep(3600)
        if reply.startswith("250"):
            async with self._changed:
                self.recipients += envelope.rcpt_tos
                content = envelope.original_content or b""
                self.messages.append(email.message_from_bytes(content, policy=email.policy.default))
                self._changed.notify_all()
        return reply

    async def handle_QUIT(self, server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        if self.replies["QUIT"]:
            _abort(server)
        return "221 Bye"

    def authenticate(
        self, _server: Any, _session: Any, _envelope: Any, _: str, data: Any
    ) -> AuthResult:
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=self.logins[-1] == (USER, PASSWORD), handled=False)

    async def wait_for(self, number: int) -> list[EmailMessage]:
        """Wait until so many messages have arrived, and return them."""
        async with asyncio.timeout(SECONDS_TO_ARRIVE), self._changed:
            await self._changed.wait_for(lambda: len(self.messages) >= number)
        return self.messages


@asynccontextmanager
async def run_relay(
    *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[Relay]:
    """Run a relay on a port of 127.0.0.1."""
    relay = Relay()
    loop = asyncio.get_running_loop()
    protocols: list[SMTP] = []

    def create() -> SMTP:
        protocols.append(
            SMTP(
                relay,
                loop=loop,
                hostname="relay",
                tls_context=starttls,
                authenticator=relay.authenticate,
                **{"enable_SMTPUTF8": True, **options},
            )
        )
        return protocols[-1]

    server = await loop.create_server(create, "127.0.0.1", 0, ssl=tls)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        for protocol in protocols:
            _abort(protocol)
            if protocol._handler_coroutine:  # noqa: SLF001 - the library has no public name
                protocol._handler_coroutine.cancel()  # noqa: SLF001
        await asyncio.sleep(0)


def _abort(protocol: SMTP) -> None:
    if protocol.transport:
        cast("asyncio.WriteTransport", protocol.transport).abort()
