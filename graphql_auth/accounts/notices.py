"""Notices: mails about what has happened to an account, so that its owner sees a theft."""

from contextlib import suppress
from datetime import timedelta

from graphql_auth.errors import TooManyAttempts, Unavailable
from graphql_auth.hooks import Event
from graphql_auth.mail.messages import Template
from graphql_auth.mail.outbox import Outbox
from graphql_auth.throttling.throttle import Throttle
from graphql_auth.users import emails
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository

LIFETIME = timedelta(days=1)


class Notices:
    """Sends notices. The action has succeeded, so none of them fails it."""

    def __init__(self, users: UserRepository, throttle: Throttle, outbox: Outbox) -> None:
        self._users = users
        self._throttle = throttle
        self._outbox = outbox

    async def send(self, template: Template, user: UserDocument, **values: str) -> None:
        """Mail a notice to a user, unless they have had too many of this kind."""
        if not self._outbox.is_available:
            return
        keys = self._throttle.notice_keys(emails.canonicalize(user.email), template.value)
        with suppress(TooManyAttempts, Unavailable):
            async with self._throttle.attempt(keys) as attempt:
                attempt.is_counted = True
                await self._outbox.add(
                    template,
                    user.email,
                    user_id=str(user.id),
                    values=values,
                    expires_at=self._outbox.now() + LIFETIME,
                )

    async def on_event(self, event: Event) -> None:
        """Mail the notice that has the name of the event."""
        user = await self._users.get(event.user_id)
        if user:
            await self.send(Template(event.name), user)
