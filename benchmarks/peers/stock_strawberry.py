"""Strawberry as its documentation shows it: "Starlette", "Permissions" and "Authentication".

Its resolvers use Beanie, passlib and PyJWT.
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
BCRYPT_ROUNDS = int(os.environ["BCRYPT_ROUNDS"])
LIFETIME = timedelta(hours=2)

passwords = CryptContext(schemes=["bcrypt"], bcrypt__rounds=BCRYPT_ROUNDS)


class Account(Document):
    first_name: str
    last_name: str
    email: Annotated[str, Indexed(unique=True)]
    password: str

    class Settings:
        name = "users"


@strawberry.type
class User:
    id: strawberry.ID
    email: str
    first_name: str
    last_name: str


@strawberry.type
class AuthPayload:
    token: str
    user: User


@strawberry.input
class LoginInput:
    email: str
    password: str


@strawberry.input
class RegisterInput(LoginInput):
    first_name: str
    last_name: str


class IsAuthenticated(BasePermission):
    message = "User is not authenticated"

    def has_permission(self, source: Any, info: Info, **kwargs: Any) -> bool:  # noqa: ANN401, ARG002
        request: Request = info.context["request"]
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            jwt.decode(token, TOKEN_KEY, ["HS256"])
        except jwt.PyJWTError:
            return False
        return True


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[IsAuthenticated])  # type: ignore[untyped-decorator]
    def welcome(self) -> str:
        return "Welcome 🙌"


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def register(self, input: RegisterInput) -> AuthPayload:  # noqa: A002
        if await Account.find_one(Account.email == input.email):
            raise ValueError("The e-mail has an account already")
        fields = strawberry.asdict(input) | {"password": passwords.hash(input.password)}
        return _payload(await Account(**fields).insert())

    @strawberry.mutation
    async def login(self, input: LoginInput) -> AuthPayload:  # noqa: A002
        account = await Account.find_one(Account.email == input.email)
        if account is None or not passwords.verify(input.password, account.password):
            raise ValueError("The e-mail or the password is wrong")
        return _payload(account)


def _payload(account: Account) -> AuthPayload:
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
