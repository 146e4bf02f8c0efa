"""What an operator does to users. New logins are refused at once; sessions end within a second."""

from dataclasses import dataclass

from graphql_auth.accounts.parts import link_to
from graphql_auth.accounts.validation import InputValidator
from graphql_auth.errors import BadInput, Unavailable
from graphql_auth.mail.messages import Template
from graphql_auth.mail.outbox import Outbox
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.tokens.one_time import OneTimeTokens, Purpose
from graphql_auth.users import emails
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository


class UserNotFound(Exception):
    """No user has this e-mail."""


class RoleRefused(Exception):
    """The user cannot get a further role."""


@dataclass(eq=False, repr=False)
class UserAdmin:
    """Changes users and their roles; each method returns the e-mail as it is stored.

    Every method raises UserNotFound and Unavailable. It is idempotent, and must be repeated after
    an error, since it takes several commands.
    """

    users: UserRepository
    sessions: SessionRepository
    links: OneTimeTokens
    outbox: Outbox

    async def disable(self, email: str) -> str:
        """End all sessions of a user, and refuse to sign them in."""
        user = await self._find(email)
        await self.users.disable(user, disabled=True)
        await self.sessions.end_all(str(user.id))
        return user.email

    async def enable(self, email: str) -> str:
        """Allow a disabled user to sign in again."""
        user = await self._find(email)
        await self.users.disable(user, disabled=False)
        return user.email

    async def delete(self, email: str) -> str:
        """End all sessions of a user and delete the account."""
        await self.disable(email)
        user = await self._find(email)
        if not await self.users.delete(user):
            # Its password has just changed.
            raise Unavailable
        for erase in (self.sessions.erase, self.links.end_all, self.outbox.remove_all):
            await erase(str(user.id))
        return user.email

    async def confirm(self, email: str) -> str:
        """Count the e-mail of a user as confirmed."""
        user = await self._find(email)
        if user.email_confirmed_at is None:
            await self.users.change(user, email_confirmed_at=self.outbox.now())
        return user.email

    async def create_reset_link(self, email: str) -> tuple[str, str | None]:
        """Mail a link that resets the password; without mail, return its token too."""
        user = await self._find(email)
        key, snapshot = emails.canonicalize(user.email), link_to(user)
        link = await self.links.create(Purpose.RESET_PASSWORD, key, **snapshot)
        if not self.outbox.is_available:
            return user.email, await self.links.issue(link.reference)
        await self.outbox.add(
            Template.RESET_PASSWORD,
            user.email,
            user_id=str(user.id),
            link=link.reference,
            expires_at=link.expires_at,
        )
        return user.email, None

    async def grant(self, email: str, role: str) -> str:
        """Give a user a role, from the next login or refresh on. Raises RoleRefused."""
        user = await self._find(email)
        if role not in user.roles and not await self.users.add_role(user, role):
            raise RoleRefused
        return user.email

    async def revoke(self, email: str, role: str) -> str:
        """Take a role from a user, and end all sessions, because their tokens can name the role."""
        user = await self._find(email)
        await self.users.remove_role(user, role)
        # Also if the role was removed before, by a command that was interrupted here.
        await self.sessions.end_all(str(user.id))
        return user.email

    async def _find(self, email: str) -> UserDocument:
        validator = InputValidator()
        canonical = validator.login_email("email", email)
        try:
            validator.finish()
        except BadInput:
            raise UserNotFound from None
        user = await self.users.find_by_email(emails.spellings(canonical))
        if user is None:
            raise UserNotFound
        return user
