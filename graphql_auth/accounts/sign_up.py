"""Sign up: an account begins to exist when its owner opens the link in the mail.

Until then nobody has the e-mail, so that nobody can take it away from its owner.
"""

from graphql_auth import security_log
from graphql_auth.accounts.features import RegistrationMode
from graphql_auth.accounts.gate import Proof, SignedIn
from graphql_auth.accounts.parts import AccountParts
from graphql_auth.accounts.validation import Registration
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import EmailTaken
from graphql_auth.mail.messages import Template
from graphql_auth.mongo.clock import object_id_at
from graphql_auth.tokens.one_time import Purpose


class SignUpService(AccountParts):
    async def request(self, registration: Registration, client: ClientInfo) -> None:
        """Store a registration, and mail the link that completes it.

        A taken e-mail gets another mail, after the same work. Raises BadInput, TooManyAttempts and
        NotAvailable.
        """
        self.features.require(REGISTRATION=self.features.registration != RegistrationMode.CLOSED)
        user = await self.create_user(registration)
        with security_log.record_outcome("sign_up", None, client):
            async with self.mail_budget(user.email, client):
                user.password = await self.passwords.hash(registration.password, client.network)
                template = Template.SIGN_UP
                try:
                    await self.users.refuse_taken(user.email)
                except EmailTaken:
                    template = Template.SIGN_UP_TAKEN
                pending = self.users.dump(user)
                await self.mail_link(
                    Purpose.SIGN_UP,
                    user.email,
                    None,
                    user.email,
                    template=template,
                    pending=pending,
                )

    async def confirm(self, token: str, password: str, client: ClientInfo) -> SignedIn:
        """Create the account of a link, and sign its owner in.

        The password is that of the sign-up: otherwise the click of the owner of the e-mail would
        complete the sign-up of a stranger, who knows the password.

        Raises BadInput, LinkExpired, InvalidCredentials, TooManyAttempts, NotAvailable, and
        EmailTaken if there is an account meanwhile.
        """
        self.features.require(REGISTRATION=self.features.registration != RegistrationMode.CLOSED)
        with security_log.record_refusals("confirm_sign_up", None, client):
            link = await self.links.find(Purpose.SIGN_UP, token)
            user = self.users.load(link.pending)
            keys = self.throttle.login_keys(str(link.id), client.ip_address)
            refusal = "This is not the password of this sign-up."
            await self.check_password("password", password, user, keys, client, refusal)
            await self.users.refuse_taken(user.email)
            user.id, user.email_confirmed_at = object_id_at(self.now()), self.now()
            claims = await self.gate.claims(user, Proof.LINK)
            await self.users.add(user)
            # After that, so that the link stays valid if the database refuses the user. The unique
            # index lets one of several calls succeed.
            await self.links.end_all(str(user.id), user.email)
        security_log.record("confirm_sign_up", "success", str(user.id), client)
        await self.hooks.run("register", str(user.id))
        return await self.gate.begin_session(user, claims, Proof.LINK, client)
