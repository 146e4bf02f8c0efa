"""The gate: the one place where a session begins, for every way to sign in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from graphql_auth.accounts.notices import Notices
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import ApplicationError, EmailUnconfirmed, InvalidCredentials, LinkExpired
from graphql_auth.mail.messages import Template
from graphql_auth.sessions.service import SessionService, Tokens
from graphql_auth.throttling.device_tokens import DeviceTokens
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository


class Proof(Enum):
    """What the user has shown, with the error for a user who must not sign in by it."""

    PASSWORD = InvalidCredentials
    # It proves that the user reads the mail, but not that the account is theirs.
    LINK = LinkExpired


@dataclass(frozen=True, slots=True)
class SignedIn:
    tokens: Tokens
    user: UserDocument
    device_token: str | None = field(default=None, repr=False)


@dataclass(eq=False, repr=False)
class SessionGate:
    """Begins sessions. Every method raises Unavailable."""

    users: UserRepository
    sessions: SessionService
    device_tokens: DeviceTokens
    requires_confirmation: bool
    notices: Notices

    async def claims(self, user: UserDocument, proof: Proof, **changes: Any) -> dict[str, Any]:
        """Return the claims of the application for ``begin_session``; empty if that refuses.

        They can fail, so a way in calls this before the first thing that it stores, and with the
        ``changes`` that it is about to store.
        """
        changed = user.model_copy(update=changes)
        return {} if self._refusal(changed, proof) else await self.sessions.hooks.claims(changed)

    async def begin_session(  # noqa: PLR0913 - who signs in, how and where
        self,
        user: UserDocument,
        claims: Mapping[str, Any],
        proof: Proof,
        client: ClientInfo,
        device_id: str | None = None,
        *,
        is_announced: bool = False,
    ) -> SignedIn:
        """Begin a session of a user after a proof, with what ``claims`` returned.

        ``device_id`` is that of a known device. A new one gets a notice if it ``is_announced``.

        Raises EmailUnconfirmed where confirmation is required. It does so too for a link to an
        account with a password: without the password, it may be the account of a stranger.

        Raises the error of the proof for a user who is disabled, or has changed since. Disabling a
        user, changing a password or revoking a role revokes the sessions that exist at that time.
        This one may have been stored just after that.
        """
        if refusal := self._refusal(user, proof):
            raise refusal
        if is_announced and device_id is None:
            # Before the session, so that no crash leaves it without the notice.
            values = {"ip_address": client.ip_address or "-"}
            await self.notices.send_or_queue(Template.NEW_DEVICE, user, client, **values)
        tokens = await self.sessions.begin(user, client, claims)
        if not await self.users.is_unchanged(user):
            await self.sessions.end(str(user.id), tokens.session_id)
            if await self.users.get(str(user.id)) is None:
                # The deletion can have erased the sessions before this one was stored.
                await self.sessions.erase(str(user.id))
            raise proof.value
        return SignedIn(tokens, user, self.device_tokens.issue(user, device_id))

    def _refusal(self, user: UserDocument, proof: Proof) -> type[ApplicationError] | None:
        if user.disabled:
            refusal: type[ApplicationError] = proof.value
            return refusal
        needs_password = proof is Proof.LINK and user.password
        is_refused = self.requires_confirmation or needs_password
        return EmailUnconfirmed if user.email_confirmed_at is None and is_refused else None
