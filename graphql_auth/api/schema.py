"""The GraphQL schema."""

import strawberry
from graphql import GraphQLError, GraphQLSchema
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from graphql_auth.api.errors import ErrorCode
from graphql_auth.api.mutations import Mutation
from graphql_auth.api.queries import Query


class Schema(strawberry.Schema):
    """A schema that leaves the logging of errors to those who answer them.

    Strawberry logs each with the line of the query that it came from, in which a password may
    stand, and a refused permission as a traceback.
    """

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log nothing."""

    @property
    def core(self) -> GraphQLSchema:
        """The schema of graphql-core, which executes what is asked of this one."""
        return self._schema


def create_schema() -> Schema:
    """Build the schema, sorted by name so that its text is stable."""
    return Schema(
        query=Query,
        mutation=Mutation,
        types=[ErrorCode],
        # Passed as classes: factories of rules would make every document miss the cache.
        extensions=[ParserCache, ValidationCache],
        config=StrawberryConfig(sort_schema=True),
    )


def sdl(schema: Schema) -> str:
    """Return the schema definition, as ``schema.graphql`` holds it."""
    return schema.as_str() + "\n"
