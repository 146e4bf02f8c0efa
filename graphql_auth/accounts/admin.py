"""What an operator does to users. New logins are refused at once; sessions end within a second."""

from graphql_auth.accounts.validation import InputValidator
from graphql_auth.errors import BadInput
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.users import emails
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository


class UserNotFound(Exception):
    """No user has this e-mail."""


class RoleRefused(Exception):
    """The user cannot get a further role."""


class UserAdmin:
    """Changes users and their roles; each method returns the e-mail as it is stored.

    Every method raises UserNotFound and Unavailable. It is idempotent, and must be repeated after
    an error, since it takes several commands.
    """

    def __init__(self, users: UserRepository, sessions: SessionRepository) -> None:
        self._users = users
        self._sessions = sessions

    async def disable(self, email: str) -> str:
        """End all sessions of a user, and refuse to sign them in."""
        user = await self._find(email)
        await self._users.disable(user, disabled=True)
        await self._sessions.end_all(str(user.id))
        return user.email

    async def enable(self, email: str) -> str:
        """Allow a disabled user to sign in again."""
        user = await self._find(email)
        await self._users.disable(user, disabled=False)
        return user.email

    async def delete(self, email: str) -> str:
        """End all sessions of a user and delete the account."""
        stored_email = await self.disable(email)
        await self._users.delete(await self._find(stored_email))
        return stored_email

    async def grant(self, email: str, role: str) -> str:
        """Give a user a role, from the next login or refresh on. Raises RoleRefused."""
        user = await self._find(email)
        if role not in user.roles and not await self._users.add_role(user, role):
            raise RoleRefused
        return user.email

    async def revoke(self, email: str, role: str) -> str:
        """Take a role from a user, and end all sessions, because their tokens can name the role."""
        user = await self._find(email)
        await self._users.remove_role(user, role)
        # Also if the role was removed before, by a command that was interrupted here.
        await self._sessions.end_all(str(user.id))
        return user.email

    async def _find(self, email: str) -> UserDocument:
        validator = InputValidator()
        canonical = validator.login_email("email", email)
        try:
            validator.finish()
        except BadInput:
            raise UserNotFound from None
        user = await self._users.find_by_email(emails.spellings(canonical))
        if user is None:
            raise UserNotFound
        return user
