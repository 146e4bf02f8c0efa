from graphql import GraphQLInputObjectType, GraphQLObjectType, build_schema

from graphql_auth.api.schema import create_schema, sdl
from graphql_auth.api.types import AuthPayload, LoginInput, RegisterInput, User

CONTRACT = {
    "Query": {"welcome": "String!", "viewer": "User", "node": "Node"},
    "Mutation": {"register": "AuthPayload!", "login": "AuthPayload!"},
    "AuthPayload": {"token": "String!", "expiresAt": "DateTime!", "user": "User!"},
    "User": {
        "id": "ID!",
        "email": "String!",
        "firstName": "String!",
        "lastName": "String!",
        "createdAt": "DateTime!",
    },
    "RegisterInput": {
        "firstName": "String!",
        "lastName": "String!",
        "email": "String!",
        "password": "String!",
    },
    "LoginInput": {"email": "String!", "password": "String!"},
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


def test_a_user_is_a_node() -> None:
    schema = build_schema(sdl(create_schema()))
    user = schema.type_map["User"]

    assert isinstance(user, GraphQLObjectType)
    assert [interface.name for interface in user.interfaces] == ["Node"]


def test_every_field_has_a_description() -> None:
    schema = build_schema(sdl(create_schema()))

    for name in CONTRACT:
        type_ = schema.type_map[name]
        assert isinstance(type_, GraphQLObjectType | GraphQLInputObjectType)
        for field, definition in type_.fields.items():
            assert definition.description, f"{name}.{field}"


def test_secrets_show_in_no_repr() -> None:
    user = User(account_id="1", email="e", first_name="f", last_name="l", created_at=None)  # type: ignore[arg-type]
    secret = "hunter2"

    assert secret not in repr(AuthPayload(token=secret, expires_at=None, user=user))  # type: ignore[arg-type]
    assert secret not in repr(LoginInput(email="e", password=secret))
    assert secret not in repr(
        RegisterInput(first_name="f", last_name="l", email="e", password=secret)
    )
