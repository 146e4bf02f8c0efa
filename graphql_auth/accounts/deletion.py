"""Delete an account, and all that is stored of its user."""

from dataclasses import dataclass

from graphql_auth import security_log
from graphql_auth.accounts.change_log import ChangeLog, Kind
from graphql_auth.accounts.parts import NOT_CURRENT, AccountParts
from graphql_auth.accounts.validation import InputValidator
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import ApplicationError, InvalidCredentials
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.users import emails
from graphql_auth.users.document import UserDocument


@dataclass(eq=False, repr=False)
class AccountDeletionService(AccountParts):
    log: ChangeLog

    async def delete(self, principal: Principal, current_password: str, client: ClientInfo) -> None:
        """Delete the caller's account.

        Raises BadInput, TooManyAttempts, InvalidCredentials for a wrong current password, and
        Unauthenticated when the user does not exist.
        """
        validator = InputValidator()
        validator.password("currentPassword", current_password)
        validator.finish()
        user = await self.load_caller(principal)
        with security_log.record_refusals("delete_account", principal.subject, client):
            keys = self.throttle.reauth_keys(principal.session_id)
            await self.check_password(current_password, user.password, keys)
            await self.remove(user, InvalidCredentials(NOT_CURRENT), client)

    async def remove(
        self, user: UserDocument, refusal: ApplicationError, client: ClientInfo
    ) -> None:
        """Delete a user; ``complete_overdue`` does the rest after a crash.

        Raises ``refusal`` if e-mail or password were changed since ``user`` was read.
        """
        user_id, logged = str(user.id), await self.log.add(Kind.DELETION, user)
        if not await self.users.delete(user):
            await self.log.remove(logged)
            raise refusal
        await self.erase(user_id, logged.email)
        security_log.record("delete_account", "success", user_id, client)
        if await self.log.remove(logged):
            # Otherwise another process has completed it, and has run them.
            await self.hooks.run("user_deleted", user_id)

    async def erase(self, user_id: str, email: str) -> None:
        """Delete what is stored of a deleted user in other collections."""
        email = emails.canonicalize(email)
        await self.sessions.erase(user_id)
        await self.links.end_all(user_id, email)
        await self.outbox.remove_all(user_id, email)
