"""A shop: members with a nickname, and orders. docs/extending.md explains each part."""

from typing import Annotated

import strawberry
from beanie import Document
from fastapi import Depends, FastAPI
from strawberry.dataloader import DataLoader

from graphql_auth import (
    ApplicationError,
    AuthPayload,
    Event,
    GraphQLAuth,
    HasRole,
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


@strawberry.type
class Profile:
    nickname: str

    @strawberry.field
    async def order_count(self, user: strawberry.Parent[User]) -> int:
        return await Order.find(Order.user_id == user.user_id).count()


@strawberry.input
class MemberInput(RegisterInput):
    nickname: str = ""


@strawberry.type
class MemberMutation(Mutation):
    @strawberry.mutation
    async def register(self, info: Info, input: MemberInput) -> AuthPayload:
        if input.nickname == "admin":
            raise ApplicationError("This nickname is reserved.", code="NICKNAME_RESERVED")
        payload: AuthPayload = await Mutation.register(self, info, input)
        return payload


class Order(Document):
    user_id: str
    text: str

    class Settings:
        name = "orders"


async def load_orders(user_ids: list[str]) -> list[list[str]]:
    found = await Order.find({"user_id": {"$in": user_ids}}).to_list()
    return [[order.text for order in found if order.user_id == user_id] for user_id in user_ids]


@strawberry.type
class ShopQuery(Query):
    @strawberry.field(permission_classes=[IsAuthenticated])
    async def orders(self, info: Info) -> list[str]:
        orders: list[str] = await info.context.app["orders"].load(info.context.principal.subject)
        return orders

    @strawberry.field(permission_classes=[HasRole("admin")])
    async def revenue(self) -> int:
        return await Order.count()


@strawberry.type
class ShopMutation(MemberMutation):
    @strawberry.mutation(permission_classes=[IsAuthenticated])
    async def rename(self, info: Info, nickname: str) -> User:
        member: Member = await info.context.account()
        await member.set({Member.nickname: nickname})
        return User.from_document(member, info.context.principal.session_id)

    @strawberry.mutation(permission_classes=[IsAuthenticated])
    async def order(self, info: Info, text: str) -> int:
        user_id = info.context.principal.subject
        if await Order.find(Order.user_id == user_id).count() >= 100:
            raise ApplicationError("You have too many orders.", code="TOO_MANY_ORDERS", most=100)
        await Order(user_id=user_id, text=text).insert()
        return await Order.find(Order.user_id == user_id).count()


auth = GraphQLAuth(
    query=ShopQuery,
    mutation=ShopMutation,
    extend={User: Profile},
    user_document=Member,
    documents=[Order],
    context=lambda request: {"orders": DataLoader(load_orders)},
)


@auth.on("register")
async def send_welcome(event: Event) -> None:
    await Order(user_id=event.user_id, text="a voucher").insert()


@auth.claims
def add_claims(user: UserDocument) -> dict[str, object]:
    # Not all of them: the role admin of Hasura ignores every permission.
    roles = ["user", *({"editor"} & set(user.roles))]
    claims = {"x-hasura-user-id": str(user.id), "x-hasura-allowed-roles": roles}
    return {"https://hasura.io/jwt/claims": {**claims, "x-hasura-default-role": "user"}}


app = FastAPI(lifespan=auth.lifespan)
auth.mount(app)


@app.get("/me")
async def me(principal: Annotated[Principal, Depends(auth.principal)]) -> dict[str, str]:
    return {"id": principal.subject}
