from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import Enum
from types import SimpleNamespace
from typing import Annotated, Any, cast

import httpx
import pytest
import strawberry
from graphql import (
    GraphQLInputObjectType,
    GraphQLNonNull,
    GraphQLObjectType,
    build_schema,
)
from strawberry import relay

from graphql_auth.accounts.inputs import (
    ChangeEmailInput,
    ChangePasswordInput,
    ConfirmEmailChangeInput,
    ConfirmEmailInput,
    ConfirmSignUpInput,
    DeleteAccountInput,
    LoginInput,
    RefreshTokenInput,
    RegisterInput,
    RequestPasswordResetInput,
    RequestSignInLinkInput,
    ResetPasswordInput,
    SignInWithLinkInput,
    SignUpInput,
)
from graphql_auth.accounts.types import AuthPayload
from graphql_auth.graphql_http.endpoint import EndpointConfig, GraphQLEndpoint
from graphql_auth.graphql_http.playground import Playground
from graphql_auth.schema import Query, create_schema, sdl
from graphql_auth.tokens.access_tokens import Principal


@strawberry.enum
class Shelf(Enum):
    FICTION = "fiction"


# What an input has that begins a session.
SIGN_IN = {"deviceToken": "String", "useCookie": "Boolean"}

CONTRACT = {
    "Query": {"welcome": "String!", "viewer": "User", "node": "Node", "features": "Features!"},
    "Mutation": {
        "register": "AuthPayload!",
        "login": "AuthPayload!",
        "refreshToken": "AuthPayload!",
        "logout": "Boolean!",
        "logoutEverywhere": "Boolean!",
        "revokeSession": "Boolean!",
        "changePassword": "AuthPayload!",
        "signUp": "SignUpPayload!",
        "confirmSignUp": "AuthPayload!",
        "requestEmailConfirmation": "RequestEmailConfirmationPayload!",
        "confirmEmail": "ConfirmEmailPayload!",
        "requestPasswordReset": "RequestPasswordResetPayload!",
        "resetPassword": "AuthPayload!",
        "changeEmail": "ChangeEmailPayload!",
        "confirmEmailChange": "ConfirmEmailChangePayload!",
        "requestSignInLink": "RequestSignInLinkPayload!",
        "signInWithLink": "AuthPayload!",
        "updateProfile": "UpdateProfilePayload!",
        "deleteAccount": "DeleteAccountPayload!",
    },
    "Features": {
        "mail": "Boolean!",
        "registration": "RegistrationMode!",
        "signInLinks": "Boolean!",
        "passwordMinLength": "Int!",
    },
    "AuthPayload": {
        "token": "String!",
        "expiresAt": "DateTime!",
        "refreshToken": "String",
        "deviceToken": "String",
        "user": "User!",
    },
    "User": {
        "id": "ID!",
        "email": "String!",
        "firstName": "String!",
        "lastName": "String!",
        "createdAt": "DateTime!",
        "roles": "[String!]!",
        "emailConfirmedAt": "DateTime",
        "hasPassword": "Boolean!",
        "sessions": "SessionConnection!",
    },
    "Session": {
        "id": "ID!",
        "createdAt": "DateTime!",
        "lastUsedAt": "DateTime!",
        "expiresAt": "DateTime!",
        "userAgent": "String",
        "ipAddress": "String",
        "current": "Boolean!",
    },
    "SessionConnection": {"edges": "[SessionEdge!]!", "pageInfo": "PageInfo!"},
    "SessionEdge": {"cursor": "String!", "node": "Session!"},
    "PageInfo": {
        "hasNextPage": "Boolean!",
        "hasPreviousPage": "Boolean!",
        "startCursor": "String",
        "endCursor": "String",
    },
    "RegisterInput": {
        "firstName": "String!",
        "lastName": "String!",
        "email": "String!",
        "password": "String!",
        "useCookie": "Boolean",
    },
    "LoginInput": {
        "email": "String!",
        "password": "String!",
        "deviceToken": "String",
        "useCookie": "Boolean",
    },
    "RefreshTokenInput": {"refreshToken": "String!"},
    "RevokeSessionInput": {"id": "ID!"},
    "ChangePasswordInput": {"currentPassword": "String!", "newPassword": "String!"},
    "SignUpInput": {
        "firstName": "String!",
        "lastName": "String!",
        "email": "String!",
        "password": "String!",
    },
    "SignUpPayload": {"email": "String!"},
    "ConfirmSignUpInput": {"token": "String!", "password": "String!"} | SIGN_IN,
    "RequestEmailConfirmationPayload": {"email": "String!"},
    "ConfirmEmailInput": {"token": "String!", "password": "String"},
    "ConfirmEmailPayload": {"user": "User"},
    "RequestPasswordResetInput": {"email": "String!", "deviceToken": "String"},
    "RequestPasswordResetPayload": {"email": "String!"},
    "ResetPasswordInput": {"token": "String!", "newPassword": "String!"} | SIGN_IN,
    "ChangeEmailInput": {"newEmail": "String!", "currentPassword": "String!"},
    "ChangeEmailPayload": {"email": "String!"},
    "ConfirmEmailChangeInput": {"token": "String!", "password": "String"},
    "ConfirmEmailChangePayload": {"user": "User"},
    "RequestSignInLinkInput": {"email": "String!", "deviceToken": "String"},
    "RequestSignInLinkPayload": {"email": "String!"},
    "SignInWithLinkInput": {"token": "String!"} | SIGN_IN,
    "UpdateProfileInput": {"firstName": "String", "lastName": "String"},
    "UpdateProfilePayload": {"user": "User!"},
    "DeleteAccountInput": {"currentPassword": "String!"},
    "DeleteAccountPayload": {"deletedUserId": "ID!"},
}


