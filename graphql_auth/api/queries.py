"""What can be asked for."""

from typing import Annotated

import strawberry
from strawberry import argument, relay
from strawberry.types import Info

from graphql_auth.api.context import Context
from graphql_auth.api.identifiers import id_in
from graphql_auth.api.permissions import IsAuthenticated
from graphql_auth.api.types import Session, User
from graphql_auth.errors import TokenFault

WELCOME = "Welcome 🙌"


@strawberry.type(description="What can be asked for.")
class Query:
    """The root of all reading."""

    @strawberry.field(
        description="The greeting that only a signed-in user gets.",
        permission_classes=[IsAuthenticated],
    )
    def welcome(self) -> str:
        """Greet; the permission class has done the work, without a look at the database."""
        return WELCOME

    @strawberry.field(
        description="Who is signed in; null when nobody is, with an error if the token is bad."
    )
    async def viewer(self, info: Info[Context, None]) -> User | None:
        """Read the caller's own account.

        Raises Unauthenticated when there is a token but no good one, so that a frontend refreshes
        it, and Unavailable when it cannot be told who calls.
        """
        if info.context.caller is TokenFault.TOKEN_MISSING:
            return None
        return await _own_account(info.context)

    @strawberry.field(
        description="Relay's way to fetch an object again; null unless it is the caller's own.",
        permission_classes=[IsAuthenticated],
    )
    async def node(
        self,
        info: Info[Context, None],
        id: Annotated[strawberry.ID, argument(description="The `id` of any object.")],
    ) -> relay.Node | None:
        """Read the object with a global id; someone else's and a made-up one answer alike."""
        principal = info.context.principal
        if id_in(id, "User") == principal.subject:
            return await _own_account(info.context)
        session_id = id_in(id, "Session")
        return await _own_session(info.context, session_id) if session_id else None


async def _own_account(context: Context) -> User | None:
    principal = context.principal
    account = await context.services.accounts.account(principal)
    return User.of(account, principal.session_id) if account else None


async def _own_session(context: Context, session_id: str) -> Session | None:
    principal = context.principal
    session = await context.services.sessions.one(principal.subject, session_id)
    return Session.of(session, principal.session_id) if session else None
