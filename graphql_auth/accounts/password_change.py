"""Change a password, and end all other sessions even if the process crashes in between."""

import logging

from graphql_auth import security_log
from graphql_auth.accounts.change_log import ABANDONED, Kind, LoggedChange, digest
from graphql_auth.accounts.gate import SignedIn
from graphql_auth.accounts.parts import NOT_CURRENT, AccountParts
from graphql_auth.accounts.validation import InputValidator
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import InvalidCredentials, TokenReason, Unauthenticated, Unavailable
from graphql_auth.hooks import EventName
from graphql_auth.logs import LogRateLimit, describe_exception
from graphql_auth.mail.messages import Template
from graphql_auth.passwords.hash_queue import Priority
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.users.repository import new_password

SECONDS_BETWEEN_COMPLETIONS = 2.0
PASSWORD_CHANGES = {Kind.PASSWORD_CHANGE, Kind.PASSWORD_RESET}

logger = logging.getLogger(__name__)
_failures = LogRateLimit(seconds=60.0)


class PasswordChangeService(AccountParts):
    async def change(
        self, principal: Principal, current: str, new: str, client: ClientInfo
    ) -> SignedIn:
        """Change the caller's password, end their other sessions and renew this one.

        Raises BadInput, TooManyAttempts, InvalidCredentials for a wrong current password, and
        Unauthenticated when the session has ended or the user does not exist.
        """
        with InputValidator() as validator:
            validator.password("currentPassword", current)
            user = await self.load_caller(principal)
            await validator.new_password("newPassword", new, self.passwords.policy, user)
        keys, session_id = self.throttle.reauth_keys(principal.session_id), principal.session_id
        with security_log.record_refusals("change_password", principal.subject, client):
            await self.check_password("currentPassword", current, user, keys, client)
        new_hash = await self.passwords.hash(new, client.network, Priority.TRUSTED_DEVICE)
        if await self.sessions.get(principal.subject, session_id) is None:
            raise Unauthenticated(TokenReason.TOKEN_REVOKED)
        refusal = InvalidCredentials(NOT_CURRENT)
        # Before anything changes, because it can fail.
        stored = user.model_copy(update=new_password(user, new_hash))
        claims = await self.hooks.claims(stored)
        async with self.replace_password(user, new_hash, refusal, client, session_id) as changed:
            tokens = await self.sessions.renew(changed, session_id, claims)
        security_log.record("change_password", "success", principal.subject, client)
        return SignedIn(tokens, changed, self.device_tokens.issue(changed))

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
        if await self.log.remove(change) and event:
            await self.hooks.run(event, change.user_id)
