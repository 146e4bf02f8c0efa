"""The GraphQL types and mutations of sessions."""

from datetime import datetime
from typing import Self

import strawberry
from strawberry import relay

from graphql_auth.context import Context, Info
from graphql_auth.errors import Unauthenticated
from graphql_auth.mongo.object_id import is_object_id
from graphql_auth.permissions import IsAuthenticated
from graphql_auth.relay import CURSOR, decode_global_id
from graphql_auth.sessions.document import SessionDocument
from graphql_auth.sessions.refresh_tokens import RefreshToken


@strawberry.type(description="A signed-in device of a user.")
class Session(relay.Node):
    session_id: relay.NodeID[str]
    created_at: datetime = strawberry.field(description="When the user signed in.")
    last_used_at: datetime = strawberry.field(
        description="The time of the sign-in or of the last refresh."
    )
    expires_at: datetime = strawberry.field(
        description="When it expires. Each refresh extends it, up to a limit."
    )
    user_agent: str | None = strawberry.field(
        description="The client's `User-Agent` at `lastUsedAt`."
    )
    ip_address: str | None = strawberry.field(
        description="The client's IP address at `lastUsedAt`."
    )
    current: bool = strawberry.field(description="Whether this request belongs to it.")

    @classmethod
    async def resolve_node(  # type: ignore[override]
        cls, node_id: str, *, info: Info, **_: object
    ) -> Self | None:
        """Return one of the caller's own sessions; None for any other id."""
        principal = info.context.principal
        if not is_object_id(node_id):
            return None
        session = await info.context.services.sessions.get(principal.subject, node_id)
        return cls.from_session(session, principal.session_id) if session else None

    @classmethod
    def from_session(cls, session: SessionDocument, current_session: str) -> Self:
        """Convert a session for a request of the session with the id ``current_session``."""
        return cls(
            session_id=str(session.id),
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            expires_at=session.expires_at,
            user_agent=session.user_agent,
            ip_address=session.ip_address,
            current=str(session.id) == current_session,
        )


@strawberry.type(description="A page of sessions, latest first.")
class SessionConnection(relay.Connection[Session]):
    """Keyset pagination; Strawberry's ListConnection counts offsets, which shift."""

    @classmethod
    def from_page(cls, found: list[SessionDocument], limit: int, current_session: str) -> Self:
        """Convert the result of a query for one session more than ``limit``."""
        edges = [
            relay.Edge(
                cursor=relay.to_base64(CURSOR, str(one.id)),
                node=Session.from_session(one, current_session),
            )
            for one in found[:limit]
        ]
        return cls(
            edges=edges,
            page_info=relay.PageInfo(
                has_next_page=len(found) > limit,
                has_previous_page=False,
                start_cursor=edges[0].cursor if edges else None,
                end_cursor=edges[-1].cursor if edges else None,
            ),
        )


@strawberry.input(description="The session to end.")
class RevokeSessionInput:
    id: strawberry.ID = strawberry.field(description="The `id` of a `Session`.")


@strawberry.type
class SessionMutation:
    @strawberry.mutation(
        description=(
            "End the session of the access token. Without a valid one, end the session of the"
            " cookie."
        )
    )
    async def logout(self, info: Info) -> bool:
        """Log out, also by cookie, so that an expired access token does not prevent it."""
        context, sessions = info.context, info.context.services.sessions
        cookie = context.cookies.refresh.read()
        try:
            principal = context.principal
        except Unauthenticated:
            if cookie is None:
                raise
            await sessions.logout_by_token(cookie, context.client)
            context.cookies.refresh.clear()
            return True
        await sessions.logout(principal, context.client)
        _clear_cookie_of(context, principal.session_id)
        return True

    @strawberry.mutation(
        description="End all sessions of the user, including this one.",
        permission_classes=[IsAuthenticated],
    )
    async def logout_everywhere(self, info: Info) -> bool:
        context, principal = info.context, info.context.principal
        await context.services.sessions.logout_everywhere(principal, context.client)
        token = token_in_cookie(context)
        if token and token.user_id == principal.subject:
            context.cookies.refresh.clear()
        return True

    @strawberry.mutation(
        description="End one session of the user. The result is false if there is no such session.",
        permission_classes=[IsAuthenticated],
    )
    async def revoke_session(self, info: Info, input: RevokeSessionInput) -> bool:
        context, principal = info.context, info.context.principal
        session_id = decode_global_id(input.id, "Session")
        ended = session_id is not None and await context.services.sessions.revoke(
            principal, session_id, context.client
        )
        if ended:
            _clear_cookie_of(context, session_id)
        return ended


def token_in_cookie(context: Context) -> RefreshToken | None:
    """Return the refresh token of the cookie, without verifying it."""
    return RefreshToken.parse(context.cookies.refresh.peek())


def _clear_cookie_of(context: Context, session_id: str | None) -> None:
    token = token_in_cookie(context)
    if token and token.session_id == session_id:
        context.cookies.refresh.clear()
