"""Confirm or change the e-mail of an account, by a link in a mail and a proof of the account."""

from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from typing import Any

from graphql_auth import security_log
from graphql_auth.accounts.change_log import Kind, LoggedChange
from graphql_auth.accounts.parts import AccountParts
from graphql_auth.accounts.validation import InputValidator
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import EmailTaken, LinkExpired, TokenReason, Unauthenticated, Unavailable
from graphql_auth.mail.messages import Template
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.tokens.one_time import Purpose
from graphql_auth.users import emails
from graphql_auth.users.document import UserDocument


class EmailChangeService(AccountParts):
    async def request_confirmation(self, principal: Principal, client: ClientInfo) -> UserDocument:
        """Mail the caller a link, unless their e-mail is confirmed; return the caller.

        Raises Unauthenticated, TooManyAttempts and NotAvailable.
        """
        self.features.require()
        user = await self.load_caller(principal)
        if user.email_confirmed_at is None:
            with security_log.record_outcome("request_confirm_email", principal.subject, client):
                await self.mail_confirmation(user, client)
        return user

    async def request_change(
        self, principal: Principal, current_password: str, email: str, client: ClientInfo
    ) -> None:
        """Mail a link to a new e-mail, or to nobody if it is taken, after the same work.

        The old e-mail is told at once. Raises BadInput, InvalidCredentials, TooManyAttempts,
        Unauthenticated and NotAvailable.
        """
        self.features.require()
        with InputValidator() as validator:
            validator.password("currentPassword", current_password)
            email = validator.new_email("newEmail", email)
        user = await self.load_caller(principal)
        with security_log.record_outcome("request_change_email", principal.subject, client):
            keys = self.throttle.reauth_keys(principal.session_id)
            await self.check_password("currentPassword", current_password, user, keys, client)
            async with self.mail_budget(email, client):
                holder = await self.users.find_by_email(email)
                to = None if holder else email
                # By user: a request for another e-mail ends this one.
                await self.mail_link(Purpose.CHANGE_EMAIL, str(user.id), user, to, new_email=email)
            await self.notices.send_or_queue(
                Template.EMAIL_CHANGE_REQUESTED, user, client, new_email=email
            )

    async def confirm(
        self,
        purpose: Purpose,
        token: str,
        caller_id: str | None,
        password: str | None,
        client: ClientInfo,
    ) -> UserDocument:
        """Confirm the e-mail of a link, or change the e-mail to that of a link; return the user.

        Raises LinkExpired, EmailTaken if the new e-mail has an account meanwhile, and what
        ``_prove_account`` raises.
        """
        link, user = await self.open_link(purpose, token, client)
        with security_log.record_outcome(purpose.value, str(user.id), client):
            await self._prove_account(user, caller_id, password, client)
            changes: dict[str, Any] = {"email_confirmed_at": self.now()}
            record: AbstractAsyncContextManager[LoggedChange | None] = nullcontext()
            if link.new_email:
                try:
                    await self.users.refuse_taken(link.new_email)
                except EmailTaken:
                    # Or this link was just used, by a second click.
                    await self.links.find(purpose, token)
                    raise
                changes["email"] = link.new_email
                # CompletionService does the rest after a crash. A notice twice does no harm.
                record = self.log.record(Kind.EMAIL_CHANGE, user)
            async with record as logged:
                await self.links.use(purpose, token)
                changed = await self.change_user(user, LinkExpired(), **changes)
        if logged:
            with suppress(Unavailable):
                # Otherwise they would work again when the user changes the e-mail back.
                await self.links.end_all(str(user.id))
                # The document from before the change: to the old e-mail.
                values = {"new_email": changed.email}
                await self.notices.send(Template.EMAIL_CHANGED, user, client, **values)
                await self.log.remove(logged)
        return changed

    async def _prove_account(
        self, user: UserDocument, caller_id: str | None, password: str | None, client: ClientInfo
    ) -> None:
        """Prove that the account is that of the caller: by their session, or by the password.

        The link in a mail proves the mailbox only. Without this, the click of its owner would
        confirm the account of a stranger.

        Raises BadInput, InvalidCredentials, TooManyAttempts, and Unauthenticated without either.
        """
        if caller_id == str(user.id):
            return
        if not password:
            raise Unauthenticated(TokenReason.TOKEN_MISSING)
        keys = self.throttle.login_keys(emails.canonicalize(user.email), client.ip_address)
        await self.check_password("password", password, user, keys, client)
