"""The use cases, one method each, to be read from top to bottom."""

from dataclasses import dataclass, field
from datetime import datetime

from graphql_auth.auth import emails
from graphql_auth.auth.form import Form
from graphql_auth.auth.hashing import HashQueue
from graphql_auth.auth.passwords import Passwords
from graphql_auth.auth.tokens import AccessToken, AccessTokens, Principal
from graphql_auth.errors import EmailTaken, InvalidCredentials
from graphql_auth.storage.documents import User
from graphql_auth.storage.users import Users


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
    """The answer to whoever registered or logged in."""

    token: AccessToken
    account: Account


class AuthService:
    """Accounts and sign-in. Every method raises Unavailable when a part does not do its work."""

    def __init__(
        self, users: Users, passwords: Passwords, hash_queue: HashQueue, tokens: AccessTokens
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._hash_queue = hash_queue
        self._tokens = tokens

    async def register(self, typed: Registration) -> SignedIn:
        """Make an account and sign its owner in.

        Raises BadInput with every field that is off, and EmailTaken.
        """
        form = Form()
        first_name = form.name("first_name", typed.first_name)
        last_name = form.name("last_name", typed.last_name)
        email = form.new_email("email", typed.email)
        form.password("password", typed.password)
        form.finish()
        await self._refuse_other_spellings(email)
        password = await self._hash_queue.run(lambda: self._passwords.hash(typed.password))
        user = await self._users.add(
            User(first_name=first_name, last_name=last_name, email=email, password=password)
        )
        return self._signed_in(user)

    async def login(self, email: str, password: str) -> SignedIn:
        """Sign a user in, and bring an outdated hash up to date.

        Raises BadInput when a field is empty or cannot be anyone's, and InvalidCredentials, after
        the same time, for an unknown address and for a wrong password.
        """
        form = Form()
        known_email = form.known_email("email", email)
        form.password("password", password)
        form.finish()
        user = await self._users.with_email(emails.spellings(known_email))
        stored = user.password if user else None
        verdict = await self._hash_queue.run(lambda: self._passwords.verify(password, stored))
        if user is None or not verdict.correct:
            raise InvalidCredentials
        if verdict.new_hash:
            await self._users.upgrade_password(user, verdict.new_hash)
        return self._signed_in(user)

    def authenticate(self, token: str) -> Principal:
        """Say whom an access token speaks for, without asking the database.

        Raises Unauthenticated.
        """
        return self._tokens.verify(token)

    async def account(self, principal: Principal) -> Account | None:
        """Return the account of whoever is signed in, or None when it is gone."""
        user = await self._users.with_id(principal.subject)
        return _account(user) if user else None

    async def _refuse_other_spellings(self, email: str) -> None:
        """Keep an address apart from the same one in a form that only the original stored.

        The unique index cannot do that, but neither can such a form be added any more.
        """
        others = emails.spellings(email)[1:]
        if others and await self._users.with_email(others):
            raise EmailTaken

    def _signed_in(self, user: User) -> SignedIn:
        account = _account(user)
        return SignedIn(self._tokens.issue(account.id), account)


def _account(user: User) -> Account:
    return Account(str(user.id), user.email, user.first_name, user.last_name, user.created_at)
