from asyncio import gather
from contextlib import AsyncExitStack
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, ClassVar, Self

import pytest
import strawberry
from beanie import DecimalAnnotation, Document, Indexed, init_beanie
from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pymongo import ASCENDING, IndexModel

from graphql_auth import (
    AuthPayload,
    GraphQLAuth,
    Info,
    Mutation,
    Query,
    RegisterInput,
    Settings,
    User,
    UserDocument,
)
from graphql_auth.accounts.graphql import AccountQuery
from graphql_auth.errors import StartError
from graphql_auth.relay import NodeQuery
from tests.client import code, extensions, registration
from tests.library import shop
from tests.library.caller import Database, running

pytestmark = pytest.mark.anyio


class OwnSettings(UserDocument):
    badge: str | None = None

    class Settings:
        indexes: ClassVar = [IndexModel([("badge", ASCENDING)], name="badge_1", sparse=True)]


class OwnCollection(UserDocument):
    class Settings:
        name = "members"


@pytest.mark.parametrize(
    ("document", "collection", "indexes"),
    [
        (OwnSettings, "users", {"_id_", "email_1", "badge_1"}),
        (OwnCollection, "members", {"_id_", "email_1"}),
    ],
)
async def test_document_with_other_settings_keeps_the_unique_index(
    settings: Settings,
    database: Database,
    document: type[UserDocument],
    collection: str,
    indexes: set[str],
) -> None:
    async with running(GraphQLAuth(settings=settings, user_document=document)) as caller:
        person = registration()
        answers = [
            await caller.ask(
                "mutation($i: RegisterInput!) { register(input: $i) { token } }", i=person
            )
            for _ in range(2)
        ]
        found = await (await database[collection].list_indexes()).to_list()

    assert code(answers[1]) == "EMAIL_TAKEN"
    assert await database[collection].count_documents({}) == 1
    assert {index["name"] for index in found} == indexes


class Ticket(Document):
    number: Annotated[int, Indexed(unique=True)]
    title: str = ""
    text: str = ""

    class Settings:
        name = "tickets"
        indexes: ClassVar[list[Any]] = [
            IndexModel([("text", "text")]),
            IndexModel("title", unique=True, collation={"locale": "en", "strength": 2}),
        ]


async def test_document_of_an_application_has_all_its_indexes(
    settings: Settings, database: Database
) -> None:
    # The second start finds the indexes of the first.
    for _ in range(2):
        async with running(GraphQLAuth(settings=settings, documents=[Ticket])):
            found = await database["tickets"].index_information()

    assert {name: bool(index.get("unique")) for name, index in found.items()} == {
        "_id_": False,
        "number_1": True,
        "text_text": False,
        "title_1": True,
    }


class Note(Document):
    text: str = ""


class Pinned(Note):
    """An abstract base without Settings, and a document without Settings of its own."""


@pytest.mark.parametrize("documents", [[Note], [Pinned], [Note, Pinned]])
async def test_document_without_settings_is_stored_under_its_name(
    settings: Settings, database: Database, documents: list[type[Document]]
) -> None:
    async with running(GraphQLAuth(settings=settings, documents=documents)):
        for document in documents:
            await document().insert()
            assert await database[document.__name__].count_documents({}) == 1


async def test_index_that_duplicates_prevent_stops_the_start(
    settings: Settings, database: Database
) -> None:
    await database["tickets"].insert_many([{"number": 1}, {"number": 1}])
    with pytest.raises(StartError, match=r"^MongoDB refuses a command on "):
        async with running(GraphQLAuth(settings=settings, documents=[Ticket])):
            raise AssertionError


async def test_application_runs_on_when_another_one_does_not_start(
    settings: Settings, database: Database
) -> None:
    await database["tickets"].insert_many([{"number": 1}, {"number": 1}])
    async with running(shop.create_auth(settings=settings)) as caller:
        with pytest.raises(StartError, match=r"^MongoDB refuses a command on "):
            async with running(GraphQLAuth(settings=settings, documents=[Ticket])):
                raise AssertionError
        assert await caller.register()


async def test_second_database_in_a_process_is_refused(settings: Settings) -> None:
    other = f"{settings.mongo_uri.get_secret_value()}_2" if settings.mongo_uri else ""
    elsewhere = Settings.model_validate(settings.model_dump() | {"mongo_uri": other})
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(running(GraphQLAuth(settings=settings)))
        for other_users in (
            GraphQLAuth(settings=elsewhere),
            GraphQLAuth(settings=settings, user_document=OwnCollection),
        ):
            with pytest.raises(StartError, match=r"^MONGO_URI: .* share a database, .*\.$"):
                await stack.enter_async_context(running(other_users))


class HostDocument(Document):
    text: str


async def test_document_of_the_host_on_another_database_is_not_touched(
    settings: Settings, database: Database
) -> None:
    host = database.client["host"]
    await init_beanie(database=host, document_models=[HostDocument])
    async with running(GraphQLAuth(settings=settings)):
        assert HostDocument.get_pymongo_collection().database.name == "host"
    await database.client.drop_database("host")


@strawberry.type
class SameName:
    email: str


@strawberry.type
class SameNameInGraphQL:
    firstName: str  # noqa: N815 - the name that collides


