import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLNonNull,
    GraphQLObjectType,
    Undefined,
    build_schema,
)

from graphql_auth.accounts.types import (
    AuthPayload,
    ChangePasswordInput,
    LoginInput,
    RefreshTokenInput,
    RegisterInput,
)
from graphql_auth.schema import create_schema, sdl

CONTRACT = {
    "Query": {"welcome": "String!", "viewer": "User", "node": "Node"},
    "Mutation": {
        "register": "AuthPayload!",
        "login": "AuthPayload!",
        "refreshToken": "AuthPayload!",
        "logout": "Boolean!",
        "logoutEverywhere": "Boolean!",
        "revokeSession": "Boolean!",
        "changePassword": "AuthPayload!",
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
        "useCookie": "Boolean!",
    },
    "LoginInput": {
        "email": "String!",
        "password": "String!",
        "deviceToken": "String",
        "useCookie": "Boolean!",
    },
    "RefreshTokenInput": {"refreshToken": "String!"},
    "RevokeSessionInput": {"id": "ID!"},
    "ChangePasswordInput": {"currentPassword": "String!", "newPassword": "String!"},
}


def test_names_and_nullability_are_those_of_the_contract() -> None:
    schema = build_schema(sdl(create_schema()))
    kinds = (GraphQLObjectType, GraphQLInputObjectType)

    shown = {
        name: {field: str(definition.type) for field, definition in type_.fields.items()}
        for name, type_ in schema.type_map.items()
        if isinstance(type_, kinds) and not name.startswith("__")
    }

    assert shown == CONTRACT


@pytest.mark.parametrize("name", ["User", "Session"])
def test_what_has_an_id_is_a_node(name: str) -> None:
    type_ = build_schema(sdl(create_schema())).type_map[name]

    assert isinstance(type_, GraphQLObjectType)
    assert [interface.name for interface in type_.interfaces] == ["Node"]


@pytest.mark.parametrize(
    ("type_name", "field"), [("Mutation", "refreshToken"), ("User", "sessions")]
)
def test_arguments_that_may_be_left_out_have_no_default(type_name: str, field: str) -> None:
    type_ = build_schema(sdl(create_schema())).type_map[type_name]

    assert isinstance(type_, GraphQLObjectType)
    for argument in type_.fields[field].args.values():
        assert not isinstance(argument.type, GraphQLNonNull)
        assert argument.default_value is Undefined


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
        AuthPayload(
            token=secret,
            expires_at=None,  # type: ignore[arg-type]
            refresh_token=secret,
            device_token=secret,
            user=None,  # type: ignore[arg-type]
        ),
    ]

    assert secret not in repr(inputs)
