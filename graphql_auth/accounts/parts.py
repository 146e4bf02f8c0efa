"""What the services of accounts are made of, and what several of them do."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from graphql_auth import security_log
from graphql_auth.accounts.change_log import ChangeLog, Kind
from graphql_auth.accounts.features import Features
from graphql_auth.accounts.gate import SessionGate
from graphql_auth.accounts.notices import Notices
from graphql_auth.accounts.validation import InputValidator, Registration
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import (
    ApplicationError,
    InvalidCredentials,
    LinkExpired,
    TokenReason,
    Unauthenticated,
    Unavailable,
)
from graphql_auth.hooks import Hooks
from graphql_auth.mail.messages import FRAGMENTS, Template
from graphql_auth.mail.outbox import Outbox
from graphql_auth.mongo.clock import object_id_at
from graphql_auth.passwords.hash_queue import Priority
from graphql_auth.passwords.service import PasswordService
from graphql_auth.sessions.service import SessionService
from graphql_auth.throttling.device_tokens import DeviceTokens
from graphql_auth.throttling.throttle import Throttle, ThrottleKey
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.tokens.document import LinkDocument
from graphql_auth.tokens.one_time import OneTimeTokens, Purpose
from graphql_auth.users import emails
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository, new_password

NOT_CURRENT = "The current password is wrong."


@dataclass(eq=False, repr=False)
class AccountParts:
    """The base of the services of accounts. Every method of them raises Unavailable."""

    users: UserRepository
    passwords: PasswordService
    throttle: Throttle
    device_tokens: DeviceTokens
    sessions: SessionService
    gate: SessionGate
    links: OneTimeTokens
    outbox: Outbox
    notices: Notices
    features: Features
    hooks: Hooks
    log: ChangeLog
    now: Callable[[], datetime]

    @classmethod
    def from_parts(cls, parts: "AccountParts") -> Self:
        """Create a service that shares these parts."""
        return cls(**vars(parts))

    async def load_caller(self, principal: Principal) -> UserDocument:
        """Return the signed-in user; raises Unauthenticated if it is missing or disabled."""
        user = await self.users.get(principal.subject)
        if user is None or user.disabled:
            raise Unauthenticated(TokenReason.TOKEN_REVOKED)
        return user

    async def create_user(self, registration: Registration) -> UserDocument:
        """Return a user that is not stored yet, without a password.

        Raises BadInput with every invalid field.
        """
        policy = self.passwords.policy
        with InputValidator() as validator:
            values = {
                "first_name": validator.name("firstName", registration.first_name),
                "last_name": validator.name("lastName", registration.last_name),
                "email": validator.new_email("email", registration.email),
            }
            await validator.new_password("password", registration.password, policy, registration)
        return self.users.create(registration.added, id=object_id_at(self.now()), **values)

    async def set_new_password(self, user: UserDocument, password: str, client: ClientInfo) -> None:
        """Hash the password of a user that is not stored yet. Raises EmailTaken."""
        await self.users.refuse_taken(user.email)
        user.password = await self.passwords.hash(password, client.network)

    async def check_password(  # noqa: PLR0913, PLR0917 - what is checked, and for whom
        self,
        field: str,
        password: str,
        user: UserDocument,
        keys: list[ThrottleKey],
        client: ClientInfo,
        refusal: str = NOT_CURRENT,
    ) -> None:
        """Verify the password of a user in a field of an input, within the rate limit of the keys.

        Raises BadInput, InvalidCredentials with the message ``refusal``, and TooManyAttempts.
        """
        with InputValidator() as validator:
            validator.password(field, password)
        priority = Priority.TRUSTED_DEVICE
        async with self.throttle.attempt(keys) as attempt:
            result = await self.passwords.verify(password, user.password, client.network, priority)
            attempt.is_counted = not result.correct
        if not result.correct:
            raise InvalidCredentials(refusal)

    async def change_user(
        self, user: UserDocument, refusal: ApplicationError, **changes: Any
    ) -> UserDocument:
        """Set fields, and return the changed user. Raises EmailTaken.

        Raises ``refusal`` if e-mail or password were changed since ``user`` was read.
        """
        changed = await self.users.change(user, **changes)
        if changed is None:
            raise refusal
        return changed

    @asynccontextmanager
    async def mail_budget(
        self,
        email: str,
        client: ClientInfo,
        known: UserDocument | None = None,
        kind: str = "mail",
    ) -> AsyncIterator[None]:
        """Count a mail that a client asks for, also if none is sent. Raises TooManyAttempts.

        The devices of a known user have their own limit, so that strangers cannot keep the owner
        from a reset. Whose account it is has been proved only if its e-mail is confirmed.
        """
        if known is None:
            keys = self.throttle.stranger_mail_keys(email, client.ip_address, kind)
        else:
            keys = [self.throttle.device_mail_key(email, known)]
            if not known.email_confirmed_at:
                keys.insert(0, self.throttle.network_mail_key(client.ip_address))
        async with self.throttle.attempt(keys) as attempt:
            attempt.is_counted = True
            yield

    async def mail_link(
        self,
        purpose: Purpose,
        key: str,
        user: UserDocument | None,
        to: str | None,
        **values: Any,
    ) -> LinkDocument:
        """Store a link and its mail. Without ``to`` both are decoys: nobody gets the mail.

        A further link of this purpose and key ends this one.
        """
        template = values.pop("template", Template(purpose.value))
        if user:
            values |= {
                "user_id": user.id,
                "email": user.email,
                "password_changes": user.password_changes,
            }
        link = await self.links.create(purpose, key, **values)
        await self.outbox.add(
            template,
            to,
            user_id=str(user.id) if user else None,
            # Not in the mail that only says that there is an account.
            link=link.reference if template in FRAGMENTS else None,
            expires_at=link.expires_at,
        )
        return link

    async def mail_confirmation(self, user: UserDocument, client: ClientInfo) -> None:
        """Mail a link that confirms the e-mail of a user. Raises TooManyAttempts."""
        email = emails.canonicalize(user.email)
        # Strangers cannot use this limit up: the caller has a session or the password.
        async with self.mail_budget(email, client, kind="confirm"):
            await self.mail_link(Purpose.CONFIRM_EMAIL, email, user, user.email)

    async def request_link(
        self, choose: Callable[[UserDocument | None], Purpose], email: str, client: ClientInfo
    ) -> None:
        """Mail a link to the user who has this e-mail; otherwise to nobody, after the same work.

        Raises BadInput, TooManyAttempts and NotAvailable.
        """
        self.features.require()
        with InputValidator() as validator:
            email = validator.login_email("email", email)
        user = await self.users.find_by_email(email)
        purpose, user_id = choose(user), str(user.id) if user else None
        known = user if self.device_tokens.find_id(client.device_tokens, user) else None
        with security_log.record_outcome(f"request_{purpose}", user_id, client):
            async with self.mail_budget(email, client, known):
                to = user.email if user and not user.disabled else None
                await self.mail_link(purpose, email, user, to)

    async def open_link(
        self, purpose: Purpose, token: str, client: ClientInfo
    ) -> tuple[LinkDocument, UserDocument]:
        """Return a link and its user, without using it up.

        Raises LinkExpired also if the password or the e-mail of the user has changed.
        """
        with security_log.record_refusals(purpose.value, None, client):
            link = await self.links.find(purpose, token)
            user = await self.users.get(str(link.user_id)) if link.user_id else None
            if (
                user is None
                or user.disabled
                or (user.email, user.password_changes) != (link.email, link.password_changes)
            ):
                raise LinkExpired
        return link, user

    @asynccontextmanager
    async def replace_password(
        self,
        user: UserDocument,
        new_hash: str,
        refusal: ApplicationError,
        client: ClientInfo,
        kept_session: str | None = None,
        **changes: Any,
    ) -> AsyncIterator[UserDocument]:
        """Replace the password, end all sessions except one, and yield the changed user.

        Raises ``refusal`` if the password was changed since ``user`` was read.
        """
        kind = Kind.PASSWORD_CHANGE if kept_session else Kind.PASSWORD_RESET
        async with self.log.record(kind, user, new_hash, kept_session) as logged:
            changed = await self.users.change(user, **new_password(user, new_hash), **changes)
            if changed is None:
                raise refusal
            await self.sessions.end_others(changed, kept_session)
        yield changed
        with suppress(Unavailable):
            await self.notices.send(Template.PASSWORD_CHANGED, changed, client)
            if await self.log.remove(logged):
                # Otherwise another process has completed this change, and has run them.
                await self.hooks.run("password_changed", str(user.id))

    async def delete_user(
        self, user: UserDocument, refusal: ApplicationError, client: ClientInfo
    ) -> None:
        """Delete a user; CompletionService does the rest after a crash.

        Raises ``refusal`` if e-mail or password were changed since ``user`` was read.
        """
        user_id = str(user.id)
        async with self.log.record(Kind.DELETION, user) as logged:
            if not await self.users.delete(user):
                raise refusal
        await self.erase(user_id, logged.email)
        security_log.record("delete_account", "success", user_id, client)
        if await self.log.remove(logged, has_deleted=True):
            # Otherwise another process has completed it, and has run them.
            await self.hooks.run("user_deleted", user_id)

    async def erase(self, user_id: str, email: str) -> None:
        """Delete what is stored of a deleted user in other collections."""
        email = emails.canonicalize(email)
        await self.sessions.erase(user_id)
        await self.links.end_all(user_id, email)
        await self.outbox.remove_all(user_id, email)
