"""The GraphQL types that the fields of accounts return."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Self

import strawberry
from strawberry import argument, relay

from graphql_auth.accounts.gate import SignedIn
from graphql_auth.codes import RegistrationMode
from graphql_auth.context import Info
from graphql_auth.relay import read_page_arguments
from graphql_auth.sessions.cookies import Cookies
from graphql_auth.sessions.graphql import SessionConnection
from graphql_auth.users.document import UserDocument

DEVICE_TOKEN_LIFETIME = timedelta(days=365)


def secret(description: str, **options: Any) -> Any:
    """Declare a field that is left out of the repr, and so of every log."""
    field = strawberry.field(description=description, **options)
    field.repr = False
    return field


@strawberry.type(description="A user, as the user sees their own account.")
class User(relay.Node):
    user_id: relay.NodeID[str]
    email: str = strawberry.field(description="The e-mail address, in its canonical form.")
    first_name: str = strawberry.field(description="The given name.")
    last_name: str = strawberry.field(description="The family name.")
    created_at: datetime = strawberry.field(description="When the account was created.")
    roles: list[str] = strawberry.field(
        description="The names of the roles, sorted. A new role is in the token after a refresh."
    )
    email_confirmed_at: datetime | None = strawberry.field(
        description="When the user proved to read the mail of this e-mail address."
    )
    has_password: bool = strawberry.field(
        description="Whether there is a password; `requestPasswordReset` leads to a first one."
    )
    current_session: strawberry.Private[str]
    # The fields that an application adds read it.
    document: strawberry.Private[UserDocument]

    @strawberry.field(description="The active sessions of this user, the latest sign-in first.")
    async def sessions(
        self,
        info: Info,
        first: Annotated[
            int | None, argument(description="Page size: at most 100, by default 20.")
        ] = strawberry.UNSET,
        after: Annotated[
            str | None, argument(description="The `cursor` of the last session of the page before.")
        ] = strawberry.UNSET,
    ) -> SessionConnection:
        limit, before = read_page_arguments(first, after)
        found = await info.context.services.sessions.list_for_user(
            self.user_id, before=before, limit=limit + 1
        )
        return SessionConnection.from_page(found, limit, self.current_session)

    @classmethod
    async def resolve_node(  # type: ignore[override]
        cls, node_id: str, *, info: Info, **_: object
    ) -> Self | None:
        """Return the caller's own account; None for any other id."""
        principal = info.context.principal
        if node_id != principal.subject:
            return None
        user = await info.context.services.rotation.load_user(principal.subject)
        return cls.from_document(user, principal.session_id) if user else None

    @classmethod
    def from_document(cls, user: UserDocument, current_session: str) -> Self:
        """Return the view of a user who is signed in by the session with this id."""
        return cls(
            user_id=str(user.id),
            email=user.email,
            first_name=user.first_name,
            last_name=user.last_name,
            created_at=user.created_at,
            roles=user.roles,
            email_confirmed_at=user.email_confirmed_at,
            has_password=bool(user.password),
            current_session=current_session,
            document=user,
        )


@strawberry.type(description="The result of a sign-in: tokens, and the user whom they identify.")
class AuthPayload:
    token: str = secret("The access token: send it as `Authorization: Bearer …`.")
    expires_at: datetime = strawberry.field(description="When the access token expires.")
    refresh_token: str | None = secret(
        "`refreshToken` exchanges it, once, for the next one; null if it is in a cookie."
    )
    device_token: str | None = secret(
        "Send it with the next `login` on this device, so that an attacker guessing passwords"
        " cannot lock the owner out. Null if it is in a cookie, and from `refreshToken`."
    )
    user: User = strawberry.field(description="The signed-in user.")

    @classmethod
    def create(cls, signed_in: SignedIn, cookies: Cookies | None) -> Self:
        """Return the tokens, or set the long-lived ones as cookies if there are any."""
        tokens, device_token = signed_in.tokens, signed_in.device_token
        if cookies:
            cookies.refresh.set(tokens.refresh, tokens.refresh_lifetime)
            if device_token:
                cookies.device.set(device_token, DEVICE_TOKEN_LIFETIME)
        return cls(
            token=tokens.access.value,
            expires_at=tokens.access.expires_at,
            refresh_token=None if cookies else tokens.refresh,
            device_token=None if cookies else device_token,
            user=User.from_document(signed_in.user, tokens.session_id),
        )


@strawberry.type(description="What this server offers, by its settings.")
class Features:
    mail: bool = strawberry.field(description="Whether the server sends mail.")
    registration: Any = strawberry.field(
        graphql_type=RegistrationMode, description="How a new user gets an account."
    )
    sign_in_links: bool = strawberry.field(description="Whether `requestSignInLink` works.")
    password_min_length: int = strawberry.field(
        description="The minimum length of a new password, in characters."
    )


# The bases of several types; the schema does not have them.
@strawberry.type
class EmailPayload:
    email: str = strawberry.field(
        description="The e-mail address as it was typed. Nothing tells whether it has an account."
    )


@strawberry.type
class LinkPayload:
    user: User | None = strawberry.field(
        description="The changed user; null unless the user is signed in."
    )


@strawberry.type(description="The result of a request to sign up.")
class SignUpPayload(EmailPayload): ...


@strawberry.type(description="The result of a request to confirm the e-mail address.")
class RequestEmailConfirmationPayload:
    email: str = strawberry.field(description="The e-mail address of the user.")


@strawberry.type(description="The result of a confirmation.")
class ConfirmEmailPayload(LinkPayload): ...


@strawberry.type(description="The result of a request to reset a password.")
class RequestPasswordResetPayload(EmailPayload): ...


@strawberry.type(description="The result of a request to change the e-mail address.")
class ChangeEmailPayload(EmailPayload): ...


@strawberry.type(description="The result of a change of the e-mail address.")
class ConfirmEmailChangePayload(LinkPayload): ...


@strawberry.type(description="The result of a request for a link to sign in.")
class RequestSignInLinkPayload(EmailPayload): ...


@strawberry.type(description="The result of a change of the profile.")
class UpdateProfilePayload:
    user: User = strawberry.field(description="The changed user.")


@strawberry.type(description="The result of a deletion.")
class DeleteAccountPayload:
    deleted_user_id: strawberry.ID = strawberry.field(
        description="The `id` that the user had, to remove it from a cache."
    )
