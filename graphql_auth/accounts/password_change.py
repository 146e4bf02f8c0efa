"""Change a password, and end all other sessions even if the process crashes in between.

A change is logged before it is made, and removed from the log when the sessions have ended (intent
log). Any process completes the changes that another one left there.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from beanie import PydanticObjectId
from pydantic import BaseModel, Field
from pymongo import ReturnDocument

from graphql_auth import security_log
from graphql_auth.accounts.service import SignedIn
from graphql_auth.accounts.validation import InputValidator
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import InvalidCredentials, TokenReason, Unauthenticated
from graphql_auth.hooks import Hooks
from graphql_auth.mongo.client import BACKGROUND, translate_driver_errors
from graphql_auth.mongo.meta import MetaDocument
from graphql_auth.passwords.hash_queue import Priority
from graphql_auth.passwords.service import PasswordService
from graphql_auth.sessions.service import SessionService
from graphql_auth.throttling.device_tokens import DeviceTokens
from graphql_auth.throttling.throttle import Throttle
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository

KIND = "password change"
SECONDS_BETWEEN_COMPLETIONS = 2.0
# A process that is alive has made the change by then, since a command takes at most 5 s.
OVERDUE_MS = 10_000
# A change that is older is never made, not even by a process that was suspended.
ABANDONED = timedelta(hours=1)
NOT_CURRENT = "The current password is wrong."


class LoggedChange(BaseModel):
    """A change that ends all sessions with an earlier password, except ``kept_session``.

    ``changes`` is what ``password_changes`` of the user is after it. ``digest`` is that of the new
    hash, which is not stored twice.
    """

    id: str = Field(alias="_id")
    user_id: str
    kept_session: str
    changes: int
    digest: bytes = Field(repr=False)
    begun_at: datetime


class PasswordChangeLog:
    """The changes in progress. Every method raises Unavailable."""

    async def add(self, user: UserDocument, new_hash: str, kept_session: str) -> LoggedChange:
        """Log a change that is about to be made."""
        values = {
            "kind": KIND,
            "begun_at": "$$NOW",
            "user_id": str(user.id),
            "kept_session": kept_session,
            "changes": user.password_changes + 1,
            "digest": _digest(new_hash),
        }
        with translate_driver_errors(writing=MetaDocument):
            # Not an insert: only an update takes the time of the database.
            stored = await MetaDocument.get_pymongo_collection().find_one_and_update(
                {"_id": f"{KIND} {PydanticObjectId()}"},
                [{"$set": values}],
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return LoggedChange.model_validate(stored)

    async def remove(self, change: LoggedChange) -> bool:
        """Remove a change that is complete, or is not made; False if it was removed before."""
        with translate_driver_errors(writing=MetaDocument):
            result = await MetaDocument.get_pymongo_collection().delete_one({"_id": change.id})
        return result.deleted_count > 0

    async def list_overdue(self) -> list[LoggedChange]:
        """Return the changes that their own process did not complete."""
        age = {"$subtract": ["$$NOW", "$begun_at"]}
        query = {"kind": KIND, "$expr": {"$gt": [age, OVERDUE_MS]}}
        with translate_driver_errors():
            found = MetaDocument.get_pymongo_collection().find(query, comment=BACKGROUND)
            return [LoggedChange.model_validate(values) async for values in found]


@dataclass(eq=False, repr=False)
class PasswordChangeService:
    """Changes passwords. Every method raises Unavailable."""

    log: PasswordChangeLog
    users: UserRepository
    passwords: PasswordService
    throttle: Throttle
    device_tokens: DeviceTokens
    sessions: SessionService
    hooks: Hooks
    now: Callable[[], float]

    async def change(
        self, principal: Principal, current: str, new: str, client: ClientInfo
    ) -> SignedIn:
        """Change the caller's password, end their other sessions and renew this one.

        Raises BadInput, TooManyAttempts, InvalidCredentials for a wrong current password, and
        Unauthenticated when the session has ended or the user does not exist.
        """
        validator = InputValidator()
        validator.password("currentPassword", current)
        user = await self.users.get(principal.subject)
        if user is None:
            raise Unauthenticated(TokenReason.TOKEN_REVOKED)
        user_inputs = (user.first_name, user.last_name, user.email)
        await validator.new_password("newPassword", new, self.passwords.policy, user_inputs)
        validator.finish()
        with security_log.record_refusals("change_password", principal.subject, client):
            await self._verify(user, current, principal.session_id)
        new_hash = await self.passwords.hash(new, Priority.TRUSTED_DEVICE)
        if await self.sessions.get(principal.subject, principal.session_id) is None:
            raise Unauthenticated(TokenReason.TOKEN_REVOKED)
        logged = await self.log.add(user, new_hash, principal.session_id)
        changed = await self.users.change_password(user, new_hash)
        if changed is None:
            await self.log.remove(logged)
            raise InvalidCredentials(NOT_CURRENT)
        await self.sessions.end_others(changed, principal.session_id)
        tokens = await self.sessions.renew(changed, principal.session_id)
        removed = await self.log.remove(logged)
        security_log.record("change_password", "success", principal.subject, client)
        if removed:
            # Otherwise another process has completed this change, and has run them.
            await self.hooks.run("password_changed", principal.subject)
        return SignedIn(tokens, changed, self.device_tokens.issue(changed))

    async def complete_overdue(self) -> None:
        """Complete the changes of processes that crashed or lost the database in between."""
        for change in await self.log.list_overdue():
            user, is_made = await self.users.get(change.user_id), False
            if user and user.password_changes >= change.changes:
                # The password was changed, by this change or by another one.
                is_made = _digest(user.password) == change.digest
                if is_made:
                    await self.sessions.keep(user, change.kept_session)
                await self.sessions.end_others(user)
            elif user and self.now() < (change.begun_at + ABANDONED).timestamp():
                # It can still be made.
                continue
            if await self.log.remove(change) and is_made:
                await self.hooks.run("password_changed", change.user_id)

    async def _verify(self, user: UserDocument, password: str, session_id: str) -> None:
        """Verify the current password, within a rate limit of the session."""
        async with self.throttle.attempt(self.throttle.reauth_keys(session_id)) as attempt:
            result = await self.passwords.verify(password, user.password, Priority.TRUSTED_DEVICE)
            attempt.is_counted = not result.correct
        if not result.correct:
            raise InvalidCredentials(NOT_CURRENT)


def _digest(password_hash: str) -> bytes:
    return hashlib.sha256(password_hash.encode()).digest()
