"""Change a password, and end all other sessions even if the process crashes in between."""

from graphql_auth import security_log
from graphql_auth.accounts.gate import SignedIn
from graphql_auth.accounts.parts import NOT_CURRENT, AccountParts
from graphql_auth.accounts.validation import InputValidator
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import InvalidCredentials, TokenReason, Unauthenticated
from graphql_auth.passwords.hash_queue import Priority
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.users.repository import new_password


class PasswordChangeService(AccountParts):
    async def change(
        self, principal: Principal, current: str, new: str, client: ClientInfo
    ) -> SignedIn:
        """Change the caller's password, end their other sessions and renew this one.

        Raises BadInput, TooManyAttempts, InvalidCredentials for a wrong current password, and
        Unauthenticated when the session has ended or the user does not exist. After an error, the
        password is the old one, except after Unavailable.
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
