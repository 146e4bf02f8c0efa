"""The use cases, one method each, to be read from top to bottom."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from graphql_auth import security_log as events
from graphql_auth.accounts.password_changes import ABANDONED, PasswordChanges
from graphql_auth.accounts.validation import InputValidator
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import (
    InvalidCredentials,
    TokenReason,
    Unauthenticated,
)
from graphql_auth.mongo.clock import object_id_at
from graphql_auth.passwords.hash_queue import HashQueue, Priority
from graphql_auth.passwords.hasher import PasswordHasher, VerifyResult
from graphql_auth.passwords.policy import PasswordPolicy
from graphql_auth.sessions.rotation import RefreshTokenRotation
from graphql_auth.sessions.service import SessionService
from graphql_auth.sessions.tokens import Tokens
from graphql_auth.throttling.device_tokens import DeviceTokens
from graphql_auth.throttling.throttle import Throttle
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.users import emails
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository


@dataclass(frozen=True, slots=True)
class Account:
    """What a signed-in person may know of their own account: never the hash."""

    id: str
    email: str
    first_name: str
    last_name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Registration:
    """What a new user typed, as it was typed."""

    first_name: str
    last_name: str
    email: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The answer to whoever signs in, or carries on."""

    tokens: Tokens
    account: Account
    device_token: str | None = field(default=None, repr=False)


