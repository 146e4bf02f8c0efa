"""Sessions: begun by a sign-in, carried on by refresh tokens, and ended at once."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from graphql_auth import security_log as events
from graphql_auth.errors import TokenReason, Unauthenticated, Unavailable
from graphql_auth.mongo.clock import object_id_at
from graphql_auth.mongo.heartbeat import Heartbeat
from graphql_auth.sessions.document import SessionDocument
from graphql_auth.sessions.live_sessions import LiveSession
from graphql_auth.sessions.refresh_tokens import RefreshToken
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.sessions.revocations import Revocations
from graphql_auth.throttling.devices import Device
from graphql_auth.tokens.access_tokens import AccessToken, AccessTokens, Principal
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository

SALT_BYTES = 32
# How often a session may change while a request with a replaced token is answered.
MAX_RACES = 5


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a session lives: when it is not used, and at most; and how many a user has.

    ``grace`` is for how long a refresh token that was just replaced may be used again, for the
    same successor: by a second tab, or by a client whose answer was lost. Only time in which the
    database could answer counts. ``per_user`` is None where there is no limit.
    """

    idle: timedelta = timedelta(days=30)
    absolute: timedelta = timedelta(days=90)
    grace: timedelta = timedelta(seconds=30)
    per_user: int | None = 100


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client holds of a session."""

    session_id: str
    access: AccessToken
    refresh: str = field(repr=False)
    refresh_until: datetime
    refresh_lifetime: timedelta


class SessionService:
    """Begins, carries on and ends sessions. Every method raises Unavailable."""

    def __init__(  # noqa: PLR0913, PLR0917 - the composition root names each
        self,
        sessions: SessionRepository,
        users: UserRepository,
        tokens: AccessTokens,
        revocations: Revocations,
        heartbeat: Heartbeat,
        lifetimes: Lifetimes,
        now: Callable[[], float],
    ) -> None:
        self._sessions = sessions
        self._users = users
        self._tokens = tokens
        self._revocations = revocations
        self._heartbeat = heartbeat
        self._lifetimes = lifetimes
        self._now = now

    def check(self, principal: Principal) -> None:
        """Raise Unauthenticated if the session has ended; or Unavailable, as authenticate."""
        self._revocations.check(principal.session_id)

    def authenticate(self, token: str) -> Principal:
        """Say whom an access token speaks for, without asking the database.

        Raises Unauthenticated, and Unavailable when it cannot be known whether the session lives.
        """
        principal = self._tokens.verify(token)
        self.check(principal)
        return principal

    async def begin(self, user: UserDocument, device: Device) -> Tokens:
        """Begin a session of a user who has just shown who they are."""
        now = self._moment()
        ends_at = now + self._lifetimes.absolute
        expires_at = min(now + self._lifetimes.idle, ends_at)
        session_id = object_id_at(now.timestamp())
        token = RefreshToken.first(str(user.id), str(session_id))
        session = await self._sessions.add(
            SessionDocument(
                id=session_id,
                user_id=user.id,
                password_changes=user.password_changes,
                expires_at=expires_at,
                ends_at=ends_at,
                access_until=min(self._tokens.expiry(), expires_at),
                rotated_at=now,
                **self._chain(token, now),
                **device.fields,
            )
        )
        await self._evict_excess(str(user.id), device)
        return self._issue_tokens(session, token)

    async def refresh(self, text: str, device: Device) -> tuple[UserDocument, Tokens]:
        """Exchange a refresh token for its successor and a new access token.

        However many present it at once, and again within the grace, all get the same successor.
        Raises Unauthenticated.
        """
        token = RefreshToken.parse(text)
        # At the same time: a disabled user and a changed password end sessions after that.
        reading = self._users.reading(token.user_id)
        session, successor = await self._rotate(token, device)
        user = await reading
        if user is None or user.disabled:
            await self.end(token.user_id, token.session_id)
            raise Unauthenticated(TokenReason.TOKEN_REVOKED)
        if user.password_changes != session.password_changes:
            # It is not ended, for it may be the one that is kept, and about to be renewed.
            raise Unauthenticated(TokenReason.TOKEN_REVOKED)
        return user, self._issue_tokens(session, successor)

    async def renew(self, user: UserDocument, session_id: str) -> Tokens:
        """Begin the chain of a session anew: the refresh tokens given out so far end here.

        Raises Unauthenticated when the session has ended.
        """
        now = self._moment()
        token = RefreshToken.first(str(user.id), session_id)
        changes = self._chain(token, now) | {
            "password_changes": user.password_changes,
            "access_until": self._tokens.expiry(),
        }
        session = await self._sessions.renew(str(user.id), session_id, changes)
        if session is None:
            raise Unauthenticated(TokenReason.TOKEN_REVOKED)
        return self._issue_tokens(session, token)

    async def end(self, user_id: str, session_id: str) -> bool:
        """End a session of the user, and its access tokens with it; False if there is none."""
        ended = await self._sessions.end(user_id, session_id)
        if ended:
            self._revocations.add([ended])
        return ended is not None

    async def end_others(self, user: UserDocument, kept_session: str | None = None) -> None:
        """End the sessions of the user that began with an earlier password, but one."""
        ended = await self._sessions.end_all(
            str(user.id), but=kept_session, before_change=user.password_changes
        )
        self._revocations.add(ended)

    async def keep(self, user: UserDocument, session_id: str) -> None:
        """Let a session of the user go on with the present password."""
        await self._sessions.keep(str(user.id), session_id, user.password_changes)

    async def logout(self, principal: Principal, device: Device) -> None:
        """End the caller's session."""
        await self.end(principal.subject, principal.session_id)
        events.record("logout", "success", principal.subject, device)

    async def logout_by_token(self, text: str, device: Device) -> None:
        """End the session of a refresh token, if the database knows it."""
        await self._end_by_token(text, "logout", device)

    async def end_replaced(self, text: str, device: Device) -> None:
        """End the session of a refresh token, of which a new sign-in has replaced the only copy."""
        await self._end_by_token(text, "session_replaced", device)

    async def _end_by_token(self, text: str, event: str, device: Device) -> None:
        token = RefreshToken.read(text)
        if token is None or await self._sessions.presented(token.presented) is None:
            return
        if await self.end(token.user_id, token.session_id):
            events.record(event, "success", token.user_id, device)

    async def logout_everywhere(self, principal: Principal, device: Device) -> None:
        """End all of the caller's sessions: their own last, so that a failure can be repeated."""
        others = await self._sessions.end_all(principal.subject, but=principal.session_id)
        self._revocations.add(others)
        await self.end(principal.subject, principal.session_id)
        events.record("logout_everywhere", "success", principal.subject, device)

    async def revoke(self, principal: Principal, session_id: str, device: Device) -> bool:
        """End one of the caller's sessions; False when it is none of them, or no more."""
        ended = await self.end(principal.subject, session_id)
        events.record(
            "revoke_session", "success" if ended else "failure", principal.subject, device
        )
        return ended

    async def of(self, user_id: str, *, before: str | None, limit: int) -> list[LiveSession]:
        """Return the user's sessions that began before one, the latest first."""
        found = await self._sessions.list_live(user_id, self._moment(), before=before, limit=limit)
        return list(map(LiveSession.from_session, found))

    async def one(self, user_id: str, session_id: str) -> LiveSession | None:
        """Return a session of the user."""
        session = await self._sessions.get_live(user_id, session_id, self._moment())
        return LiveSession.from_session(session) if session else None

    async def _rotate(
        self, token: RefreshToken, device: Device
    ) -> tuple[SessionDocument, RefreshToken]:
        salt = secrets.token_bytes(SALT_BYTES)
        successor = token.successor(salt)
        now = self._moment()
        changes = self._chain(successor, now) | {
            "previous": token.presented.digest,
            "salt": salt,
            "access_until": self._tokens.expiry(),
            **device.fields,
        }
        session = await self._sessions.rotate(token.presented, now, changes, self._lifetimes.idle)
        return (session, successor) if session else await self._reissue(token, device)

    async def _reissue(
        self, token: RefreshToken, device: Device
    ) -> tuple[SessionDocument, RefreshToken]:
        """Return the successor to a request that was not the first with its token.

        | presented                   | the session      | answer                     |
        | --------------------------- | ---------------- | -------------------------- |
        | of no family that is stored | any              | TOKEN_INVALID              |
        | any of the family           | ended            | TOKEN_REVOKED              |
        |                             | too old          | TOKEN_EXPIRED              |
        | the one just replaced       | within the grace | its successor              |
        | any other of the family     | live             | TOKEN_REVOKED, and it ends |
        """
        session = await self._find_replaced(token, device)
        for _ in range(MAX_RACES):
            joined = await self._reissue_within(session, token, self._lifetimes.grace)
            if joined:
                return joined
            seen, session = session, await self._find_replaced(token, device)
            if session.current == seen.current:
                return await self._reissue_after_outage(session, token, device)
        raise Unavailable(retry_after=1)

    async def _find_replaced(self, token: RefreshToken, device: Device) -> SessionDocument:
        """Find the live session whose last replaced token this is; see the table above."""
        session = await self._sessions.presented(token.presented)
        if session is None:
            raise Unauthenticated(TokenReason.TOKEN_INVALID)
        if session.ended_at:
            raise Unauthenticated(TokenReason.TOKEN_REVOKED)
        if session.expires_at <= self._moment():
            raise Unauthenticated(TokenReason.TOKEN_EXPIRED)
        if session.salt is None or session.previous != token.presented.digest:
            await self._on_reuse_detected(token, device)
        return session

    async def _reissue_within(
        self, session: SessionDocument, token: RefreshToken, grace: timedelta
    ) -> tuple[SessionDocument, RefreshToken] | None:
        """Return the successor; None if the grace is over, or the session has changed since."""
        access_until = min(self._tokens.expiry(), session.expires_at)
        joined = await self._sessions.extend_access(session, access_until, grace)
        return (joined, token.successor(session.salt)) if joined and session.salt else None

    async def _reissue_after_outage(
        self, session: SessionDocument, token: RefreshToken, device: Device
    ) -> tuple[SessionDocument, RefreshToken]:
        """Return the successor if the database was away for as long as the grace is over."""
        outage = await self._heartbeat.outage_since(session.rotated_at)
        joined = await self._reissue_within(session, token, self._lifetimes.grace + outage)
        return joined or await self._on_reuse_detected(token, device)

    async def _on_reuse_detected(self, token: RefreshToken, device: Device) -> NoReturn:
        """End the session of a token that was replaced before: two have it, and one is a thief."""
        if await self.end(token.user_id, token.session_id):
            events.record("refresh_token_reused", "session_ended", token.user_id, device)
        raise Unauthenticated(TokenReason.TOKEN_REVOKED)

    async def _evict_excess(self, user_id: str, device: Device) -> None:
        """End the least recently used sessions, if the user has more than may be."""
        if self._lifetimes.per_user is None:
            return
        ended = await self._sessions.evict_excess(user_id, self._moment(), self._lifetimes.per_user)
        if ended:
            self._revocations.add(ended)
            events.record("session_evicted", "session_ended", user_id, device)

    def _issue_tokens(self, session: SessionDocument, token: RefreshToken) -> Tokens:
        # No access token outlives its session.
        expires_at = min(self._tokens.expiry(), session.expires_at)
        access = self._tokens.issue(token.user_id, token.session_id, expires_at)
        until = session.expires_at
        return Tokens(token.session_id, access, token.encode(), until, until - self._moment())

    def _chain(self, token: RefreshToken, now: datetime) -> dict[str, Any]:
        family, current = token.presented.family, token.presented.digest
        return {"family": family, "current": current, "last_used_at": now}

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)
