"""Strawberry as its documentation shows it: "Starlette", "Permissions" and "Authentication".

Users are documents of Beanie, passwords are hashed by passlib, tokens are PyJWT's, called where
that documentation leaves room for it: in the resolver.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import jwt
import strawberry
from beanie import Document, Indexed, init_beanie
from passlib.context import CryptContext
from pymongo import AsyncMongoClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.permission import BasePermission
from strawberry.types import Info

MONGO_URI = os.environ["MONGO_URI"]
TOKEN_KEY = os.environ["TOKEN_KEY"]
BCRYPT_ROUNDS = int(os.environ.get("BCRYPT_ROUNDS", "12"))
LIFETIME = timedelta(hours=2)

passwords = CryptContext(schemes=["bcrypt"], bcrypt__rounds=BCRYPT_ROUNDS)


class Account(Document):
    """A person who can sign in."""

    first_name: str
    last_name: str
    email: Annotated[str, Indexed(unique=True)]
    password: str

    class Settings:
        """The collection."""

        name = "users"


@strawberry.type
class User:
    """A person, as clients see them."""

    id: strawberry.ID
    email: str
    first_name: str
    last_name: str


@strawberry.type
class AuthPayload:
    """What whoever registers or logs in gets."""

    token: str
    user: User


@strawberry.input
class RegisterInput:
    """A new account."""

    first_name: str
    last_name: str
    email: str
    password: str


@strawberry.input
class LoginInput:
    """Who logs in."""

    email: str
    password: str


class IsAuthenticated(BasePermission):
    """Lets in whoever sends a good token."""

    message = "User is not authenticated"

    def has_permission(self, source: Any, info: Info, **kwargs: Any) -> bool:  # noqa: ANN401, ARG002
        """Whether the header Authorization has a token of ours."""
        request: Request = info.context["request"]
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer":
            return False
        try:
            jwt.decode(token, TOKEN_KEY, ["HS256"])
        except jwt.PyJWTError:
            return False
        return True


@strawberry.type
class Query:
    """What can be asked for."""

    @strawberry.field(permission_classes=[IsAuthenticated])  # type: ignore[untyped-decorator]
    def welcome(self) -> str:
        """Greet."""
        return "Welcome 🙌"


@strawberry.type
class Mutation:
    """What can be done."""

    @strawberry.mutation
    async def register(self, input: RegisterInput) -> AuthPayload:  # noqa: A002
        """Make an account."""
        if await Account.find_one(Account.email == input.email):
            raise ValueError("The e-mail address has an account already")
        account = await Account(
            first_name=input.first_name,
            last_name=input.last_name,
            email=input.email,
            password=passwords.hash(input.password),
        ).insert()
        return _signed_in(account)

    @strawberry.mutation
    async def login(self, input: LoginInput) -> AuthPayload:  # noqa: A002
        """Sign in."""
        account = await Account.find_one(Account.email == input.email)
        if account is None or not passwords.verify(input.password, account.password):
            raise ValueError("The address or the password is wrong")
        return _signed_in(account)


def _signed_in(account: Account) -> AuthPayload:
    claims = {"sub": str(account.id), "exp": datetime.now(UTC) + LIFETIME}
    user = User(
        id=strawberry.ID(str(account.id)),
        email=account.email,
        first_name=account.first_name,
        last_name=account.last_name,
    )
    return AuthPayload(token=jwt.encode(claims, TOKEN_KEY, "HS256"), user=user)


@asynccontextmanager
async def _lifespan(_app: Starlette) -> AsyncIterator[None]:
    async with AsyncMongoClient[dict[str, Any]](MONGO_URI) as client:
        await init_beanie(client.get_default_database(), document_models=[Account])
        yield


schema = strawberry.Schema(query=Query, mutation=Mutation)
app = Starlette(routes=[Route("/graphql", GraphQL(schema))], lifespan=_lifespan)
