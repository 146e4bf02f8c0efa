"""What an operator does to users. New logins are refused at once; sessions end within a second."""

from collections.abc import AsyncGenerator
from contextlib import suppress

from bson import ObjectId

from graphql_auth.accounts.parts import AccountParts
from graphql_auth.accounts.validation import InputValidator, Registration
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import ApplicationError, BadInput, ErrorCode, StartError
from graphql_auth.roles import MAX_ROLES
from graphql_auth.sessions.document import SessionDocument
from graphql_auth.sessions.repository import BATCH
from graphql_auth.tokens.one_time import Purpose
from graphql_auth.users import emails
from graphql_auth.users.document import UserDocument


class UserAdmin(AccountParts):
    """Changes users and their roles. Every method raises StartError and Unavailable.

    Except ``create``, it is idempotent, and must be repeated after an error: it is not atomic.
    """

    async def create(self, email: str, first_name: str, last_name: str, password: str) -> str:
        """Create a user, whose e-mail counts as confirmed, and return the e-mail as it is stored.

        Raises BadInput and EmailTaken.
        """
        user = await self.create_user(Registration(first_name, last_name, email, password))
        user.email_confirmed_at = self.now()
        await self.set_new_password(user, password, ClientInfo())
        await self.users.add(user)
        await self.hooks.run("register", str(user.id))
        return user.email

    async def set_password(self, user: UserDocument, password: str) -> None:
        """Set a password; sessions, device tokens and links of before end. Raises BadInput."""
        with InputValidator() as validator:
            await validator.new_password("password", password, self.passwords.policy, user)
        new_hash = await self.passwords.hash(password, ClientInfo().network)
        async with self.replace_password(user, new_hash, _overtaken(user), ClientInfo()):
            pass

    async def disable(self, user: UserDocument) -> None:
        """End all sessions of a user, and refuse to sign them in."""
        await self.users.disable(user, disabled=True)
        await self.sessions.end_all(str(user.id))

    async def enable(self, user: UserDocument) -> None:
        await self.users.disable(user, disabled=False)

    async def delete(self, user: UserDocument) -> None:
        """Delete a user, and all that is stored of them."""
        await self.delete_user(user, _overtaken(user), ClientInfo())

    async def confirm(self, user: UserDocument) -> None:
        """Count the e-mail of a user as confirmed."""
        confirmed_at = user.email_confirmed_at or self.now()
        await self.change_user(user, _overtaken(user), email_confirmed_at=confirmed_at)

    async def create_reset_link(self, user: UserDocument) -> str | None:
        """Mail a link that resets the password; without mail, return its token."""
        if user.disabled:
            raise StartError(f"{user.email} is disabled, so no link can be used; enable it first.")
        key = emails.canonicalize(user.email)
        link = await self.mail_link(Purpose.RESET_PASSWORD, key, user, user.email)
        return None if self.outbox.is_available else await self.links.issue(link.reference)

    async def grant(self, user: UserDocument, role: str) -> None:
        """Give a user a role, from the next login or refresh on."""
        if role not in user.roles and not await self.users.add_role(user, role):
            collection = UserDocument.get_pymongo_collection().name
            raise StartError(
                f"{user.email} cannot get a further role: the field roles in the collection"
                f" {collection} has {MAX_ROLES} texts already, or is not a list of texts."
            )

    async def revoke(self, user: UserDocument, role: str) -> None:
        """Take a role from a user, and end all sessions, because their tokens can name the role."""
        await self.users.remove_role(user, role)
        # Also if the role was removed before, by a command that was interrupted here.
        await self.sessions.end_all(str(user.id))

    async def list_sessions(self, user: UserDocument) -> AsyncGenerator[SessionDocument]:
        """Yield the live sessions of a user, the latest sign-in first."""
        user_id, before = str(user.id), None
        while found := await self.sessions.list_for_user(user_id, before=before, limit=BATCH):
            for session in found:
                yield session
            before = str(found[-1].id)

    async def find(self, email: str) -> UserDocument:
        """Return the user whom a login with this e-mail finds, or else the one with this id."""
        with suppress(BadInput):
            with InputValidator() as validator:
                canonical = validator.login_email("email", email)
            if user := await self.users.find_by_email(canonical):
                return user
            if ObjectId.is_valid(email) and (user := await self.users.get(email)):
                return user
            if await self.users.has_foreign_id(canonical, email):
                raise StartError(
                    f"The _id of the user {email} is not an ObjectId, so nothing can be done."
                    " Store the document again with an ObjectId, or delete it."
                )
        name = "id" if ObjectId.is_valid(email) else "e-mail"
        raise StartError(f"There is no user with the {name} {email}.")


def _overtaken(user: UserDocument) -> ApplicationError:
    said = "was changed or deleted at the same time, so nothing is done. Run it again."
    return ApplicationError(f"{user.email or user.id} {said}", code=ErrorCode.SERVICE_UNAVAILABLE)
