"""The life of a session: begin, renew, list, end and evict."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from graphql_auth import security_log
from graphql_auth.client_info import ClientInfo
from graphql_auth.hooks import Hooks
from graphql_auth.mongo.clock import object_id_at
from graphql_auth.sessions.document import SessionDocument
from graphql_auth.sessions.refresh_tokens import RefreshToken
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.sessions.revocations import Revocations
from graphql_auth.tokens.access_tokens import AccessToken, AccessTokens, Principal
from graphql_auth.users.document import UserDocument


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """The settings of the same names.

    ``session_idle_ttl`` slides: each refresh extends a session by it, up to ``session_ttl`` in
    all. During ``refresh_grace`` a refresh token that was just replaced still returns its
    successor. A second tab needs that, and a client whose response was lost. The grace counts only
    time in which the database was available.
    """

    session_idle_ttl: timedelta
    session_ttl: timedelta
    refresh_grace: timedelta
    max_sessions_per_user: int | None


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client holds of a session."""

    session_id: str
    access: AccessToken
    refresh: str = field(repr=False)
    refresh_lifetime: timedelta


@dataclass(eq=False, repr=False)
class SessionService:
    """Begins, lists and ends sessions. Every method raises Unavailable."""

    sessions: SessionRepository
    revocations: Revocations
    access_tokens: AccessTokens
    now: Callable[[], datetime]
    lifetimes: Lifetimes
    hooks: Hooks

    def authenticate(self, token: str) -> Principal:
        """Verify an access token; raises Unauthenticated, and see ``check``."""
        principal = self.access_tokens.verify(token)
        self.check(principal)
        return principal

    def check(self, principal: Principal) -> None:
        """Raise Unauthenticated if the session is revoked, Unavailable if that is unknown."""
        self.revocations.check(principal.session_id)

    async def begin(
        self, user: UserDocument, client: ClientInfo, claims: Mapping[str, Any] | None = None
    ) -> Tokens:
        """Begin a session; only accounts/gate.py calls this, which a test checks."""
        now = self.now()
        ends_at = now + self.lifetimes.session_ttl
        expires_at = min(now + self.lifetimes.session_idle_ttl, ends_at)
        session_id = object_id_at(now)
        token = RefreshToken.first(str(user.id), str(session_id))
        session = await self.sessions.add(
            SessionDocument(
                id=session_id,
                user_id=user.id,
                password_changes=user.password_changes,
                expires_at=expires_at,
                ends_at=ends_at,
                access_until=min(self.access_tokens.expiry(), expires_at),
                family=token.family_digest,
                current=token.secret_digest,
                last_used_at=now,
                rotated_at=now,
                **client.fields,
            )
        )
        await self._evict_excess(str(user.id), client)
        return self.issue(session, token, user.roles, claims)

    async def renew(
        self, user: UserDocument, session_id: str, claims: Mapping[str, Any] | None = None
    ) -> Tokens:
        """Issue new tokens after a password change; earlier refresh tokens stop working.

        If the session has just ended, these are over too.
        """
        token = RefreshToken.first(str(user.id), session_id)
        changes = {
            "family": token.family_digest,
            "current": token.secret_digest,
            "last_used_at": self.now(),
            "password_changes": user.password_changes,
            "access_until": self.access_tokens.expiry(),
        }
        session = await self.sessions.renew(str(user.id), session_id, changes)
        if session is None:
            over = self.access_tokens.issue(token.user_id, session_id, self.now())
            return Tokens(session_id, over, token.encode(), timedelta())
        return self.issue(session, token, user.roles, claims)

    def issue(
        self,
        session: SessionDocument,
        token: RefreshToken,
        roles: list[str],
        claims: Mapping[str, Any] | None = None,
    ) -> Tokens:
        """Issue an access token beside a refresh token; it does not outlive its session."""
        expires_at = min(self.access_tokens.expiry(), session.expires_at)
        access = self.access_tokens.issue(
            token.user_id, token.session_id, expires_at, roles, claims
        )
        return Tokens(token.session_id, access, token.encode(), session.expires_at - self.now())

    async def keep(self, user: UserDocument, session_id: str) -> None:
        """Keep a session of the user after a password change."""
        await self.sessions.keep(str(user.id), session_id, user.password_changes)

    async def list_for_user(
        self, user_id: str, *, before: str | None, limit: int
    ) -> list[SessionDocument]:
        """Return the user's live sessions that started before a given one, latest first."""
        return await self.sessions.list_live(user_id, self.now(), before=before, limit=limit)

    async def get(self, user_id: str, session_id: str) -> SessionDocument | None:
        return await self.sessions.get_live(user_id, session_id, self.now())

    async def end(self, user_id: str, session_id: str) -> bool:
        """End a session of the user and revoke its access tokens; False if it is not live."""
        revocation = await self.sessions.end(user_id, session_id)
        if revocation:
            self.revocations.add([revocation])
        return revocation is not None

    async def end_all(self, user_id: str) -> None:
        self.revocations.add(await self.sessions.end_all(user_id))

    async def end_others(self, user: UserDocument, kept_session: str | None = None) -> None:
        """End the user's sessions that started with an earlier password, except one."""
        ended = await self.sessions.end_all(
            str(user.id),
            except_session=kept_session,
            before_password_change=user.password_changes,
        )
        self.revocations.add(ended)

    async def erase(self, user_id: str) -> None:
        """End all sessions of a deleted user, and forget where they came from."""
        self.revocations.add(await self.sessions.erase(user_id))

    async def logout(self, principal: Principal, client: ClientInfo, event: str = "logout") -> None:
        ended = await self.end(principal.subject, principal.session_id)
        security_log.record(event, "success", principal.subject, client)
        if ended:
            await self.hooks.run("logout", principal.subject)

    async def logout_by_token(self, text: str, client: ClientInfo) -> None:
        """End the session of a refresh token, if there is one."""
        user_id = await self._end_by_token(text, "logout", client)
        if user_id:
            await self.hooks.run("logout", user_id)

    async def end_replaced(self, text: str, client: ClientInfo) -> None:
        """End the session whose only copy of the refresh token a new sign-in has replaced."""
        await self._end_by_token(text, "session_replaced", client)

    async def logout_everywhere(self, principal: Principal, client: ClientInfo) -> None:
        """End all of the caller's sessions: their own last, so that they can retry a failure."""
        others = await self.sessions.end_all(principal.subject, except_session=principal.session_id)
        self.revocations.add(others)
        await self.logout(principal, client, "logout_everywhere")

    async def revoke(self, principal: Principal, session_id: str, client: ClientInfo) -> bool:
        """End one of the caller's sessions; False if there is no such live session."""
        ended = await self.end(principal.subject, session_id)
        outcome = "success" if ended else "failure"
        security_log.record("revoke_session", outcome, principal.subject, client)
        return ended

    async def _end_by_token(self, text: str, event: str, client: ClientInfo) -> str | None:
        """Return the id of the user, or None if no session has ended."""
        token = RefreshToken.parse(text)
        if token is None or await self.sessions.find_by_token(token) is None:
            return None
        if not await self.end(token.user_id, token.session_id):
            return None
        security_log.record(event, "success", token.user_id, client)
        return token.user_id

    async def _evict_excess(self, user_id: str, client: ClientInfo) -> None:
        limit = self.lifetimes.max_sessions_per_user
        if limit is None:
            return
        evicted = await self.sessions.evict_excess(user_id, self.now(), limit)
        if evicted:
            self.revocations.add(evicted)
            security_log.record("session_evicted", "session_ended", user_id, client)
