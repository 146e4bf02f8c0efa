"""Register, log in, change the names and delete the account."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from graphql_auth import security_log
from graphql_auth.accounts.features import RegistrationMode
from graphql_auth.accounts.gate import Proof, SignedIn
from graphql_auth.accounts.parts import NOT_CURRENT, AccountParts
from graphql_auth.accounts.validation import InputValidator, Registration
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import (
    EmailUnconfirmed,
    InvalidCredentials,
    NotAvailable,
    TokenReason,
    TooManyAttempts,
    Unauthenticated,
)
from graphql_auth.passwords.hash_queue import Priority
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.users.document import UserDocument


class AccountService(AccountParts):
    async def register(self, registration: Registration, client: ClientInfo) -> SignedIn:
        """Create an account and sign its owner in.

        Raises BadInput with every invalid field, TooManyAttempts, EmailTaken, NotAvailable, and
        EmailUnconfirmed where confirmation is required; then there is an account.
        """
        if self.features.registration is not RegistrationMode.OPEN:
            raise NotAvailable("REGISTRATION")
        user = await self.create_user(registration)
        with security_log.record_refusals("register", None, client):
            async with self.throttle.registration(client.ip_address):
                await self.set_new_password(user, registration.password, client)
                claims = await self.gate.claims(user, Proof.PASSWORD)
                await self.users.add(user)
        security_log.record("register", "success", str(user.id), client)
        await self.hooks.run("register", str(user.id))
        return await self._begin_session(user, claims, client)

    async def login(self, email: str, password: str, client: ClientInfo) -> SignedIn:
        """Sign a user in, and replace an outdated hash.

        A device token proves an earlier sign-in on this device. Such a device has a rate limit of
        its own, so that an attacker guessing passwords cannot lock the owner out.

        Raises BadInput, TooManyAttempts and InvalidCredentials. An unknown e-mail, a wrong password
        and a disabled user take the same time (no timing side channel). Raises EmailUnconfirmed for
        the right password where confirmation is required.
        """
        with InputValidator() as validator:
            email = validator.login_email("email", email)
            validator.password("password", password)
        user = await self.users.find_by_email(email)
        device_id = self.device_tokens.find_id(client.device_tokens, user)
        if device_id:
            priority, keys = Priority.TRUSTED_DEVICE, self.throttle.device_keys(device_id)
        else:
            priority, keys = Priority.DEFAULT, self.throttle.login_keys(email, client.ip_address)
        with security_log.record_outcome("login", str(user.id) if user else None, client):
            async with self.throttle.attempt(keys) as attempt:
                stored = user.password if user else None
                result = await self.passwords.verify(password, stored, client.network, priority)
                attempt.is_counted = user is None or user.disabled or not result.correct
            if user is None or attempt.is_counted:
                raise InvalidCredentials
            claims = await self.gate.claims(user, Proof.PASSWORD)
            if result.new_hash:
                await self.users.upgrade_password(user, result.new_hash)
            signed_in = await self._begin_session(
                user, claims, client, device_id, is_announced=True
            )
        await self.hooks.run("login", str(user.id))
        return signed_in

    async def update_profile(
        self, principal: Principal, first_name: str | None, last_name: str | None
    ) -> UserDocument:
        """Change the names that are given, and return the caller.

        Raises BadInput, and Unauthenticated when the user does not exist, or has just changed.
        """
        changes = dict[str, str]()
        with InputValidator() as validator:
            if isinstance(first_name, str):
                changes["first_name"] = validator.name("firstName", first_name)
            if isinstance(last_name, str):
                changes["last_name"] = validator.name("lastName", last_name)
        user = await self.load_caller(principal)
        refusal = Unauthenticated(TokenReason.TOKEN_REVOKED)
        return await self.change_user(user, refusal, **changes) if changes else user

    async def delete(self, principal: Principal, current_password: str, client: ClientInfo) -> None:
        """Delete the caller's account.

        Raises BadInput, TooManyAttempts, InvalidCredentials for a wrong current password, and
        Unauthenticated when the user does not exist.
        """
        user = await self.load_caller(principal)
        with security_log.record_refusals("delete_account", principal.subject, client):
            keys = self.throttle.reauth_keys(principal.session_id)
            await self.check_password("currentPassword", current_password, user, keys, client)
            await self.delete_user(user, InvalidCredentials(NOT_CURRENT), client)

    async def _begin_session(
        self,
        user: UserDocument,
        claims: Mapping[str, Any],
        client: ClientInfo,
        device_id: str | None = None,
        *,
        is_announced: bool = False,
    ) -> SignedIn:
        try:
            return await self.gate.begin_session(
                user, claims, Proof.PASSWORD, client, device_id, is_announced=is_announced
            )
        except EmailUnconfirmed:
            if self.features.mail:
                with suppress(TooManyAttempts):
                    await self.mail_confirmation(user, client)
            raise
