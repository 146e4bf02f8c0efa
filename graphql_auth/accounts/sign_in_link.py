"""Sign in by a link in a mail, if SIGN_IN_LINKS allows it."""

from graphql_auth import security_log
from graphql_auth.accounts.gate import Proof, SignedIn
from graphql_auth.accounts.parts import AccountParts
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import LinkExpired
from graphql_auth.tokens.one_time import Purpose
from graphql_auth.users.document import UserDocument


class SignInLinkService(AccountParts):
    async def request(self, email: str, client: ClientInfo) -> None:
        """Mail a link to a user, or to nobody; see ``request_link``."""
        self.features.require(SIGN_IN_LINKS=self.features.sign_in_links)
        await self.request_link(_choose_purpose, email, client)

    async def sign_in(self, token: str, client: ClientInfo) -> SignedIn:
        """Sign in the user of a link. Raises LinkExpired, EmailUnconfirmed and NotAvailable."""
        self.features.require(SIGN_IN_LINKS=self.features.sign_in_links)
        _, user = await self.open_link(Purpose.SIGN_IN_LINK, token, client)
        device_id = self.device_tokens.find_id(client.device_tokens, user)
        with security_log.record_outcome("sign_in_link", str(user.id), client):
            proves_account = user.email_confirmed_at is None and not user.password
            changes = {"email_confirmed_at": self.now()} if proves_account else {}
            claims = await self.gate.claims(user, Proof.LINK, **changes)
            await self.links.use(Purpose.SIGN_IN_LINK, token)
            if changes:
                user = await self.change_user(user, LinkExpired(), **changes)
            signed_in = await self.gate.begin_session(
                user, claims, Proof.LINK, client, device_id, is_announced=True
            )
        await self.hooks.run("login", str(user.id))
        return signed_in


def _choose_purpose(user: UserDocument | None) -> Purpose:
    """Return RESET_PASSWORD for an unconfirmed account with a password; see SessionGate."""
    is_unproven = user and user.password and user.email_confirmed_at is None
    return Purpose.RESET_PASSWORD if is_unproven else Purpose.SIGN_IN_LINK
