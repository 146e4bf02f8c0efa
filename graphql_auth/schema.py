"""The GraphQL schema."""

import strawberry
from graphql import GraphQLSchema, lexicographic_sort_schema, print_schema

from graphql_auth.accounts.graphql import AccountMutation, AccountQuery
from graphql_auth.codes import ErrorCode, FieldReason, TokenReason
from graphql_auth.sessions.graphql import SessionMutation


@strawberry.type(description="What can be asked for.")
class Query(AccountQuery):
    """The root of all reading: the parts of the features."""


@strawberry.type(description="What can be done.")
class Mutation(AccountMutation, SessionMutation):
    """The root of all writing: the parts of the features."""


class Schema(strawberry.Schema):
    """Strawberry's schema, which also gives graphql-core's."""

    @property
    def core(self) -> GraphQLSchema:
        """The schema of graphql-core, which is executed."""
        return self._schema


def create_schema() -> Schema:
    """Build the schema."""
    return Schema(query=Query, mutation=Mutation, types=[ErrorCode, FieldReason, TokenReason])


def sdl(schema: Schema) -> str:
    """Return the schema definition, sorted by name, as ``schema.graphql`` holds it."""
    return print_schema(lexicographic_sort_schema(schema.core)) + "\n"