class AccountService:
    """Accounts and sign-in. Every method raises Unavailable when a part does not do its work."""

    def __init__(  # noqa: PLR0913 - the composition root names each
        self,
        *,
        users: UserRepository,
        passwords: PasswordHasher,
        rules: PasswordPolicy,
        hash_queue: HashQueue,
        throttle: Throttle,
        devices: DeviceTokens,
        sessions: SessionService,
        rotation: RefreshTokenRotation,
        password_changes: PasswordChanges,
        now: Callable[[], float],
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._rules = rules
        self._hash_queue = hash_queue
        self._throttle = throttle
        self._devices = devices
        self._sessions = sessions
        self._rotation = rotation
        self._password_changes = password_changes
        self._now = now

    async def register(self, typed: Registration, client: ClientInfo) -> SignedIn:
        """Make an account and sign its owner in.

        Raises BadInput with every field that is off, TooManyAttempts and EmailTaken.
        """
        form = InputValidator()
        first_name = form.name("firstName", typed.first_name)
        last_name = form.name("lastName", typed.last_name)
        email = form.new_email("email", typed.email)
        own = (typed.first_name, typed.last_name, typed.email)
        await form.new_password("password", typed.password, self._rules, own)
        form.finish()
        with events.record_refusals("register", None, client):
            async with self._throttle.registration(client.ip_address):
                await self._users.refuse_taken(emails.spellings(email))
                password = await self._hash_queue.run(lambda: self._passwords.hash(typed.password))
                user = await self._users.add(
                    UserDocument(
                        id=object_id_at(self._now()),
                        first_name=first_name,
                        last_name=last_name,
                        email=email,
                        password=password,
                    )
                )
        tokens = await self._start_session(user, client)
        events.record("register", "success", str(user.id), client)
        return SignedIn(tokens, _account(user), self._devices.issue(user))

    async def login(
        self, email: str, password: str, client: ClientInfo, *device_tokens: str | None
    ) -> SignedIn:
        """Sign a user in, and bring an outdated hash up to date.

        A device that proves, by any of its tokens, that it signed in before has a budget of
        failures of its own, and is served first. Raises BadInput when a field is empty or
        cannot be anyone's, TooManyAttempts, and InvalidCredentials, after the same time, for an
        unknown address, a wrong password and a disabled user.
        """
        form = InputValidator()
        known_email = form.known_email("email", email)
        form.password("password", password)
        form.finish()
        user = await self._users.with_email(emails.spellings(known_email))
        known = self._devices.find_id(device_tokens, user)
        with events.record_refusals("login", str(user.id) if user else None, client):
            user, verdict = await self._verify_within_limits(
                user, password, known_email, known, client
            )
        if verdict.new_hash:
            await self._users.upgrade_password(user, verdict.new_hash)
        tokens = await self._start_session(user, client)
        events.record("login", "success", str(user.id), client)
        return SignedIn(tokens, _account(user), self._devices.issue(user, known))

    async def refresh(self, refresh_token: str, client: ClientInfo) -> SignedIn:
        """Carry a session on; see RefreshTokenRotation. Raises Unauthenticated."""
        user, tokens = await self._rotation.refresh(refresh_token, client)
        return SignedIn(tokens, _account(user))

    async def change_password(
        self, principal: Principal, current: str, new: str, client: ClientInfo
    ) -> SignedIn:
        """Change the caller's password, end their other sessions and begin this one's chain anew.

        Raises BadInput, TooManyAttempts, InvalidCredentials when the current password is another,
        and Unauthenticated when the session or the user is gone.
        """
        form = InputValidator()
        form.password("currentPassword", current)
        user = await self._users.with_id(principal.subject)
        if user is None:
            raise Unauthenticated(TokenReason.TOKEN_REVOKED)
        own = (user.first_name, user.last_name, user.email)
        await form.new_password("newPassword", new, self._rules, own)
        form.finish()
        with events.record_refusals("change_password", principal.subject, client):
            keys = self._throttle.reauth_keys(principal.session_id)
            async with self._throttle.attempt(keys) as attempt:
                verdict = await self._verdict(user, current, Priority.TRUSTED_DEVICE)
                attempt.counts = not verdict.correct
            if not verdict.correct:
                raise InvalidCredentials
        new_hash = await self._hash_queue.run(
            lambda: self._passwords.hash(new), Priority.TRUSTED_DEVICE
        )
        if await self._sessions.get(principal.subject, principal.session_id) is None:
            raise Unauthenticated(TokenReason.TOKEN_REVOKED)
        change = await self._password_changes.begin(user, new_hash, principal.session_id)
        changed = await self._users.change_password(user, new_hash)
        if changed is None:
            await self._password_changes.remove(change)
            raise InvalidCredentials
        await self._sessions.end_others(changed, principal.session_id)
        tokens = await self._sessions.renew(changed, principal.session_id)
        await self._password_changes.remove(change)
        events.record("change_password", "success", principal.subject, client)
        return SignedIn(tokens, _account(changed), self._devices.issue(changed))

    async def complete_password_changes(self) -> None:
        """Complete the changes of processes that died, or lost the database, in between."""
        for change in await self._password_changes.overdue():
            user = await self._users.with_id(change.user_id)
            if user and change.was_made(user):
                if change.is_last(user):
                    await self._sessions.keep(user, change.kept_session)
                await self._sessions.end_others(user)
            elif user and self._now() < (change.begun_at + ABANDONED).timestamp():
                # It may still be made.
                continue
            await self._password_changes.remove(change)

    async def account(self, principal: Principal) -> Account | None:
        """Return the account of whoever is signed in, or None when it is gone."""
        user = await self._users.with_id(principal.subject)
        return _account(user) if user else None

    async def _start_session(self, user: UserDocument, client: ClientInfo) -> Tokens:
        """Begin a session, unless the user has changed since; raises InvalidCredentials then.

        Whoever changed the password or disabled the user meanwhile has ended the sessions that
        they saw; this may be one that they did not see.
        """
        tokens = await self._sessions.start(user, client)
        if not await self._users.is_unchanged(user):
            await self._sessions.end(str(user.id), tokens.session_id)
            raise InvalidCredentials
        return tokens

    async def _verify_within_limits(
        self,
        user: UserDocument | None,
        password: str,
        email: str,
        known: str | None,
        client: ClientInfo,
    ) -> tuple[UserDocument, VerifyResult]:
        """Verify a password within its budget; raises TooManyAttempts and InvalidCredentials."""
        keys = (
            self._throttle.device_keys(known)
            if known
            else self._throttle.login_keys(email, client.ip_address)
        )
        async with self._throttle.attempt(keys) as attempt:
            turn = Priority.TRUSTED_DEVICE if known else Priority.DEFAULT
            verdict = await self._verdict(user, password, turn)
            attempt.counts = user is None or not verdict.correct or user.disabled
        if user is None or attempt.counts:
            raise InvalidCredentials
        return user, verdict

    async def _verdict(
        self, user: UserDocument | None, password: str, turn: Priority
    ) -> VerifyResult:
        stored = user.password if user else None
        return await self._hash_queue.run(lambda: self._passwords.verify(password, stored), turn)


def _account(user: UserDocument) -> Account:
    return Account(str(user.id), user.email, user.first_name, user.last_name, user.created_at)
