"""The GraphQL part of accounts: register, log in, refresh, change the password, and the viewer."""

from typing import Annotated

import strawberry
from strawberry import argument
from strawberry.types import Info

from graphql_auth.accounts.gate import SignedIn
from graphql_auth.accounts.types import (
    AuthPayload,
    ChangePasswordInput,
    LoginInput,
    RefreshTokenInput,
    RegisterInput,
    User,
)
from graphql_auth.context import Anonymous, Context
from graphql_auth.errors import TokenReason, Unauthenticated
from graphql_auth.permissions import IsAuthenticated
from graphql_auth.sessions.cookies import Cookies
from graphql_auth.sessions.graphql import token_in_cookie


@strawberry.type
class AccountQuery:
    @strawberry.field(
        description="The greeting that only a signed-in user gets.",
        permission_classes=[IsAuthenticated],
    )
    def welcome(self) -> str:
        return "Welcome 🙌"

    @strawberry.field(
        description="The signed-in user; null without a token, and an error for an invalid token."
    )
    async def viewer(self, info: Info[Context, None]) -> User | None:
        """Return the caller's own account. The error tells a frontend to refresh."""
        if info.context.caller == Anonymous(TokenReason.TOKEN_MISSING):
            return None
        return await User.resolve_node(info.context.principal.subject, info=info)


@strawberry.type
class AccountMutation:
    @strawberry.mutation(description="Create an account and sign its owner in.")
    async def register(
        self,
        info: Info[Context, None],
        input: Annotated[RegisterInput, argument(description="The new account.")],
    ) -> AuthPayload:
        context = info.context
        cookies = context.cookies.if_requested(input.use_cookie)
        signed_in = await context.services.accounts.register(
            input.to_registration(), context.client
        )
        return await start_session(context, signed_in, cookies)

    @strawberry.mutation(description="Sign in with an e-mail address and a password.")
    async def login(
        self,
        info: Info[Context, None],
        input: Annotated[LoginInput, argument(description="The credentials.")],
    ) -> AuthPayload:
        context = info.context
        cookies = context.cookies.if_requested(input.use_cookie)
        signed_in = await context.services.accounts.login(
            input.email,
            input.password,
            context.client,
            *context.device_tokens(input.device_token),
        )
        return await start_session(context, signed_in, cookies)

    @strawberry.mutation(
        description=(
            "Exchange the refresh token, from the input or the cookie, for the next one and a new"
            " access token."
        )
    )
    async def refresh_token(
        self,
        info: Info[Context, None],
        input: Annotated[
            RefreshTokenInput | None,
            argument(description="The session to continue; by default, that of the cookie."),
        ] = strawberry.UNSET,
    ) -> AuthPayload:
        """Rotate the refresh token.

        A cookie with an invalid token is kept: another response may just have set a valid one.
        """
        context = info.context
        cookie = context.cookies.refresh
        token = input.refresh_token if input else cookie.read(is_required=True)
        if not token:
            raise Unauthenticated(TokenReason.TOKEN_MISSING)
        user, tokens = await context.services.rotation.refresh(token, context.client)
        return AuthPayload.create(SignedIn(tokens, user), None if input else context.cookies)

    @strawberry.mutation(
        description="Change the password, end all other sessions and get new tokens.",
        permission_classes=[IsAuthenticated],
    )
    async def change_password(
        self,
        info: Info[Context, None],
        input: Annotated[
            ChangePasswordInput, argument(description="The current password and the new one.")
        ],
    ) -> AuthPayload:
        """Change the password.

        A cookie of this session gets the new refresh token. A cookie of another session of the
        caller is cleared, since that session ends. A cookie of another user, who signed in in
        another tab, is kept.
        """
        context, principal = info.context, info.context.principal
        token = token_in_cookie(context)
        is_of_session = token is not None and token.session_id == principal.session_id
        cookies = context.cookies.if_requested(is_of_session)
        signed_in = await context.services.password_change.change(
            principal, input.current_password, input.new_password, context.client
        )
        if token and token.user_id == principal.subject and not is_of_session:
            context.cookies.refresh.clear()
        return AuthPayload.create(signed_in, cookies)


async def start_session(
    context: Context, signed_in: SignedIn, cookies: Cookies | None
) -> AuthPayload:
    """End the session that a new cookie replaces, since the cookie was its only refresh token."""
    replaced = cookies.refresh.peek() if cookies else None
    if replaced:
        await context.services.sessions.end_replaced(replaced, context.client)
    return AuthPayload.create(signed_in, cookies)
