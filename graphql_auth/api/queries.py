"""What can be asked for."""

import strawberry
from strawberry import relay
from strawberry.types import Info

from graphql_auth.api.context import Context
from graphql_auth.api.permissions import IsAuthenticated
from graphql_auth.api.types import User
from graphql_auth.auth.tokens import Principal

WELCOME = "Welcome 🙌"


@strawberry.type
class Query:
    """The root of all reading."""

    @strawberry.field(
        description="The greeting that only a signed-in user gets.",
        permission_classes=[IsAuthenticated],
    )
    def welcome(self) -> str:
        """Greet; the permission class has done the work, without a look at the database."""
        return WELCOME

    @strawberry.field(description="Who is signed in; null when nobody is.")
    async def viewer(self, info: Info[Context, None]) -> User | None:
        """Read the caller's own account."""
        caller = info.context.caller
        return await _own_account(info.context, caller) if isinstance(caller, Principal) else None

    @strawberry.field(
        description="Relay's way to fetch an object again; null unless it is the caller's own.",
        permission_classes=[IsAuthenticated],
    )
    async def node(self, info: Info[Context, None], id: strawberry.ID) -> relay.Node | None:
        """Read the object with a global id; someone else's and a made-up one answer alike."""
        principal = info.context.principal
        if id != relay.to_base64(User, principal.subject):
            return None
        return await _own_account(info.context, principal)


async def _own_account(context: Context, principal: Principal) -> User | None:
    account = await context.service.account(principal)
    return User.of(account) if account else None
