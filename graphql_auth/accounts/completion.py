"""Complete the changes that a process has left half made, and send the queued notices."""

import logging

from graphql_auth.accounts.change_log import ABANDONED, Kind, LoggedChange, digest
from graphql_auth.accounts.parts import AccountParts
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import Unavailable
from graphql_auth.hooks import EventName
from graphql_auth.logs import LogRateLimit, describe_exception
from graphql_auth.mail.messages import Template

SECONDS_BETWEEN_COMPLETIONS = 2.0
PASSWORD_CHANGES = {Kind.PASSWORD_CHANGE, Kind.PASSWORD_RESET}

logger = logging.getLogger(__name__)
_failures = LogRateLimit(seconds=60.0)


class CompletionService(AccountParts):
    async def complete_overdue(self) -> None:
        """Complete the changes of processes that crashed or lost the database in between."""
        for change in await self.log.list_overdue():
            try:
                await self._complete(change)
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001 - it must not delay the other changes
                if _failures.can_log((change.kind, type(error))):
                    cause = describe_exception(error)
                    logger.warning("%s not completed; trying again (%s)", change.kind, cause)
        await self.notices.send_queued()

    async def _complete(self, change: LoggedChange) -> None:
        user = await self.users.get(change.user_id)
        event: EventName | None = None
        if user is None:
            if change.kind is Kind.DELETION:
                await self.erase(change.user_id, change.email)
                event = "user_deleted"
        elif change.kind is Kind.EMAIL_CHANGE and user.email != change.email:
            await self.links.end_all(change.user_id)
            values = {"new_email": user.email}
            # Whether the old e-mail was confirmed is not known any longer.
            user = user.model_copy(update={"email": change.email, "email_confirmed_at": None})
            await self.notices.send_or_queue(Template.EMAIL_CHANGED, user, ClientInfo(), **values)
        elif change.kind in PASSWORD_CHANGES and user.password_changes >= change.changes:
            # The password was changed, by this change or by another one.
            if digest(user.password) == change.digest:
                event = "password_changed"
                await self.notices.send_or_queue(Template.PASSWORD_CHANGED, user, ClientInfo())
                if change.kept_session:
                    await self.sessions.keep(user, change.kept_session)
            await self.sessions.end_others(user)
        elif self.now() < change.begun_at + ABANDONED:
            # It can still be made.
            return
        if await self.log.remove(change, has_deleted=user is None) and event:
            await self.hooks.run(event, change.user_id)
