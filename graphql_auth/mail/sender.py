"""Sends the mails of the outbox, each at least once.

Every process sends what is due, so the mails of one that was killed are sent by another. Each try
has a new secret for its link: no secret is stored, and every copy that arrives works.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from graphql_auth import security_log
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import Unavailable
from graphql_auth.logs import LogRateLimit, describe_exception
from graphql_auth.mail.document import OutboxDocument
from graphql_auth.mail.mailer import MailDelayed, Mailer, MailRefused
from graphql_auth.mail.messages import Messages
from graphql_auth.mail.outbox import Outbox
from graphql_auth.runtime.event_loop import CANCEL_TIMEOUT, cancel_tasks

SEND_TIMEOUT = 150.0
# Longer than a try: the time to send, and two commands of the database.
LEASE = timedelta(seconds=180)
DELAYS = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 300))
SECONDS_BETWEEN_POLLS = 5.0
# Between two calls of ``send_due``, which waits itself, unless the database fails at once.
SECONDS_AFTER_MAILS = 0.1
# Of one process.
MAX_CONNECTIONS = 10
CLOSE_TIMEOUT = 2.0

IssueLink = Callable[[str], Awaitable[str | None]]

logger = logging.getLogger(__name__)


@dataclass(eq=False, repr=False)
class Sender:
    """Sends mails with ``mailer``.

    ``issue_link`` returns a new token of a link, or None if the link is over. ``pause`` is the time
    in seconds between two mails of this process.
    """

    mailer: Mailer
    messages: Messages
    outbox: Outbox
    issue_link: IssueLink
    pause: float

    def __post_init__(self) -> None:
        self._added = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._log_rate_limit = LogRateLimit(seconds=60.0)
        # Gets the outcome of each try.
        self.count: Callable[[str], object] = lambda _outcome: None

    def wake(self) -> None:
        """Look for mails now, after one was stored."""
        self._added.set()

    async def send_due(self) -> None:
        """Send the mails that are due, then wait for the next one; raises Unavailable."""
        # Before the first look, so that it misses none. An event belongs to one event loop.
        added = self._added = asyncio.Event()
        while mail := await self.outbox.claim(LEASE):
            name = f"the mailer {type(self.mailer).__qualname__}"
            task = asyncio.create_task(self._deliver(mail), name=name)
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
            await asyncio.sleep(self.pause)
            if len(self._sending) >= MAX_CONNECTIONS:
                await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
        with suppress(TimeoutError):
            await asyncio.wait_for(added.wait(), SECONDS_BETWEEN_POLLS)

    async def close(self) -> None:
        """Wait for the mails that are being sent, then cancel them: they are sent again."""
        if self._sending:
            _, late = await asyncio.wait(self._sending, timeout=CLOSE_TIMEOUT)
            await cancel_tasks(late, CANCEL_TIMEOUT)

    async def _deliver(self, mail: OutboxDocument) -> None:
        """Send a claimed mail, and remove it unless it is to be sent again."""
        # When the database is away, the lease ends, and the mail is sent again.
        with suppress(Unavailable):
            try:
                await self._send(mail)
            except Unavailable:
                raise
            except MailRefused as error:
                self._record_loss(mail, str(error))
            except (Exception, SystemExit) as error:  # noqa: BLE001 - of a mailer or a template
                # Other texts can repeat a secret.
                is_safe = isinstance(error, MailDelayed)
                reason = str(error) if is_safe else describe_exception(error)
                due_at = self.outbox.now() + DELAYS[min(mail.tries, len(DELAYS)) - 1]
                if due_at < mail.expires_at:
                    if self._log_rate_limit.can_log(reason):
                        logger.warning("a mail was not sent, and is tried again: %s", reason)
                    self.count("tried_again")
                    await self.outbox.delay(mail, due_at)
                    return
                self._record_loss(mail, reason)
            await self.outbox.remove(mail)

    async def _send(self, mail: OutboxDocument) -> None:
        if mail.to is None:
            return
        token = None
        # Outside of the time-out, since the driver can lose a cancellation.
        if mail.link is not None and (token := await self.issue_link(mail.link)) is None:
            return
        message = self.messages.build(mail, token, self.outbox.now())
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                await self.mailer.send(message)
        except TimeoutError:
            raise MailDelayed(f"no answer within {SEND_TIMEOUT:.0f} s") from None
        self.count("sent")

    def _record_loss(self, mail: OutboxDocument, reason: str) -> None:
        logger.warning("the mail %s (%s) is not sent: %s", mail.id, mail.template, reason)
        self.count("given_up")
        security_log.record("send_mail", "failure", mail.user_id, ClientInfo())
