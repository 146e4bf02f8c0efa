"""The types of the schema, with the descriptions that frontends read."""

from datetime import datetime
from typing import Any, Self

import strawberry
from strawberry import relay

from graphql_auth.auth.service import Account, Registration, SignedIn


def secret(description: str) -> Any:  # noqa: ANN401 - as strawberry.field, whose place it takes
    """Declare a field whose value shows in no repr, and so in no log."""
    field = strawberry.field(description=description)
    field.repr = False
    return field


@strawberry.type(description="A person who can sign in.")
class User(relay.Node):
    """The owner's view of an account."""

    account_id: relay.NodeID[str]
    email: str = strawberry.field(description="The e-mail address, in its canonical form.")
    first_name: str = strawberry.field(description="The given name.")
    last_name: str = strawberry.field(description="The family name.")
    created_at: datetime = strawberry.field(description="When the account was made.")

    @classmethod
    def of(cls, account: Account) -> Self:
        """Show an account to its owner."""
        return cls(
            account_id=account.id,
            email=account.email,
            first_name=account.first_name,
            last_name=account.last_name,
            created_at=account.created_at,
        )


@strawberry.type(description="What whoever registers or logs in gets.")
class AuthPayload:
    """A token and the user whom it speaks for."""

    token: str = secret("The access token: send it as `Authorization: Bearer …`.")
    expires_at: datetime = strawberry.field(description="When the access token stops working.")
    user: User = strawberry.field(description="Who is signed in now.")

    @classmethod
    def of(cls, signed_in: SignedIn) -> Self:
        """Hand over what a use case answered."""
        return cls(
            token=signed_in.token.value,
            expires_at=signed_in.token.expires_at,
            user=User.of(signed_in.account),
        )


@strawberry.input(description="A new account.")
class RegisterInput:
    """What a new user types."""

    first_name: str = strawberry.field(description="The given name; at most 200 characters.")
    last_name: str = strawberry.field(description="The family name; at most 200 characters.")
    email: str = strawberry.field(description="The e-mail address to log in with.")
    password: str = secret("At most 1,024 characters, of any kind; none of them is ignored.")

    def typed(self) -> Registration:
        """Hand the values on to the service."""
        return Registration(self.first_name, self.last_name, self.email, self.password)


@strawberry.input(description="Who logs in.")
class LoginInput:
    """What a known user types."""

    email: str = strawberry.field(description="The e-mail address, in any case and form.")
    password: str = secret("The password, exactly as it was registered.")
