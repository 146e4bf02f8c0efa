"""`extend=`: fields that an application adds to our types."""

import pytest
import strawberry

from graphql_auth import (
    AuthPayload,
    GraphQLAuth,
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
from tests.library import shop
from tests.library.caller import running

pytestmark = pytest.mark.anyio


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