def test_schema_has_names_and_nullability_of_the_contract() -> None:
    schema = build_schema(sdl(create_schema()))
    kinds = (GraphQLObjectType, GraphQLInputObjectType)

    shown = {
        name: {field: str(definition.type) for field, definition in type_.fields.items()}
        for name, type_ in schema.type_map.items()
        if isinstance(type_, kinds) and not name.startswith("__")
    }

    assert shown == CONTRACT


def test_enum_can_be_a_default() -> None:
    @strawberry.type
    class ShelfQuery(Query):
        @strawberry.field
        def books(self, shelf: Shelf = Shelf.FICTION) -> str:
            return shelf.value

    assert "books(shelf: Shelf! = FICTION): String!" in sdl(create_schema(ShelfQuery))


@pytest.mark.parametrize("name", ["User", "Session"])
def test_type_with_an_id_is_a_node(name: str) -> None:
    type_ = build_schema(sdl(create_schema())).type_map[name]

    assert isinstance(type_, GraphQLObjectType)
    assert [interface.name for interface in type_.interfaces] == ["Node"]


@pytest.mark.parametrize(
    ("type_name", "field"), [("Mutation", "refreshToken"), ("User", "sessions")]
)
def test_optional_arguments_have_no_default(type_name: str, field: str) -> None:
    type_ = build_schema(sdl(create_schema())).type_map[type_name]

    assert isinstance(type_, GraphQLObjectType)
    for argument in type_.fields[field].args.values():
        assert not isinstance(argument.type, GraphQLNonNull)
        assert argument.default is None


def test_no_input_field_with_a_default_is_non_null() -> None:
    """An editor would mark variables without it as wrong."""
    schema = build_schema(sdl(create_schema()))

    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLInputObjectType):
            for field in type_.fields.values():
                assert field.default is None or not isinstance(field.type, GraphQLNonNull)


def test_every_field_has_a_description() -> None:
    schema = build_schema(sdl(create_schema()))

    for name in CONTRACT:
        type_ = schema.type_map[name]
        assert isinstance(type_, GraphQLObjectType | GraphQLInputObjectType)
        for field, definition in type_.fields.items():
            assert definition.description, f"{name}.{field}"


def test_secrets_show_in_no_repr() -> None:
    secret = "hunter2"
    inputs = [
        LoginInput(email="e", password=secret, device_token=secret),
        RegisterInput(first_name="f", last_name="l", email="e", password=secret),
        RefreshTokenInput(refresh_token=secret),
        ChangePasswordInput(current_password=secret, new_password=secret),
        ConfirmSignUpInput(token=secret, password=secret, device_token=secret),
        ConfirmEmailInput(token=secret, password=secret),
        ConfirmEmailChangeInput(token=secret, password=secret),
        RequestPasswordResetInput(email="e", device_token=secret),
        ResetPasswordInput(token=secret, new_password=secret, device_token=secret),
        RequestSignInLinkInput(email="e", device_token=secret),
        SignInWithLinkInput(token=secret, device_token=secret),
        ChangeEmailInput(new_email="e", current_password=secret),
        SignUpInput(first_name="f", last_name="l", email="e", password=secret),
        DeleteAccountInput(current_password=secret),
        AuthPayload(
            token=secret,
            expires_at=None,  # type: ignore[arg-type]
            refresh_token=secret,
            device_token=secret,
            user=None,  # type: ignore[arg-type]
        ),
    ]

    assert secret not in repr(inputs)


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Cat(Named):
    lives: int = 9


