"""The application of a user, as docs/extending.md shows it. It takes its settings from tests."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Annotated, Any

import strawberry
from beanie import Document
from fastapi import Depends, FastAPI
from starlette.requests import Request
from strawberry.extensions import SchemaExtension

from graphql_auth import (
    ApplicationError,
    AuthPayload,
    GraphQLAuth,
    Info,
    IsAuthenticated,
    Mutation,
    Principal,
    Query,
    RegisterInput,
    User,
    UserDocument,
)


class Member(UserDocument):
    nickname: str = ""


class Order(Document):
    user_id: str
    text: str

    class Settings:
        name = "orders"


@strawberry.type
class Profile:
    nickname: str

    @strawberry.field
    async def orders(self, info: Info) -> list[str]:
        found = Order.find(Order.user_id == info.context.principal.subject)
        return [order.text async for order in found]


@strawberry.type
class ShopQuery(Query):
    @strawberry.field(permission_classes=[IsAuthenticated])
    async def greeting(self, info: Info) -> str:
        member = await info.context.account()
        return f"{info.context.app['language']} {member.nickname}"


@strawberry.input
class MemberInput(RegisterInput):
    nickname: str = ""


@strawberry.type
class ShopMutation(Mutation):
    @strawberry.mutation
    async def register(self, info: Info, input: MemberInput) -> AuthPayload:  # noqa: A002
        if input.nickname == "admin":
            raise ApplicationError("This name is reserved.", code="NAME_RESERVED", most=2)
        payload: AuthPayload = await Mutation.register(self, info, input)
        return payload

    @strawberry.mutation(permission_classes=[IsAuthenticated])
    async def order(self, info: Info, text: str) -> int:
        await Order(user_id=info.context.principal.subject, text=text).insert()
        return await Order.find(Order.user_id == info.context.principal.subject).count()


class Counting(SchemaExtension):
    operations = 0

    async def on_operation(self) -> AsyncIterator[None]:
        Counting.operations += 1
        yield

    def get_results(self) -> dict[str, Any]:
        return {"operations": Counting.operations}


def language(request: Request) -> dict[str, str]:
    return {"language": request.headers.get("accept-language", "en")}


def create_auth(
    context: Callable[[Request], dict[str, str]] = language,
    extend: Mapping[type, type] | None = None,
    **options: Any,
) -> GraphQLAuth:
    return GraphQLAuth(
        query=ShopQuery,
        mutation=ShopMutation,
        extend={User: Profile, **(extend or {})},
        user_document=Member,
        documents=[Order],
        context=context,
        **options,
    )


auth = create_auth()
app = FastAPI(lifespan=auth.lifespan)
auth.mount(app)


@app.get("/me")
async def me(principal: Annotated[Principal, Depends(auth.principal)]) -> dict[str, str]:
    return {"id": principal.subject}
