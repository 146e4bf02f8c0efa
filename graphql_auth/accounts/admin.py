"""What an operator does to users. New logins are refused at once; sessions end within a second."""

from collections.abc import AsyncGenerator
from contextlib import suppress

from bson import ObjectId

from graphql_auth.accounts.parts import AccountParts
from graphql_auth.accounts.validation import InputValidator, Registration
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import BadInput, StartError, Unavailable
from graphql_auth.roles import MAX_ROLES
from graphql_auth.sessions.document import SessionDocument
from graphql_auth.sessions.repository import BATCH
from graphql_auth.tokens.one_time import Purpose
from graphql_auth.users import emails
from graphql_auth.users.document import UserDocument


class UserAdmin(AccountParts):
    """Changes users and their roles; most methods return the e-mail as it is stored.

    Every method raises StartError and Unavailable. Except ``create``, it is idempotent, and must
    be repeated after an error, since it takes several commands.
    """

    async def create(self, email: str, first_name: str, last_name: str, password: str) -> str:
        """Create a user, whose e-mail counts as confirmed. Raises BadInput and EmailTaken."""
        user = await self.create_user(Registration(first_name, last_name, email, password))
        user.email_confirmed_at = self.utc_now()
        await self.set_new_password(user, password, ClientInfo())
        await self.users.add(user)
        await self.hooks.run("register", str(user.id))
        return user.email

    async def set_password(self, email: str, password: str) -> str:
        """Set a password; sessions, device tokens and links of before end. Raises BadInput."""
        user, validator = await self.find(email), InputValidator()
        await validator.new_password("password", password, self.passwords.policy, user)
        validator.finish()
        new_hash = await self.passwords.hash(password, ClientInfo().network)
        async with self.replace_password(user, new_hash, Unavailable(), ClientInfo()):
            return user.email

    async def disable(self, email: str) -> str:
        """End all sessions of a user, and refuse to sign them in."""
        user = await self.find(email)
        await self.users.disable(user, disabled=True)
        await self.sessions.end_all(str(user.id))
        return user.email

    async def enable(self, email: str) -> str:
        """Allow a disabled user to sign in again."""
        user = await self.find(email)
        await self.users.disable(user, disabled=False)
        return user.email

    async def delete(self, email: str) -> str:
        """Delete a user, and all that is stored of them."""
        user = await self.find(email)
        await self.delete_user(user, Unavailable(), ClientInfo())
        return user.email

    async def confirm(self, email: str) -> str:
        """Count the e-mail of a user as confirmed."""
        user = await self.find(email)
        confirmed_at = user.email_confirmed_at or self.utc_now()
        await self.change_user(user, Unavailable(), email_confirmed_at=confirmed_at)
        return user.email

    async def create_reset_link(self, email: str) -> tuple[str, str | None]:
        """Mail a link that resets the password; without mail, return its token too."""
        user = await self.find(email)
        if user.disabled:
            raise StartError(f"{user.email} is disabled, so no link can be used; enable it first.")
        key = emails.canonicalize(user.email)
        link = await self.mail_link(Purpose.RESET_PASSWORD, key, user, user.email)
        if self.outbox.is_available:
            return user.email, None
        return user.email, await self.links.issue(link.reference)

    async def grant(self, email: str, role: str) -> str:
        """Give a user a role, from the next login or refresh on."""
        user = await self.find(email)
        if role not in user.roles and not await self.users.add_role(user, role):
            collection = UserDocument.get_pymongo_collection().name
            raise StartError(
                f"{user.email} cannot get a further role: the field roles in the collection"
                f" {collection} has {MAX_ROLES} texts already, or is not a list of texts."
            )
        return user.email

    async def revoke(self, email: str, role: str) -> str:
        """Take a role from a user, and end all sessions, because their tokens can name the role."""
        user = await self.find(email)
        await self.users.remove_role(user, role)
        # Also if the role was removed before, by a command that was interrupted here.
        await self.sessions.end_all(str(user.id))
        return user.email

    async def list_sessions(self, user: UserDocument) -> AsyncGenerator[SessionDocument]:
        """Yield the live sessions of a user, the latest sign-in first."""
        user_id, before = str(user.id), None
        while found := await self.sessions.list_for_user(user_id, before=before, limit=BATCH):
            for session in found:
                yield session
            before = str(found[-1].id)

    async def find(self, email: str) -> UserDocument:
        """Return the user whom a login with this e-mail finds, or else the one with this id."""
        validator = InputValidator()
        canonical = validator.login_email("email", email)
        with suppress(BadInput):
            validator.finish()
            if user := await self.users.find_by_email(emails.spellings(canonical)):
                return user
        if ObjectId.is_valid(email) and (user := await self.users.get(email)):
            return user
        raise StartError(f"There is no user with the e-mail {email}.")