@strawberry.type
class Dog(Named):
    tricks: list[str]


INDIA = timezone(timedelta(hours=5, minutes=30))
TIMES = [
    (datetime(2026, 1, 2, 3, 4, 5, 678_999, tzinfo=UTC), "2026-01-02T03:04:05.678Z"),
    (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05.000Z"),
    (datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=INDIA), "2026-01-01T21:34:05.999Z"),
    (datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05.000Z"),  # noqa: DTZ001 - as PyMongo's
    (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
]


@strawberry.type
class Zoo(Query):
    """The query of an application, with every kind of type."""

    times: list[datetime] = strawberry.field(resolver=lambda: [value for value, _ in TIMES])
    day: date = strawberry.field(resolver=lambda: date(2026, 1, 2))
    hour: time = strawberry.field(resolver=lambda: time(3, 4, 5, 678_999))

    @strawberry.field
    def microseconds(self, of: datetime) -> str:
        return of.isoformat(timespec="microseconds")

    @strawberry.field
    def pet(self) -> Annotated[Cat | Dog, strawberry.union("Pet")]:
        return Cat(name="Ada")

    @strawberry.field
    def pets(self) -> list[Annotated[Cat | Dog, strawberry.union("Pet")]]:
        return [Cat(name="Ada"), Dog(name="Bob", tricks=["sit"])]

    @strawberry.field
    def named(self) -> list[Named]:
        return [Cat(name="Ada"), Dog(name="Bob", tricks=[])]


@strawberry.type
class Note(relay.Node):
    number: relay.NodeID[str]

    @classmethod
    def resolve_nodes(  # type: ignore[override]
        cls, *, node_ids: list[str], **_: Any
    ) -> list["Note | None"]:
        return [cls(number=number) if number == "7" else None for number in node_ids]


async def ask_zoo(query: str, **variables: str) -> dict[str, Any]:
    schema = create_schema(query=Zoo, types=[Cat, Dog, Note])
    context = SimpleNamespace(principal=Principal("user", "session"))
    endpoint = GraphQLEndpoint(schema.core, lambda *_: context, EndpointConfig(), Playground())
    transport = httpx.ASGITransport(endpoint)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.post("/graphql", json={"query": query, "variables": variables})
    return cast("dict[str, Any]", answer.json())


@pytest.mark.anyio
async def test_application_can_add_unions_interfaces_and_lists() -> None:
    query = """{
        pet { __typename ... on Cat { name lives } }
        pets { __typename ... on Dog { tricks } }
        named { __typename name }
    }"""

    assert await ask_zoo(query) == {
        "data": {
            "pet": {"__typename": "Cat", "name": "Ada", "lives": 9},
            "pets": [{"__typename": "Cat"}, {"__typename": "Dog", "tricks": ["sit"]}],
            "named": [
                {"__typename": "Cat", "name": "Ada"},
                {"__typename": "Dog", "name": "Bob"},
            ],
        }
    }


@pytest.mark.anyio
@pytest.mark.parametrize(("number", "expected"), [("7", {"__typename": "Note"}), ("8", None)])
async def test_application_can_add_nodes(number: str, expected: object) -> None:
    query = "query ($id: ID!) { node(id: $id) { __typename } }"

    answer = await ask_zoo(query, id=relay.to_base64("Note", number))

    assert answer == {"data": {"node": expected}}


@pytest.mark.anyio
async def test_datetime_is_rfc_3339_in_utc_with_milliseconds() -> None:
    assert await ask_zoo("{ times }") == {"data": {"times": [text for _, text in TIMES]}}


@pytest.mark.anyio
async def test_application_keeps_its_other_scalars_and_its_input() -> None:
    query = """query ($of: DateTime!) {
        day hour variable: microseconds(of: $of) literal: microseconds(of: "2026-01-02T03Z")
    }"""

    answer = await ask_zoo(query, of="2026-01-02T03:04:05.678999+05:30")

    assert answer["data"] == {
        "day": "2026-01-02",
        "hour": "03:04:05.678999",
        "variable": "2026-01-02T03:04:05.678999+05:30",
        "literal": "2026-01-02T03:00:00.000000+00:00",
    }
