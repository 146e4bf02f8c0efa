"""The GraphQL types of accounts, with the descriptions that frontends read."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Self

import strawberry
from strawberry import argument, relay
from strawberry.types import Info

from graphql_auth.accounts.service import Account, Registration, SignedIn
from graphql_auth.context import Context
from graphql_auth.relay.pagination import PageArgs
from graphql_auth.sessions.cookies import Cookies
from graphql_auth.sessions.graphql import SessionConnection

CHARACTERS_OF_NAMES = (
    "At least one can be seen. Control characters, bidirectional controls and other characters that"
    " cannot be seen are refused, except joiners and variation selectors."
)
DEVICE_REMEMBERED = timedelta(days=365)


def secret(description: str, **options: Any) -> Any:  # noqa: ANN401 - as strawberry.field
    """Declare a field whose value shows in no repr, and so in no log."""
    field = strawberry.field(description=description, **options)
    field.repr = False
    return field


def in_cookie() -> Any:  # noqa: ANN401 - as above
    """Declare the field by which a page asks for browser mode."""
    return strawberry.field(
        default=False,
        description="Put refresh token and device token into cookies, which no script can read.",
    )


@strawberry.type(description="A person who can sign in.")
class User(relay.Node):
    """The owner's view of an account."""

    account_id: relay.NodeID[str]
    email: str = strawberry.field(description="The e-mail address, in its canonical form.")
    first_name: str = strawberry.field(description="The given name.")
    last_name: str = strawberry.field(description="The family name.")
    created_at: datetime = strawberry.field(description="When the account was made.")
    current_session: strawberry.Private[str]

    @strawberry.field(description="Where this user is signed in, the latest sign-in first.")
    async def sessions(
        self,
        info: Info[Context, None],
        first: Annotated[
            int | None, argument(description="How many, at most 100; unset, 20.")
        ] = strawberry.UNSET,
        after: Annotated[
            str | None, argument(description="The `cursor` of the last one before.")
        ] = strawberry.UNSET,
    ) -> SessionConnection:
        """List the sessions, at most 100 at a time, and 20 unless it is said how many."""
        page = PageArgs.from_arguments(first, after)
        found = await info.context.services.sessions.list_for_user(
            self.account_id, before=page.after, limit=page.limit + 1
        )
        return SessionConnection.from_page(found, page, self.current_session)

    @classmethod
    async def resolve_node(  # type: ignore[override]
        cls,
        node_id: str,
        *,
        info: Info[Context, None],
        required: bool = False,  # noqa: ARG003
    ) -> Self | None:
        """Return the caller's own account; None for any other id."""
        principal = info.context.principal
        if node_id != principal.subject:
            return None
        account = await info.context.services.accounts.account(principal)
        return cls.of(account, principal.session_id) if account else None

    @classmethod
    def of(cls, account: Account, current_session: str) -> Self:
        """Show an account to its owner, who is in the session with the id ``current_session``."""
        return cls(
            current_session=current_session,
            account_id=account.id,
            email=account.email,
            first_name=account.first_name,
            last_name=account.last_name,
            created_at=account.created_at,
        )


@strawberry.type(description="What whoever registers or logs in gets.")
class AuthPayload:
    """Tokens and the user whom they speak for."""

    token: str = secret("The access token: send it as `Authorization: Bearer …`.")
    expires_at: datetime = strawberry.field(description="When the access token stops working.")
    refresh_token: str | None = secret(
        "Exchange it by `refreshToken` for the next one, once; null when it is in a cookie."
    )
    device_token: str | None = secret(
        "Hand it to the next `login` on this device, so that strangers who guess cannot keep its"
        " owner out; null when it is in a cookie, and for `refreshToken`."
    )
    user: User = strawberry.field(description="Who is signed in now.")

    @classmethod
    def of(cls, signed_in: SignedIn, *, in_cookies: Cookies | None = None) -> Self:
        """Hand over what a use case answered, the long-lived tokens in cookies if there are any."""
        tokens, device_token = signed_in.tokens, signed_in.device_token
        if in_cookies:
            in_cookies.refresh.set(tokens.refresh, tokens.refresh_lifetime)
            if device_token:
                in_cookies.device.set(device_token, DEVICE_REMEMBERED)
        return cls(
            token=tokens.access.value,
            expires_at=tokens.access.expires_at,
            refresh_token=None if in_cookies else tokens.refresh,
            device_token=None if in_cookies else device_token,
            user=User.of(signed_in.account, tokens.session_id),
        )


@strawberry.input(description="A new account.")
class RegisterInput:
    """What a new user types."""

    first_name: str = strawberry.field(
        description=f"The given name; at most 200 characters. {CHARACTERS_OF_NAMES}"
    )
    last_name: str = strawberry.field(
        description=f"The family name; at most 200 characters. {CHARACTERS_OF_NAMES}"
    )
    email: str = strawberry.field(
        description=(
            "The e-mail address to log in with; at most 64 octets before the @. Characters that"
            " cannot be seen are refused."
        )
    )
    password: str = secret("At most 1,024 characters, of any kind; none of them is ignored.")
    use_cookie: bool = in_cookie()

    def typed(self) -> Registration:
        """Hand the values on to the service."""
        return Registration(self.first_name, self.last_name, self.email, self.password)


@strawberry.input(description="Who logs in.")
class LoginInput:
    """What a known user types."""

    email: str = strawberry.field(description="The e-mail address, in any case and form.")
    password: str = secret("The password, exactly as it was registered.")
    device_token: str | None = secret(
        "What a sign-in on this device answered before; browser mode has it in a cookie.",
        default=strawberry.UNSET,
    )
    use_cookie: bool = in_cookie()


@strawberry.input(description="Whose session goes on.")
class RefreshTokenInput:
    """Left out by whoever has the token in a cookie."""

    refresh_token: str = secret("The refresh token that was given out last.")


@strawberry.input(description="A new password for whoever knows the old one.")
class ChangePasswordInput:
    """What the owner types."""

    current_password: str = secret("The password until now.")
    new_password: str = secret("At most 1,024 characters, of any kind; none of them is ignored.")
