"""The GraphQL part of sessions: where a user is signed in, and how to log out."""

from datetime import datetime
from typing import Annotated, Self

import strawberry
from strawberry import argument, relay
from strawberry.types import Info

from graphql_auth.context import Context
from graphql_auth.errors import Unauthenticated
from graphql_auth.permissions import IsAuthenticated
from graphql_auth.relay.global_ids import decode_global_id, is_object_id
from graphql_auth.relay.pagination import PageArgs, cursor
from graphql_auth.sessions.live_sessions import LiveSession
from graphql_auth.sessions.refresh_tokens import RefreshToken


@strawberry.type(description="A sign-in, on one device.")
class Session(relay.Node):
    """The owner's view of a session."""

    session_id: relay.NodeID[str]
    created_at: datetime = strawberry.field(description="When the user signed in.")
    last_used_at: datetime = strawberry.field(description="When it was last refreshed.")
    expires_at: datetime = strawberry.field(description="When it ends, unless it is used before.")
    user_agent: str | None = strawberry.field(description="What the client said it is.")
    ip_address: str | None = strawberry.field(description="The address that it was last used from.")
    current: bool = strawberry.field(description="Whether this request belongs to it.")

    @classmethod
    async def resolve_node(  # type: ignore[override]
        cls,
        node_id: str,
        *,
        info: Info[Context, None],
        required: bool = False,  # noqa: ARG003
    ) -> Self | None:
        """Return one of the caller's own sessions; None for any other id."""
        principal = info.context.principal
        if not is_object_id(node_id):
            return None
        session = await info.context.services.sessions.get(principal.subject, node_id)
        return cls.of(session, principal.session_id) if session else None

    @classmethod
    def of(cls, session: LiveSession, current: str) -> Self:
        """Show a session to its owner, who is in the session with the id ``current``."""
        return cls(
            session_id=session.id,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            expires_at=session.expires_at,
            user_agent=session.user_agent,
            ip_address=session.ip_address,
            current=session.id == current,
        )


@strawberry.type(description="A session in a list.")
class SessionEdge:
    """As Relay has it."""

    cursor: str = strawberry.field(description="To go on after this one.")
    node: Session = strawberry.field(description="The session.")


@strawberry.type(description="Sessions, the latest first.")
class SessionConnection:
    """As Relay has it: https://relay.dev/graphql/connections.htm."""

    edges: list[SessionEdge] = strawberry.field(description="The sessions of this page.")
    page_info: relay.PageInfo = strawberry.field(description="Whether and how to go on.")

    @classmethod
    def of(cls, found: list[LiveSession], page: PageArgs, current: str) -> Self:
        """Show a page, for which one session more than it holds was looked for."""
        edges = [
            SessionEdge(cursor=cursor(session.id), node=Session.of(session, current))
            for session in found[: page.limit]
        ]
        return cls(
            edges=edges,
            page_info=relay.PageInfo(
                has_next_page=len(found) > page.limit,
                has_previous_page=False,
                start_cursor=edges[0].cursor if edges else None,
                end_cursor=edges[-1].cursor if edges else None,
            ),
        )


@strawberry.input(description="Which session to end.")
class RevokeSessionInput:
    """One of the caller's own."""

    id: strawberry.ID = strawberry.field(description="The `id` of a `Session`.")


@strawberry.type
class SessionMutation:
    """How sessions end."""

    @strawberry.mutation(
        description=(
            "End the session of the access token at once; without a good one, that of the cookie."
        )
    )
    async def logout(self, info: Info[Context, None]) -> bool:
        """Log out; an expired access token does not keep a browser from it."""
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
        token = RefreshToken.read(cookie)
        if token and token.session_id == principal.session_id:
            context.cookies.refresh.clear()
        return True

    @strawberry.mutation(
        description="End all of the caller's sessions at once, this one too.",
        permission_classes=[IsAuthenticated],
    )
    async def logout_everywhere(self, info: Info[Context, None]) -> bool:
        """Log out on all devices."""
        context, principal = info.context, info.context.principal
        await context.services.sessions.logout_everywhere(principal, context.client)
        token = token_in_cookie(context)
        if token and token.user_id == principal.subject:
            context.cookies.refresh.clear()
        return True

    @strawberry.mutation(
        description=(
            "End one of the caller's sessions at once; false when there is no such session, or no"
            " more."
        ),
        permission_classes=[IsAuthenticated],
    )
    async def revoke_session(
        self,
        info: Info[Context, None],
        input: Annotated[RevokeSessionInput, argument(description="Which session to end.")],
    ) -> bool:
        """Log out on another device."""
        context, principal = info.context, info.context.principal
        session_id = decode_global_id(input.id, "Session")
        ended = session_id is not None and await context.services.sessions.revoke(
            principal, session_id, context.client
        )
        token = token_in_cookie(context)
        if ended and token and token.session_id == session_id:
            context.cookies.refresh.clear()
        return ended


def token_in_cookie(context: Context) -> RefreshToken | None:
    """Return the refresh token of the cookie, which is not verified here."""
    return RefreshToken.read(context.cookies.refresh.peek())
