"""What the owner of a session can see of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from graphql_auth.sessions.document import SessionDocument


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A live session without its digests."""

    id: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    ip_address: str | None
    user_agent: str | None

    @classmethod
    def from_session(cls, session: SessionDocument) -> Self:
        """Leave out the digests of a stored session."""
        return cls(
            str(session.id),
            session.created_at,
            session.last_used_at,
            session.expires_at,
            session.ip_address,
            session.user_agent,
        )
