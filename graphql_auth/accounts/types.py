"""The GraphQL types of accounts."""

import dataclasses
from datetime import datetime, timedelta
from typing import Annotated, Any, Self

import strawberry
from strawberry import argument, relay
from strawberry.types import get_object_definition

from graphql_auth.accounts.gate import SignedIn
from graphql_auth.accounts.validation import Registration
from graphql_auth.context import Info
from graphql_auth.relay import read_page_arguments
from graphql_auth.sessions.cookies import Cookies
from graphql_auth.sessions.graphql import SessionConnection
from graphql_auth.users.document import UserDocument

NAME_CHARACTERS = (
    "At most 200 characters, at least one of them visible. Control characters, bidirectional"
    " controls and other invisible characters are refused, except joiners and variation selectors."
)
PASSWORD_CHARACTERS = "At most 1,024 characters of any kind; all of them count."  # noqa: S105
DEVICE_TOKEN_LIFETIME = timedelta(days=365)


def secret(description: str, **options: Any) -> Any:
    """Declare a field that is left out of the repr, and so of every log."""
    field = strawberry.field(description=description, **options)
    field.repr = False
    return field


def use_cookie() -> Any:
    """Declare the field that asks for cookies."""
    return strawberry.field(
        default=False,
        description="In browsers: set refresh and device token as cookies that no script can read.",
    )


def device_token() -> Any:
    """Declare the field by which a known device has separate limits."""
    return secret(
        "The `deviceToken` of an earlier sign-in on this device, unless it is in a cookie.",
        default=strawberry.UNSET,
    )


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
        user = await info.context.services.load_user(principal.subject)
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


def _as_plain(value: Any) -> Any:
    """Return a dict for an input, also in lists and inputs, without fields that are UNSET."""
    if isinstance(value, list):
        return list(map(_as_plain, value))
    if not get_object_definition(value):
        return value
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return {name: _as_plain(each) for name, each in fields.items() if each is not strawberry.UNSET}


@strawberry.input(description="A new account, which exists when the e-mail address is confirmed.")
class SignUpInput:
    first_name: str = strawberry.field(description=f"The given name. {NAME_CHARACTERS}")
    last_name: str = strawberry.field(description=f"The family name. {NAME_CHARACTERS}")
    email: str = strawberry.field(
        description=(
            "The e-mail address to log in with: at most 64 bytes before the @, no invisible"
            " characters."
        )
    )
    password: str = secret(PASSWORD_CHARACTERS)

    def to_registration(self) -> Registration:
        """Return the values for the service, with those of the fields that a subclass adds."""
        given = _as_plain(self)
        added = {name: given[name] for name in given.keys() - RegisterInput.__dataclass_fields__}
        return Registration(self.first_name, self.last_name, self.email, self.password, added)


@strawberry.input(description="A new account.")
class RegisterInput(SignUpInput):
    use_cookie: bool | None = use_cookie()


@strawberry.input(description="E-mail address and password of a user.")
class LoginInput:
    email: str = strawberry.field(description="The e-mail address; case does not matter.")
    password: str = secret("The password, exactly as it was registered.")
    device_token: str | None = device_token()
    use_cookie: bool | None = use_cookie()


@strawberry.input(description="The session to continue.")
class RefreshTokenInput:
    refresh_token: str = secret("The refresh token that was issued last.")


@strawberry.input(description="The current password and the new one.")
class ChangePasswordInput:
    current_password: str = secret("The current password.")
    new_password: str = secret(PASSWORD_CHARACTERS)
