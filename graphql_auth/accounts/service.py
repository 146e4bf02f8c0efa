"""Register and log in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql_auth import security_log
from graphql_auth.accounts.validation import InputValidator
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import InvalidCredentials
from graphql_auth.hooks import Hooks
from graphql_auth.mongo.clock import object_id_at
from graphql_auth.passwords.hash_queue import Priority
from graphql_auth.passwords.service import PasswordService
from graphql_auth.sessions.service import SessionService
from graphql_auth.sessions.tokens import Tokens
from graphql_auth.throttling.device_tokens import DeviceTokens
from graphql_auth.throttling.throttle import Throttle
from graphql_auth.users import emails
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository


@dataclass(frozen=True, slots=True)
class Registration:
    """The input of a new user."""

    first_name: str
    last_name: str
    email: str
    password: str = field(repr=False)
    # What an application adds to the document of a user.
    added: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A signed-in user and their tokens."""

    tokens: Tokens
    user: UserDocument
    device_token: str | None = field(default=None, repr=False)


@dataclass(eq=False, repr=False)
class AccountService:
    """Signs users up and in. Every method raises Unavailable."""

    users: UserRepository
    passwords: PasswordService
    throttle: Throttle
    device_tokens: DeviceTokens
    sessions: SessionService
    hooks: Hooks
    now: Callable[[], float]

    async def register(self, registration: Registration, client: ClientInfo) -> SignedIn:
        """Create an account and sign its owner in.

        Raises BadInput with every invalid field, TooManyAttempts and EmailTaken.
        """
        validator, password = InputValidator(), registration.password
        values = {
            "first_name": validator.name("firstName", registration.first_name),
            "last_name": validator.name("lastName", registration.last_name),
            "email": validator.new_email("email", registration.email),
        }
        user_inputs = (registration.first_name, registration.last_name, registration.email)
        await validator.new_password("password", password, self.passwords.policy, user_inputs)
        validator.finish()
        user = self.users.create(registration.added, id=object_id_at(self.now()), **values)
        with security_log.record_refusals("register", None, client):
            async with self.throttle.registration(client.ip_address):
                await self.users.refuse_taken(emails.spellings(user.email))
                user.password = await self.passwords.hash(password)
                await self.users.add(user)
            tokens = await self._start_session(user, client)
        security_log.record("register", "success", str(user.id), client)
        await self.hooks.run("register", str(user.id))
        return SignedIn(tokens, user, self.device_tokens.issue(user))

    async def login(
        self, email: str, password: str, client: ClientInfo, *device_tokens: str | None
    ) -> SignedIn:
        """Sign a user in, and replace an outdated hash.

        A device token proves an earlier sign-in on this device. Such a device has a rate limit of
        its own, so that an attacker guessing passwords cannot lock the owner out.

        Raises BadInput, TooManyAttempts and InvalidCredentials. An unknown e-mail, a wrong password
        and a disabled user take the same time (no timing side channel).
        """
        validator = InputValidator()
        email = validator.login_email("email", email)
        validator.password("password", password)
        validator.finish()
        user = await self.users.find_by_email(emails.spellings(email))
        device_id = self.device_tokens.find_id(device_tokens, user)
        if device_id:
            priority, keys = Priority.TRUSTED_DEVICE, self.throttle.device_keys(device_id)
        else:
            priority, keys = Priority.DEFAULT, self.throttle.login_keys(email, client.ip_address)
        with security_log.record_refusals("login", str(user.id) if user else None, client):
            async with self.throttle.attempt(keys) as attempt:
                stored = user.password if user else None
                result = await self.passwords.verify(password, stored, priority)
                attempt.is_counted = user is None or user.disabled or not result.correct
            if user is None or attempt.is_counted:
                raise InvalidCredentials
            if result.new_hash:
                await self.users.upgrade_password(user, result.new_hash)
            tokens = await self._start_session(user, client)
        security_log.record("login", "success", str(user.id), client)
        await self.hooks.run("login", str(user.id))
        return SignedIn(tokens, user, self.device_tokens.issue(user, device_id))

    async def _start_session(self, user: UserDocument, client: ClientInfo) -> Tokens:
        """Start a session, unless the user has changed since; raises InvalidCredentials then.

        Disabling a user, changing a password or revoking a role revokes the sessions that exist at
        that time. This one may have been stored just after that.
        """
        tokens = await self.sessions.start(user, client)
        if not await self.users.is_unchanged(user):
            await self.sessions.end(str(user.id), tokens.session_id)
            raise InvalidCredentials
        return tokens
