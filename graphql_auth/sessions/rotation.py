"""Refresh token rotation with reuse detection, and a grace window for concurrent requests.

OAuth 2.0 Security Best Current Practice (RFC 9700) section 4.14.2.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

from graphql_auth import security_log
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import TokenReason, Unauthenticated, Unavailable
from graphql_auth.mongo.heartbeat import Heartbeat
from graphql_auth.sessions.document import SessionDocument
from graphql_auth.sessions.refresh_tokens import RefreshToken
from graphql_auth.sessions.service import SessionService, Tokens
from graphql_auth.users.document import UserDocument

SALT_BYTES = 32
# How often a session may change while a request with a replaced token is answered.
MAX_RACES = 5

Reissued = tuple[SessionDocument, RefreshToken]
LoadUser = Callable[[str], Awaitable[UserDocument | None]]


@dataclass(eq=False, repr=False)
class RefreshTokenRotation:
    """Exchanges refresh tokens. Every method raises Unauthenticated and Unavailable."""

    service: SessionService
    load_user: LoadUser
    heartbeat: Heartbeat
    # Called before the session of a reused token ends.
    announce_reuse: Callable[[str, ClientInfo], Awaitable[None]]

    async def refresh(self, text: str, client: ClientInfo) -> tuple[UserDocument, Tokens]:
        """Exchange a refresh token for its successor and a new access token.

        All requests that present the same token, at once or within the grace, get the same
        successor.
        """
        token = RefreshToken.parse(text)
        if token is None:
            raise Unauthenticated(TokenReason.TOKEN_INVALID)
        # Concurrently: a lost account, password or role is stored before sessions are revoked.
        user_read = asyncio.ensure_future(self.load_user(token.user_id))
        # If the rotation fails, nobody awaits the read, and asyncio would log its error.
        user_read.add_done_callback(lambda read: read.cancelled() or read.exception())
        claims = await self._claims_before_rotation(token, user_read)
        session, successor = await self._rotate(token, client)
        user = await self._check_user(await user_read, token, session)
        if claims is None:
            # A retry within the grace stores nothing that the client can lose.
            claims = await self.service.hooks.claims(user)
        return user, self.service.issue(session, successor, user.roles, claims)

    async def _claims_before_rotation(
        self, token: RefreshToken, user_read: Awaitable[UserDocument | None]
    ) -> dict[str, Any] | None:
        """Return the claims before the rotation, so that the client can retry if they fail.

        None for any token but the current one of a live session, whose answer they must not hide.
        """
        hooks = self.service.hooks
        session = await self.service.sessions.find_by_token(token) if hooks.add_claims else None
        if (
            session is None
            or session.current != token.secret_digest
            or session.ended_at
            or session.expires_at <= self.service.now()
        ):
            return None
        return await hooks.claims(await self._check_user(await user_read, token, session))

    async def _check_user(
        self, user: UserDocument | None, token: RefreshToken, session: SessionDocument
    ) -> UserDocument:
        if user is None or user.disabled:
            await self.service.end(token.user_id, token.session_id)
            raise Unauthenticated(TokenReason.TOKEN_REVOKED)
        if user.password_changes != session.password_changes:
            # Not ended here: a password change may keep this session and be about to renew it.
            raise Unauthenticated(TokenReason.TOKEN_REVOKED)
        return user

    async def _rotate(self, token: RefreshToken, client: ClientInfo) -> Reissued:
        salt = secrets.token_bytes(SALT_BYTES)
        successor = token.successor(salt)
        now = self.service.now()
        changes = {
            "current": successor.secret_digest,
            "previous": token.secret_digest,
            "salt": salt,
            "last_used_at": now,
            "access_until": self.service.access_tokens.expiry(),
            **client.fields,
        }
        idle = self.service.lifetimes.session_idle_ttl
        session = await self.service.sessions.rotate(token, now, changes, idle)
        return (session, successor) if session else await self._reissue(token, client)

    async def _reissue(self, token: RefreshToken, client: ClientInfo) -> Reissued:
        """Return the successor of a token that was replaced already.

        | the token is                 | the session is   | answer                       |
        | ---------------------------- | ---------------- | ---------------------------- |
        | of no family that is stored  | any              | TOKEN_INVALID                |
        | any of the family            | ended            | TOKEN_REVOKED                |
        |                              | expired          | TOKEN_EXPIRED                |
        | the one replaced last        | within the grace | its successor                |
        | any other of the family      | live             | TOKEN_REVOKED, session ended |
        """
        session = await self._find_replaced(token, client)
        grace = self.service.lifetimes.refresh_grace
        for _ in range(MAX_RACES):
            reissued = await self._reissue_within(session, token, grace)
            if reissued:
                return reissued
            seen, session = session, await self._find_replaced(token, client)
            if session.current == seen.current:
                # An outage of the database may have used up the grace.
                grace += await self.heartbeat.outage_since(session.rotated_at)
                reissued = await self._reissue_within(session, token, grace)
                return reissued or await self._on_reuse_detected(token, client)
        raise Unavailable(retry_after=1)

    async def _find_replaced(self, token: RefreshToken, client: ClientInfo) -> SessionDocument:
        """Find the live session that replaced this token last; see the table above."""
        session = await self.service.sessions.find_by_token(token)
        if session is None:
            raise Unauthenticated(TokenReason.TOKEN_INVALID)
        if session.ended_at:
            raise Unauthenticated(TokenReason.TOKEN_REVOKED)
        if session.expires_at <= self.service.now():
            raise Unauthenticated(TokenReason.TOKEN_EXPIRED)
        if session.salt is None or session.previous != token.secret_digest:
            await self._on_reuse_detected(token, client)
        return session

    async def _reissue_within(
        self, session: SessionDocument, token: RefreshToken, grace: timedelta
    ) -> Reissued | None:
        """Return the successor; None if the grace is over or the session has changed since."""
        access_until = min(self.service.access_tokens.expiry(), session.expires_at)
        found = await self.service.sessions.extend_access(session, access_until, grace)
        return (found, token.successor(session.salt)) if found and session.salt else None

    async def _on_reuse_detected(self, token: RefreshToken, client: ClientInfo) -> NoReturn:
        """End the session: two parties hold its tokens, and one of them stole them."""
        # Before the end, after which no further request detects the reuse.
        await self.announce_reuse(token.user_id, client)
        if await self.service.end(token.user_id, token.session_id):
            security_log.record("refresh_token_reused", "session_ended", token.user_id, client)
            await self.service.hooks.run("refresh_reused", token.user_id)
        raise Unauthenticated(TokenReason.TOKEN_REVOKED)
