"""What can be done."""

import strawberry
from strawberry.types import Info

from graphql_auth.api.context import Context
from graphql_auth.api.types import AuthPayload, LoginInput, RegisterInput


@strawberry.type
class Mutation:
    """The root of all writing; each field is one call of the service."""

    @strawberry.mutation(description="Make an account and sign its owner in.")
    async def register(self, info: Info[Context, None], input: RegisterInput) -> AuthPayload:
        """Register."""
        return AuthPayload.of(await info.context.service.register(input.typed()))

    @strawberry.mutation(description="Sign in with an e-mail address and a password.")
    async def login(self, info: Info[Context, None], input: LoginInput) -> AuthPayload:
        """Log in."""
        return AuthPayload.of(await info.context.service.login(input.email, input.password))
