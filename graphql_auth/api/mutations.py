"""What can be done."""

import strawberry
from strawberry.types import Info

from graphql_auth.api.context import Context
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
from graphql_auth.auth.tokens import Principal
from graphql_auth.errors import TokenFault, Unauthenticated


@strawberry.type
class Mutation:
    """The root of all writing; each field is one call of a service."""

    @strawberry.mutation(description="Make an account and sign its owner in.")
    async def register(self, info: Info[Context, None], input: RegisterInput) -> AuthPayload:
        """Register."""
        context = info.context
        cookie = context.refresh_cookie.wanted(input.use_cookie)
        signed_in = await context.services.accounts.register(input.typed(), context.device)
        return AuthPayload.of(signed_in, in_cookie=cookie)

    @strawberry.mutation(description="Sign in with an e-mail address and a password.")
    async def login(self, info: Info[Context, None], input: LoginInput) -> AuthPayload:
        """Log in."""
        context = info.context
        cookie = context.refresh_cookie.wanted(input.use_cookie)
        signed_in = await context.services.accounts.login(
            input.email, input.password, context.device
        )
        return AuthPayload.of(signed_in, in_cookie=cookie)

    @strawberry.mutation(
        description=(
            "Exchange the refresh token, of the input or else of the cookie, for the next one and"
            " a new access token."
        )
    )
    async def refresh_token(
        self, info: Info[Context, None], input: RefreshTokenInput | None = strawberry.UNSET
    ) -> AuthPayload:
        """Carry a session on."""
        context = info.context
        cookie = None if input else context.refresh_cookie
        token = input.refresh_token if input else context.refresh_cookie.read()
        if not token:
            raise Unauthenticated(TokenFault.TOKEN_MISSING)
        try:
            signed_in = await context.services.accounts.refresh(token, context.device)
        except Unauthenticated:
            if cookie:
                cookie.clear()
            raise
        return AuthPayload.of(signed_in, in_cookie=cookie)

    @strawberry.mutation(
        description="End the session of the access token, or else of the cookie, at once."
    )
    async def logout(self, info: Info[Context, None]) -> bool:
        """Log out; an expired access token does not keep a browser from it."""
        context, sessions = info.context, info.context.services.sessions
        signed_in = isinstance(context.caller, Principal)
        token = None if signed_in else context.refresh_cookie.read()
        if token is None:
            await sessions.end(context.principal.subject, context.principal.session_id)
        else:
            await sessions.end_by_token(token)
        context.refresh_cookie.clear()
        return True

    @strawberry.mutation(
        description="End all of the caller's sessions at once, this one too.",
        permission_classes=[IsAuthenticated],
    )
    async def logout_everywhere(self, info: Info[Context, None]) -> bool:
        """Log out on all devices."""
        context = info.context
        await context.services.sessions.end_all(context.principal.subject)
        context.refresh_cookie.clear()
        return True

    @strawberry.mutation(
        description=(
            "End one of the caller's sessions at once; false when there is no such session, or no"
            " more."
        ),
        permission_classes=[IsAuthenticated],
    )
    async def revoke_session(self, info: Info[Context, None], input: RevokeSessionInput) -> bool:
        """Log out on another device."""
        context = info.context
        session_id = id_in(input.id, "Session")
        return session_id is not None and await context.services.sessions.end(
            context.principal.subject, session_id
        )

    @strawberry.mutation(
        description="Change the password, end all other sessions and get fresh tokens.",
        permission_classes=[IsAuthenticated],
    )
    async def change_password(
        self, info: Info[Context, None], input: ChangePasswordInput
    ) -> AuthPayload:
        """Change the password; a refresh token in a cookie is replaced there."""
        context = info.context
        cookie = context.refresh_cookie.wanted(context.refresh_cookie.is_present)
        signed_in = await context.services.accounts.change_password(
            context.principal, input.current_password, input.new_password
        )
        return AuthPayload.of(signed_in, in_cookie=cookie)
