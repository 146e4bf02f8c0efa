"""`user_document=`: what an application stores of a user."""

from asyncio import gather
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Self

import pytest
import strawberry
from beanie import DecimalAnnotation, Indexed
from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from graphql_auth import (
    AuthPayload,
    GraphQLAuth,
    Info,
    Mutation,
    RegisterInput,
    Settings,
    UserDocument,
)
from graphql_auth.errors import StartError
from tests.client import code, extensions, registration
from tests.library.caller import Database, running

pytestmark = pytest.mark.anyio


class Short(UserDocument):
    nick_name: str = Field("", max_length=3)

    @model_validator(mode="after")
    def refuse_bob(self) -> Self:
        if self.nick_name == "bob":
            raise ValueError("bob")
        return self


@pytest.mark.parametrize(
    ("name", "field", "reason"), [("long", "nickName", "TOO_LONG"), ("bob", "input", "WRONG_TYPE")]
)
async def test_value_that_the_document_refuses_is_named(
    settings: Settings, name: str, field: str, reason: str
) -> None:
    @strawberry.input
    class ShortInput(RegisterInput):
        nick_name: str = ""

    @strawberry.type
    class ShortMutation(Mutation):
        @strawberry.mutation
        async def register(self, info: Info, input: ShortInput) -> AuthPayload:  # noqa: A002
            payload: AuthPayload = await Mutation.register(self, info, input)
            return payload

    auth = GraphQLAuth(mutation=ShortMutation, user_document=Short, settings=settings)
    async with running(auth) as caller:
        answer = await caller.ask(
            "mutation($i: ShortInput!) { register(input: $i) { token } }",
            i=registration(nickName=name),
        )

    (refused,) = extensions(answer)["fields"]
    assert (refused["field"], refused["reason"]) == (field, reason)
    assert name not in str(answer)


class Color(Enum):
    RED = "red"


class Typed(UserDocument):
    birthday: date = date(1815, 12, 10)
    colors: set[Color] = Field(default_factory=lambda: {Color.RED})


async def test_user_is_stored_with_the_types_that_beanie_stores(settings: Settings) -> None:
    auth = GraphQLAuth(user_document=Typed, settings=settings)
    async with running(auth) as caller:
        answer = await caller.ask(
            "mutation($i: RegisterInput!) { register(input: $i) { token } }", i=registration()
        )
        user = await Typed.find_one()

    assert "errors" not in answer
    assert user
    assert (user.birthday, user.colors) == (date(1815, 12, 10), {Color.RED})


class RolesAgain(UserDocument):
    roles: list[str] = Field(["Member"])


class Aliased(UserDocument):
    model_config = ConfigDict(alias_generator=to_camel)


class Required(UserDocument):
    nickname: str


class Unique(UserDocument):
    nickname: Annotated[str, Indexed(unique=True)] = ""


class Frozen(UserDocument):
    model_config = ConfigDict(frozen=True)


class Lower(UserDocument):
    model_config = ConfigDict(str_to_lower=True)


class Upper(UserDocument):
    model_config = ConfigDict(str_to_upper=True)


class Stripped(UserDocument):
    model_config = ConfigDict(str_strip_whitespace=True)


class Limited(UserDocument):
    model_config = ConfigDict(str_max_length=50)


@pytest.mark.parametrize(
    ("document", "name"),
    [
        (Frozen, "frozen"),
        (Lower, "str_to_lower"),
        (Upper, "str_to_upper"),
        (Stripped, "str_strip_whitespace"),
        (Limited, "str_max_length"),
    ],
)
def test_configuration_that_changes_our_fields_is_refused(
    document: type[UserDocument], name: str
) -> None:
    said = f"^{document.__name__}.model_config: {name} would also change .*\\.$"
    with pytest.raises(StartError, match=said):
        GraphQLAuth(user_document=document)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (RolesAgain, "roles is not as"),
        (Aliased, "id is not as"),
        (Required, "nickname needs a default"),
        (Unique, "nickname: Indexed has no effect"),
    ],
)
def test_user_document_that_cannot_hold_users_is_refused(
    document: type[UserDocument], field: str
) -> None:
    with pytest.raises(StartError, match=f"^{document.__name__}.{field}"):
        GraphQLAuth(user_document=document)


async def test_user_document_that_is_defined_too_late_is_refused(settings: Settings) -> None:
    async with running(GraphQLAuth(settings=settings)):

        class Late(UserDocument):
            nickname: str = ""

        with pytest.raises(StartError, match=r"^Late\..*before an application starts\.$"):
            GraphQLAuth(user_document=Late)


async def test_user_whom_the_document_refuses_fails_alone(
    settings: Settings, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    auth = GraphQLAuth(user_document=Short, settings=settings)
    query = "mutation($i: RegisterInput!) { register(input: $i) { token user { email } } }"
    async with running(auth) as caller:
        answers = [await caller.ask(query, i=registration()) for _ in range(2)]
        broken, whole = (answer["data"]["register"] for answer in answers)
        await database["users"].update_one(
            {"email": broken["user"]["email"]}, {"$set": {"nick_name": "secret"}}
        )
        stored = await database["users"].find_one({"nick_name": "secret"})
        assert stored
        tokens = [broken["token"], whole["token"]] * 5
        views = await gather(*(caller.ask("{ viewer { email } }", token=one) for one in tokens))

    assert {code(view) for view in views[::2]} == {"INTERNAL_SERVER_ERROR"}
    assert all(view == {"data": {"viewer": whole["user"]}} for view in views[1::2])
    said = f"(The user {stored['_id']} cannot be read: Short refuses nick_name (string_too_long). "
    assert said in caplog.text
    assert "ValidationError" in caplog.text
    assert "secret" not in caplog.text


class Priced(UserDocument):
    price: Decimal = Decimal(1)


class PricedAsBeanieReads(UserDocument):
    price: DecimalAnnotation = Decimal(1)


async def test_user_who_could_not_be_read_is_not_stored(
    settings: Settings, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    query = "mutation($i: RegisterInput!) { register(input: $i) { token } }"
    async with running(GraphQLAuth(user_document=Priced, settings=settings)) as caller:
        answer = await caller.ask(query, i=registration())
        assert await database["users"].count_documents({}) == 0
    auth = GraphQLAuth(user_document=PricedAsBeanieReads, settings=settings)
    async with running(auth) as caller:
        token = (await caller.ask(query, i=registration()))["data"]["register"]["token"]
        view = await caller.ask("{ viewer { firstName } }", token=token)

    assert code(answer) == "INTERNAL_SERVER_ERROR"
    assert "ValidationError" in caplog.text
    assert view == {"data": {"viewer": {"firstName": "Ada"}}}
