"""What can be done."""

from typing import Annotated

import strawberry
from strawberry import argument
from strawberry.types import Info

from graphql_auth.api.context import Context
from graphql_auth.api.cookies import Cookies
from graphql_auth.api.identifiers import id_in
from graphql_auth.api.permissions import IsAuthenticated
from graphql_auth.api.types import (
    AuthPayload,
    ChangePasswordInput,
    LoginInput,
    RefreshTokenInput,
    RegisterInput,
    RevokeSessionInput,
)
from graphql_auth.auth.refresh_tokens import RefreshToken
from graphql_auth.auth.service import SignedIn
from graphql_auth.errors import TokenFault, Unauthenticated


@strawberry.type(description="What can be done.")
class Mutation:
    """The root of all writing; each field is one call of a service."""

    @strawberry.mutation(description="Make an account and sign its owner in.")
    async def register(
        self,
        info: Info[Context, None],
        input: Annotated[RegisterInput, argument(description="The new account.")],
    ) -> AuthPayload:
        """Register."""
        context = info.context
        cookies = context.cookies.wanted(input.use_cookie)
        signed_in = await context.services.accounts.register(input.typed(), context.device)
        return await _start(context, signed_in, cookies)

    @strawberry.mutation(description="Sign in with an e-mail address and a password.")
    async def login(
        self,
        info: Info[Context, None],
        input: Annotated[LoginInput, argument(description="Who logs in.")],
    ) -> AuthPayload:
        """Log in."""
        context = info.context
        cookies = context.cookies.wanted(input.use_cookie)
        signed_in = await context.services.accounts.login(
            input.email,
            input.password,
            context.device,
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
            raise Unauthenticated(TokenFault.TOKEN_MISSING)
        # A cookie that counts no more is left: the answer may come after one that set a good one.
        signed_in = await context.services.accounts.refresh(token, context.device)
        return AuthPayload.of(signed_in, in_cookies=cookies)

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
            await sessions.logout_by_token(cookie, context.device)
            context.cookies.refresh.clear()
            return True
        await sessions.logout(principal, context.device)
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
        await context.services.sessions.logout_everywhere(principal, context.device)
        token = _token_in_cookie(context)
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
        session_id = id_in(input.id, "Session")
        ended = session_id is not None and await context.services.sessions.revoke(
            principal, session_id, context.device
        )
        token = _token_in_cookie(context)
        if ended and token and token.session_id == session_id:
            context.cookies.refresh.clear()
        return ended

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
        token = _token_in_cookie(context)
        is_of_session = token is not None and token.session_id == principal.session_id
        cookies = context.cookies.wanted(is_of_session)
        signed_in = await context.services.accounts.change_password(
            principal, input.current_password, input.new_password, context.device
        )
        if token and token.user_id == principal.subject and not is_of_session:
            context.cookies.refresh.clear()
        return AuthPayload.of(signed_in, in_cookies=cookies)


async def _start(context: Context, signed_in: SignedIn, cookies: Cookies | None) -> AuthPayload:
    """Hand a new session over; a cookie that it replaces was the only copy of its token."""
    replaced = cookies.refresh.peek() if cookies else None
    if replaced:
        await context.services.sessions.end_replaced(replaced, context.device)
    return AuthPayload.of(signed_in, in_cookies=cookies)


def _token_in_cookie(context: Context) -> RefreshToken | None:
    """Return the refresh token of the cookie, which is not verified here."""
    return RefreshToken.read(context.cookies.refresh.peek())
