"""The GraphQL part of accounts: register, log in, and who is signed in."""

from typing import Annotated

import strawberry
from strawberry import argument
from strawberry.types import Info

from graphql_auth.accounts.service import SignedIn
from graphql_auth.accounts.types import (
    AuthPayload,
    ChangePasswordInput,
    LoginInput,
    RefreshTokenInput,
    RegisterInput,
    User,
)
from graphql_auth.context import Context
from graphql_auth.errors import TokenReason, Unauthenticated
from graphql_auth.permissions import IsAuthenticated
from graphql_auth.sessions.cookies import Cookies
from graphql_auth.sessions.graphql import token_in_cookie

WELCOME = "Welcome 🙌"


@strawberry.type
class AccountQuery:
    """What a user can read."""

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
        if info.context.caller is TokenReason.TOKEN_MISSING:
            return None
        return await User.resolve_node(info.context.principal.subject, info=info)


@strawberry.type
class AccountMutation:
    """How accounts are made and signed in to."""

    @strawberry.mutation(description="Make an account and sign its owner in.")
    async def register(
        self,
        info: Info[Context, None],
        input: Annotated[RegisterInput, argument(description="The new account.")],
    ) -> AuthPayload:
        """Register."""
        context = info.context
        cookies = context.cookies.if_requested(input.use_cookie)
        signed_in = await context.services.accounts.register(input.typed(), context.client)
        return await _start(context, signed_in, cookies)

    @strawberry.mutation(description="Sign in with an e-mail address and a password.")
    async def login(
        self,
        info: Info[Context, None],
        input: Annotated[LoginInput, argument(description="Who logs in.")],
    ) -> AuthPayload:
        """Log in."""
        context = info.context
        cookies = context.cookies.if_requested(input.use_cookie)
        signed_in = await context.services.accounts.login(
            input.email,
            input.password,
            context.client,
            input.device_token or None,
            context.cookies.device.peek(),
        )
        return await _start(context, signed_in, cookies)

    @strawberry.mutation(
        description=(
            "Exchange the refresh token, of the input or else of the cookie, for the next one and"
            " a new access token."
        )
    )
    async def refresh_token(
        self,
        info: Info[Context, None],
        input: Annotated[
            RefreshTokenInput | None,
            argument(description="Whose session goes on; unset, the one in the cookie."),
        ] = strawberry.UNSET,
    ) -> AuthPayload:
        """Carry a session on."""
        context = info.context
        cookies = None if input else context.cookies
        token = input.refresh_token if input else context.cookies.refresh.read()
        if not token:
            raise Unauthenticated(TokenReason.TOKEN_MISSING)
        # A cookie that counts no more is left: the answer may come after one that set a good one.
        signed_in = await context.services.accounts.refresh(token, context.client)
        return AuthPayload.of(signed_in, in_cookies=cookies)

    @strawberry.mutation(
        description="Change the password, end all other sessions and get fresh tokens.",
        permission_classes=[IsAuthenticated],
    )
    async def change_password(
        self,
        info: Info[Context, None],
        input: Annotated[
            ChangePasswordInput, argument(description="The old password and the new one.")
        ],
    ) -> AuthPayload:
        """Change the password; a refresh token of this session in a cookie is replaced there.

        One of another session of the caller ends with that session, and so the cookie is cleared.
        One of somebody else, who signed in in another tab, stays.
        """
        context, principal = info.context, info.context.principal
        token = token_in_cookie(context)
        is_of_session = token is not None and token.session_id == principal.session_id
        cookies = context.cookies.if_requested(is_of_session)
        signed_in = await context.services.accounts.change_password(
            principal, input.current_password, input.new_password, context.client
        )
        if token and token.user_id == principal.subject and not is_of_session:
            context.cookies.refresh.clear()
        return AuthPayload.of(signed_in, in_cookies=cookies)


async def _start(context: Context, signed_in: SignedIn, cookies: Cookies | None) -> AuthPayload:
    """Hand a new session over; a cookie that it replaces was the only copy of its token."""
    replaced = cookies.refresh.peek() if cookies else None
    if replaced:
        await context.services.sessions.end_replaced(replaced, context.client)
    return AuthPayload.of(signed_in, in_cookies=cookies)
