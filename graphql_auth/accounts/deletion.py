"""Delete an account, and all that is stored of its user."""

from dataclasses import dataclass

from graphql_auth import security_log
from graphql_auth.accounts.change_log import ChangeLog, Kind
from graphql_auth.accounts.parts import NOT_CURRENT, AccountParts
from graphql_auth.accounts.validation import InputValidator
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import InvalidCredentials
from graphql_auth.tokens.access_tokens import Principal


@dataclass(eq=False, repr=False)
class AccountDeletionService(AccountParts):
    log: ChangeLog

    async def delete(self, principal: Principal, current_password: str, client: ClientInfo) -> None:
        """Delete the caller's account; ``complete_overdue`` does the rest after a crash.

        Raises BadInput, TooManyAttempts, InvalidCredentials for a wrong current password, and
        Unauthenticated when the user does not exist.
        """
        validator = InputValidator()
        validator.password("currentPassword", current_password)
        validator.finish()
        user = await self.load_caller(principal)
        with security_log.record_outcome("delete_account", principal.subject, client):
            keys = self.throttle.reauth_keys(principal.session_id)
            await self.check_password(current_password, user.password, keys)
            logged = await self.log.add(Kind.DELETION, user)
            if not await self.users.delete(user):
                await self.log.remove(logged)
                raise InvalidCredentials(NOT_CURRENT)
            await self.erase(principal.subject)
        if await self.log.remove(logged):
            # Otherwise another process has completed it, and has run them.
            await self.hooks.run("user_deleted", principal.subject)

    async def erase(self, user_id: str) -> None:
        """Delete what is stored of a deleted user in other collections."""
        for erase in (self.sessions.erase, self.links.end_all, self.outbox.remove_all):
            await erase(user_id)
