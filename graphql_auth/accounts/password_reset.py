"""Reset a forgotten password, by a link in a mail.

The order is: ask for the claims, use the link up, change the password, end all sessions. After a
crash in between, the user asks for another link, or the log of password changes completes it.
"""

from graphql_auth import security_log
from graphql_auth.accounts.gate import Proof, SignedIn
from graphql_auth.accounts.parts import AccountParts
from graphql_auth.accounts.validation import InputValidator
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import LinkExpired
from graphql_auth.passwords.hash_queue import Priority
from graphql_auth.tokens.one_time import Purpose
from graphql_auth.users.repository import new_password


class PasswordResetService(AccountParts):
    async def request(self, email: str, client: ClientInfo) -> None:
        """Mail a link to a user, or to nobody; see ``request_link``."""
        await self.request_link(lambda _: Purpose.RESET_PASSWORD, email, client)

    async def reset(self, token: str, new: str, client: ClientInfo) -> SignedIn:
        """Set a new password, end all sessions of the user and sign them in.

        It confirms the e-mail. Sessions, device tokens and links of before end, also those of a
        stranger who registered with the e-mail.

        Raises BadInput and LinkExpired.
        """
        _, user = await self.open_link(Purpose.RESET_PASSWORD, token, client)
        with InputValidator() as validator:
            await validator.new_password("newPassword", new, self.passwords.policy, user)
        device_id = self.device_tokens.find_id(client.device_tokens, user)
        with security_log.record_outcome("reset_password", str(user.id), client):
            new_hash = await self.passwords.hash(new, client.network, Priority.TRUSTED_DEVICE)
            now, changes = self.now(), new_password(user, new_hash)
            claims = await self.gate.claims(user, Proof.LINK, email_confirmed_at=now, **changes)
            await self.links.use(Purpose.RESET_PASSWORD, token)
            async with self.replace_password(
                user, new_hash, LinkExpired(), client, email_confirmed_at=now
            ) as changed:
                pass
            return await self.gate.begin_session(changed, claims, Proof.LINK, client, device_id)
