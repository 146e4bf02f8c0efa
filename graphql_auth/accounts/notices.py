"""Notices: mails about what has happened to an account, so that its owner sees a theft."""

from collections import deque
from contextlib import suppress
from datetime import timedelta

from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import TooManyAttempts, Unavailable
from graphql_auth.mail.messages import Template
from graphql_auth.mail.outbox import Outbox
from graphql_auth.throttling.throttle import Throttle
from graphql_auth.users import emails
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRefused, UserRepository

LIFETIME = timedelta(days=1)
Queue = deque[tuple[Template, UserDocument, ClientInfo, dict[str, str]]]
UNSHOWN = "an e-mail that we do not show"


class Notices:
    """Sends notices. One that cannot be stored fails no action, and is stored later."""

    def __init__(self, users: UserRepository, throttle: Throttle, outbox: Outbox) -> None:
        self._users = users
        self._throttle = throttle
        self._outbox = outbox
        self._queue = Queue(maxlen=1_000)

    async def send(
        self, template: Template, user: UserDocument, client: ClientInfo, **values: str
    ) -> None:
        """Mail a notice to a user, unless they have had too many of this kind.

        Raises Unavailable.

        An e-mail that is not confirmed can be that of a stranger. So it gets no text that the user
        chose, fewer mails, and only as many as the network of the client may cause.
        """
        if not self._outbox.is_available:
            return
        email = emails.canonicalize(user.email)
        if user.email_confirmed_at:
            keys = self._throttle.mail_keys(email, template.value)
        else:
            keys = self._throttle.mail_keys(email, "notice")
            # No request causes what an operator does, or what is completed after a crash.
            if ip := client.ip_address:
                keys.insert(0, self._throttle.network_mail_key(ip, "notice"))
            if "new_email" in values:
                values["new_email"] = UNSHOWN
        with suppress(TooManyAttempts):
            async with self._throttle.attempt(keys) as attempt:
                attempt.is_counted = True
                await self._outbox.add(
                    template,
                    user.email,
                    user_id=str(user.id),
                    values=values,
                    expires_at=self._outbox.now() + LIFETIME,
                )

    async def send_or_queue(
        self, template: Template, user: UserDocument, client: ClientInfo, **values: str
    ) -> None:
        """Mail a notice; if it cannot be stored, ``send_queued`` tries again."""
        try:
            await self.send(template, user, client, **values)
        except Unavailable:
            self._queue.append((template, user, client, values))

    async def send_queued(self) -> None:
        """Mail the notices that could not be stored; raises Unavailable."""
        while self._queue:
            template, user, client, values = self._queue[0]
            await self.send(template, user, client, **values)
            self._queue.popleft()

    async def announce_reuse(self, user_id: str, client: ClientInfo) -> None:
        """Mail the notice of a reused refresh token."""
        user = None
        with suppress(UserRefused):  # Then the session ends without a notice.
            user = await self._users.get(user_id) if self._outbox.is_available else None
        if user:
            await self.send_or_queue(Template.REFRESH_REUSED, user, client)
