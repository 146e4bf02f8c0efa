"""The tokens that a session issues."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from graphql_auth.sessions.document import SessionDocument
from graphql_auth.sessions.refresh_tokens import RefreshToken
from graphql_auth.tokens.access_tokens import AccessToken, AccessTokens


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client holds of a session."""

    session_id: str
    access: AccessToken
    refresh: str = field(repr=False)
    refresh_lifetime: timedelta


class TokenIssuer:
    """Issues the tokens of a session. ``now`` returns seconds since 1970."""

    def __init__(self, access_tokens: AccessTokens, now: Callable[[], float]) -> None:
        self._access_tokens = access_tokens
        self._now = now

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)

    def access_expiry(self) -> datetime:
        """Return when an access token that is issued now expires."""
        return self._access_tokens.expiry()

    def issue(
        self,
        session: SessionDocument,
        token: RefreshToken,
        roles: list[str],
        added: Mapping[str, Any] | None = None,
    ) -> Tokens:
        """Issue an access token beside a refresh token; it does not outlive its session."""
        expires_at = min(self.access_expiry(), session.expires_at)
        access = self._access_tokens.issue(
            token.user_id, token.session_id, expires_at, roles, added
        )
        return Tokens(token.session_id, access, token.encode(), session.expires_at - self.now())


def stored_fields(token: RefreshToken, now: datetime) -> dict[str, Any]:
    """Return what a session stores of its current refresh token: digests only."""
    digests = token.digests
    return {"family": digests.family, "current": digests.digest, "last_used_at": now}
