"""What an operator does to users; it counts in every process at once."""

from graphql_auth.accounts.validation import InputValidator
from graphql_auth.errors import BadInput
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.users import emails
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository


class UserNotFound(Exception):
    """No user has this address."""


class UserAdmin:
    """Every method raises NoSuchUser, and Unavailable when the database does not do its work.

    Each can be repeated, and has to be after an error, for its steps are taken one by one.
    """

    def __init__(self, users: UserRepository, sessions: SessionRepository) -> None:
        self._users = users
        self._sessions = sessions

    async def disable(self, email: str) -> str:
        """Sign a user out everywhere, and let nobody sign in; return the address as stored."""
        user = await self._found(email)
        await self._users.disable(user, disabled=True)
        await self._sessions.end_all(str(user.id))
        return user.email

    async def enable(self, email: str) -> str:
        """Let a disabled user sign in again; return the address as stored."""
        user = await self._found(email)
        await self._users.disable(user, disabled=False)
        return user.email

    async def delete(self, email: str) -> str:
        """Sign a user out everywhere and remove the account; return the address as stored."""
        address = await self.disable(email)
        await self._users.delete(await self._found(address))
        return address

    async def _found(self, email: str) -> UserDocument:
        form = InputValidator()
        address = form.known_email("email", email)
        try:
            form.finish()
        except BadInput:
            raise UserNotFound from None
        user = await self._users.with_email(emails.spellings(address))
        if user is None:
            raise UserNotFound
        return user
