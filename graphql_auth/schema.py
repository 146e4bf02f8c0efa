"""The GraphQL schema."""

from inspect import isawaitable
from typing import Any

import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLSchema,
    OperationDefinitionNode,
    execute,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from graphql_auth.accounts.graphql import AccountMutation, AccountQuery
from graphql_auth.codes import ErrorCode, FieldReason, TokenReason
from graphql_auth.context import Context
from graphql_auth.sessions.graphql import SessionMutation


@strawberry.type(description="What can be asked for.")
class Query(AccountQuery):
    """The root of all reading: the parts of the features."""


@strawberry.type(description="What can be done.")
class Mutation(AccountMutation, SessionMutation):
    """The root of all writing: the parts of the features."""


class Schema(strawberry.Schema):
    """Strawberry's schema, executed by graphql-core at once.

    What Strawberry's own `execute` adds is not wanted here: it picks the first of several
    operations, and logs each error with the line of the query, in which a password may stand.
    """

    @property
    def core(self) -> GraphQLSchema:
        """The schema of graphql-core, which executes what is asked of this one."""
        return self._schema

    async def run(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: dict[str, Any],
        context: Context,
    ) -> ExecutionResult:
        """Execute an operation of a document that was validated.

        As strawberry.Schema.execute does, less its extensions, which take longer than `welcome`.
        """
        result = execute(
            self._schema,
            document,
            operation_name=operation.name.value if operation.name else None,
            variable_values=variables,
            context_value=context,
            executor_class=StrawberryGraphQLCoreExecutionContext,
        )
        return await result if isawaitable(result) else result


def create_schema() -> Schema:
    """Build the schema, sorted by name so that its text is stable."""
    return Schema(
        query=Query,
        mutation=Mutation,
        types=[ErrorCode, FieldReason, TokenReason],
        config=StrawberryConfig(sort_schema=True),
    )


def sdl(schema: Schema) -> str:
    """Return the schema definition, as ``schema.graphql`` holds it."""
    return schema.as_str() + "\n"