@pytest.mark.parametrize(
    ("extension", "name"), [(SameName, "email"), (SameNameInGraphQL, "firstName")]
)
def test_field_that_exists_already_is_refused(extension: type, name: str) -> None:
    with pytest.raises(StartError, match=rf"^User has a field {name} already\.$"):
        GraphQLAuth(extend={User: extension})


@strawberry.type
class Clock:
    @strawberry.field
    def now(self) -> str:
        return "noon"


@strawberry.type
class ClockQuery(shop.ShopQuery):
    @strawberry.field
    def now(self) -> str:
        return "dawn"


@strawberry.type
class Counter:
    @strawberry.field
    def count(self) -> int:
        return 1


@pytest.mark.parametrize("extended", [Query, shop.ShopQuery, AccountQuery])
async def test_root_type_of_an_application_is_extended(settings: Settings, extended: type) -> None:
    extend = {extended: Clock, NodeQuery: Counter}
    async with running(shop.create_auth(settings=settings, extend=extend)) as caller:
        assert await caller.ask("{ now count }") == {"data": {"now": "noon", "count": 1}}


@pytest.mark.parametrize(
    ("query", "extend"),
    [(ClockQuery, {Query: Clock}), (shop.ShopQuery, {Query: Clock, shop.ShopQuery: Clock})],
)
def test_field_that_a_root_type_has_already_is_refused(
    query: type, extend: dict[type, type]
) -> None:
    with pytest.raises(StartError, match=r"^Query has a field now already\.$"):
        GraphQLAuth(query=query, extend=extend)


@strawberry.type(name="Query")
class OtherQuery:
    @strawberry.field
    def hello(self) -> str:
        return "hello"


@pytest.mark.parametrize(
    ("query", "extended"), [(Query, Clock), (Query, ClockQuery), (OtherQuery, Query)]
)
def test_type_outside_of_the_schema_is_not_extended(query: type, extended: type) -> None:
    name = extended.__name__
    with pytest.raises(StartError, match=rf"^extend: {name} is not in the schema\.$"):
        GraphQLAuth(query=query, extend={extended: Counter})


def test_input_is_not_extended() -> None:
    with pytest.raises(StartError, match=r"^extend: RegisterInput is an input; "):
        GraphQLAuth(extend={RegisterInput: shop.Profile})


@pytest.mark.parametrize("name", ["id", "email", "firstName"])
def test_field_with_a_name_that_clients_know_already_is_refused(name: str) -> None:
    @strawberry.type
    class Profile:
        nickname: str = strawberry.field(name=name)

    with pytest.raises(StartError, match=rf"^User has a field {name} already\.$"):
        GraphQLAuth(extend={User: Profile}, user_document=shop.Member)


@pytest.mark.parametrize(
    ("extended", "document", "hint"),
    [(User, UserDocument, ", or to be a field of UserDocument"), (AuthPayload, shop.Member, "")],
)
def test_field_with_nothing_to_read_is_refused(
    extended: type, document: type[UserDocument], hint: str
) -> None:
    @strawberry.type
    class Profile:
        nickname: str

    with pytest.raises(
        StartError, match=rf"^{extended.__name__}\.nickname needs a resolver{hint}\.$"
    ):
        GraphQLAuth(extend={extended: Profile}, user_document=document)


class Plain(Mutation):
    """It has no decorator, so its fields would not count."""

    @strawberry.mutation
    async def register(self) -> AuthPayload:
        raise NotImplementedError


@strawberry.type
class Beside(Plain):
    more: int


@pytest.mark.parametrize("mutation", [Plain, Beside])
def test_root_type_without_its_decorator_is_refused(mutation: type) -> None:
    with pytest.raises(StartError, match=r"^Plain needs the decorator @strawberry\.type\.$"):
        GraphQLAuth(mutation=mutation)


class Named(UserDocument):
    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}"


def test_property_of_the_document_is_a_field() -> None:
    @strawberry.type
    class Profile:
        full_name: str

    auth = GraphQLAuth(extend={User: Profile}, user_document=Named)

    assert "fullName: String!" in str(auth.parts.schema)


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


def test_second_document_of_users_is_refused() -> None:
    with pytest.raises(StartError, match=r"^documents: only user_document can be"):
        GraphQLAuth(documents=[OwnCollection])


class Special(shop.Order):
    class Settings:
        name = "special_orders"


class Numbered(UserDocument):
    number: int = 1

    class Settings:
        indexes: ClassVar = [IndexModel([("number", ASCENDING)], name="number_1", unique=True)]


async def test_documents_of_an_application_have_a_collection_each(settings: Settings) -> None:
    auth = GraphQLAuth(documents=[shop.Order, Special], settings=settings)
    async with running(auth):
        await Special(user_id="", text="").insert()
        assert await shop.Order.count() == 0


async def test_unique_index_on_numbers_is_not_created_beside_duplicates(
    settings: Settings, database: Database
) -> None:
    await database["users"].insert_many([{"number": 1}, {"number": 1}])
    with pytest.raises(StartError, match=r"have the same number, .* unique: 1 \(2\)\."):
        async with running(GraphQLAuth(user_document=Numbered, settings=settings)):
            pass


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
