"""The GraphQL part of accounts: who is signed in, what the server offers, and each mutation."""

from dataclasses import asdict
from typing import Annotated

import strawberry
from strawberry import argument, relay

from graphql_auth.accounts import inputs, types
from graphql_auth.accounts.gate import SignedIn
from graphql_auth.accounts.types import AuthPayload, User
from graphql_auth.context import Anonymous, Context, Info
from graphql_auth.errors import TokenReason, Unauthenticated
from graphql_auth.permissions import IsAuthenticated
from graphql_auth.sessions.cookies import Cookies
from graphql_auth.sessions.graphql import token_in_cookie
from graphql_auth.tokens.one_time import Purpose


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
    async def viewer(self, info: Info) -> User | None:
        """Return the caller's own account. The error tells a frontend to refresh."""
        if info.context.caller == Anonymous(TokenReason.TOKEN_MISSING):
            return None
        return await User.resolve_node(info.context.principal.subject, info=info)

    @strawberry.field(description="What this server offers: which forms a frontend can show.")
    def features(self, info: Info) -> types.Features:
        return types.Features(**asdict(info.context.services.features))


@strawberry.type
class AccountMutation:
    @strawberry.mutation(description="Create an account and sign its owner in.")
    async def register(self, info: Info, input: inputs.RegisterInput) -> AuthPayload:
        context = info.context
        cookies = context.cookies.if_requested(input.use_cookie)
        signed_in = await context.services.accounts.register(
            input.to_registration(), context.client
        )
        return await _start_session(context, signed_in, cookies)

    @strawberry.mutation(description="Sign in with an e-mail address and a password.")
    async def login(self, info: Info, input: inputs.LoginInput) -> AuthPayload:
        context = info.context
        cookies = context.cookies.if_requested(input.use_cookie)
        client = context.client_with(input.device_token)
        signed_in = await context.services.accounts.login(input.email, input.password, client)
        return await _start_session(context, signed_in, cookies)

    @strawberry.mutation(
        description=(
            "Exchange the refresh token, from the input or the cookie, for the next one and a new"
            " access token."
        )
    )
    async def refresh_token(
        self,
        info: Info,
        input: Annotated[
            inputs.RefreshTokenInput | None,
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
    async def change_password(self, info: Info, input: inputs.ChangePasswordInput) -> AuthPayload:
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

    @strawberry.mutation(
        description="Mail a link that completes the sign-up. The answer is the same if the e-mail"
        " address has an account; then the mail says so."
    )
    async def sign_up(self, info: Info, input: inputs.SignUpInput) -> types.SignUpPayload:
        await info.context.services.sign_up.request(input.to_registration(), info.context.client)
        return types.SignUpPayload(email=input.email)

    @strawberry.mutation(description="Create the account of a sign-up, and sign its owner in.")
    async def confirm_sign_up(self, info: Info, input: inputs.ConfirmSignUpInput) -> AuthPayload:
        context, cookies = info.context, info.context.cookies.if_requested(input.use_cookie)
        sign_up = context.services.sign_up
        signed_in = await sign_up.confirm(input.token, input.password, context.client)
        return await _start_session(context, signed_in, cookies)

    @strawberry.mutation(
        description="Mail a link that confirms the e-mail address, unless it is confirmed.",
        permission_classes=[IsAuthenticated],
    )
    async def request_email_confirmation(self, info: Info) -> types.RequestEmailConfirmationPayload:
        context = info.context
        change = context.services.email_change
        user = await change.request_confirmation(context.principal, context.client)
        return types.RequestEmailConfirmationPayload(email=user.email)

    @strawberry.mutation(description="Confirm the e-mail address of the account.")
    async def confirm_email(
        self, info: Info, input: inputs.ConfirmEmailInput
    ) -> types.ConfirmEmailPayload:
        user = await _confirm(info.context, Purpose.CONFIRM_EMAIL, input)
        return types.ConfirmEmailPayload(user=user)

    @strawberry.mutation(
        description="Mail a link that resets a forgotten password. The answer is the same if the"
        " e-mail address has no account."
    )
    async def request_password_reset(
        self, info: Info, input: inputs.RequestPasswordResetInput
    ) -> types.RequestPasswordResetPayload:
        client = info.context.client_with(input.device_token)
        await info.context.services.password_reset.request(input.email, client)
        return types.RequestPasswordResetPayload(email=input.email)

    @strawberry.mutation(
        description="Set a new password by a link, and sign the user in. All other sessions, device"
        " tokens and links end, and the e-mail address is confirmed."
    )
    async def reset_password(self, info: Info, input: inputs.ResetPasswordInput) -> AuthPayload:
        context, cookies = info.context, info.context.cookies.if_requested(input.use_cookie)
        client, reset = context.client_with(input.device_token), context.services.password_reset
        signed_in = await reset.reset(input.token, input.new_password, client)
        return await _start_session(context, signed_in, cookies)

    @strawberry.mutation(
        description="Mail a link to a new e-mail address, and a notice to the present one. The"
        " answer is the same if the new one has an account.",
        permission_classes=[IsAuthenticated],
    )
    async def change_email(
        self, info: Info, input: inputs.ChangeEmailInput
    ) -> types.ChangeEmailPayload:
        context, change = info.context, info.context.services.email_change
        await change.request_change(
            context.principal, input.current_password, input.new_email, context.client
        )
        return types.ChangeEmailPayload(email=input.new_email)

    @strawberry.mutation(description="Complete a change of the e-mail address.")
    async def confirm_email_change(
        self, info: Info, input: inputs.ConfirmEmailChangeInput
    ) -> types.ConfirmEmailChangePayload:
        user = await _confirm(info.context, Purpose.CHANGE_EMAIL, input)
        return types.ConfirmEmailChangePayload(user=user)

    @strawberry.mutation(
        description="Mail a link to sign in by, if the server offers it. The answer is the same if"
        " the e-mail address has no account."
    )
    async def request_sign_in_link(
        self, info: Info, input: inputs.RequestSignInLinkInput
    ) -> types.RequestSignInLinkPayload:
        client = info.context.client_with(input.device_token)
        await info.context.services.sign_in_link.request(input.email, client)
        return types.RequestSignInLinkPayload(email=input.email)

    @strawberry.mutation(description="Sign in by a link.")
    async def sign_in_with_link(self, info: Info, input: inputs.SignInWithLinkInput) -> AuthPayload:
        context, cookies = info.context, info.context.cookies.if_requested(input.use_cookie)
        client = context.client_with(input.device_token)
        signed_in = await context.services.sign_in_link.sign_in(input.token, client)
        return await _start_session(context, signed_in, cookies)

    @strawberry.mutation(
        description="Change the names of the user.", permission_classes=[IsAuthenticated]
    )
    async def update_profile(
        self, info: Info, input: inputs.UpdateProfileInput
    ) -> types.UpdateProfilePayload:
        principal, accounts = info.context.principal, info.context.services.accounts
        user = await accounts.update_profile(principal, input.first_name, input.last_name)
        return types.UpdateProfilePayload(user=User.from_document(user, principal.session_id))

    @strawberry.mutation(
        description="Delete the account, with everything that the server stores of the user.",
        permission_classes=[IsAuthenticated],
    )
    async def delete_account(
        self, info: Info, input: inputs.DeleteAccountInput
    ) -> types.DeleteAccountPayload:
        context, principal = info.context, info.context.principal
        await context.services.accounts.delete(principal, input.current_password, context.client)
        token = token_in_cookie(context)
        if token and token.user_id == principal.subject:
            context.cookies.refresh.clear()
        deleted = relay.to_base64(User, principal.subject)
        return types.DeleteAccountPayload(deleted_user_id=strawberry.ID(deleted))


async def _start_session(
    context: Context, signed_in: SignedIn, cookies: Cookies | None
) -> AuthPayload:
    """End the session that a new cookie replaces, since the cookie was its only refresh token."""
    replaced = cookies.refresh.peek() if cookies else None
    if replaced:
        await context.services.sessions.end_replaced(replaced, context.client)
    return AuthPayload.create(signed_in, cookies)


async def _confirm(
    context: Context, purpose: Purpose, input: inputs.ProvenLinkInput
) -> User | None:
    """Confirm an e-mail, and return the user if it is the caller.

    A link alone does not show an account.
    """
    try:
        principal = context.principal
    except Unauthenticated:
        principal = None
    caller_id = principal.subject if principal else None
    user = await context.services.email_change.confirm(
        purpose, input.token, caller_id, input.password, context.client
    )
    # Not read again: the session can have ended meanwhile, and the confirmation is made.
    if principal is None or caller_id != str(user.id):
        return None
    return User.from_document(user, principal.session_id)
