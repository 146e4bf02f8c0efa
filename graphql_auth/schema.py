"""The GraphQL schema: the root types, composed of the parts of the features."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import strawberry
from graphql import GraphQLSchema, lexicographic_sort_schema, print_schema
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.types.base_scalars import DateTimeDefinition

from graphql_auth.accounts.graphql import AccountMutation, AccountQuery
from graphql_auth.codes import ErrorCode, FieldReason, ForbiddenReason, TokenReason
from graphql_auth.relay.graphql import NodeQuery
from graphql_auth.sessions.graphql import SessionMutation


@strawberry.type(description="What clients can read.")
class Query(AccountQuery, NodeQuery):
    """An application can subclass it to add fields."""


@strawberry.type(description="What clients can change.")
class Mutation(AccountMutation, SessionMutation):
    """An application can subclass it to add fields."""


def _format_datetime(value: datetime) -> str:
    # PyMongo returns UTC without an offset by default; an application can pass it on.
    utc = value.astimezone(UTC) if value.tzinfo else value
    return f"{utc.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


# Only the output changes: an application can use the type in arguments, as Strawberry parses it.
_DATE_TIME = replace(
    DateTimeDefinition,
    description="A point in time in UTC, such as `2026-11-23T18:11:07.510Z`.",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time",
    serialize=_format_datetime,
)


class Schema(strawberry.Schema):
    """Strawberry's schema, with access to the one of graphql-core."""

    @property
    def core(self) -> GraphQLSchema:
        """The schema of graphql-core, which is executed."""
        return self._schema


def create_schema(
    query: type = Query, mutation: type = Mutation, types: Iterable[type] = ()
) -> Schema:
    """Create the schema. ``types`` are those that only an interface leads to."""
    types = [ErrorCode, FieldReason, ForbiddenReason, TokenReason, *types]
    config = StrawberryConfig(scalar_map={datetime: _DATE_TIME})
    return Schema(query=query, mutation=mutation, types=types, config=config)


def sdl(schema: Schema) -> str:
    """Return the schema definition, sorted by name, as ``schema.graphql`` has it.

    Only the printed schema is sorted: sorting makes new types, which Strawberry cannot tell apart
    when it resolves a union.
    """
    return print_schema(lexicographic_sort_schema(schema.core)) + "\n"
