"""The GraphQL schema: the root types, composed of the parts of the features."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLSchema
from graphql.utilities import build_schema, lexicographic_sort_schema, print_schema
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.types.base_scalars import DateTimeDefinition
from strawberry.types import get_object_definition
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from graphql_auth.accounts.graphql import AccountMutation, AccountQuery
from graphql_auth.accounts.types import User
from graphql_auth.codes import ErrorCode, FieldReason, ForbiddenReason, TokenReason
from graphql_auth.errors import StartError
from graphql_auth.relay import NodeQuery
from graphql_auth.sessions.graphql import SessionMutation
from graphql_auth.users.document import UserDocument


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
_CONFIG = StrawberryConfig(scalar_map={datetime: _DATE_TIME})

Fields = list[StrawberryField]


class Schema(strawberry.Schema):
    """Strawberry's schema, with access to the one of graphql-core."""

    def __init__(self, added: Mapping[type, Fields], **options: Any) -> None:
        self._added = added
        super().__init__(config=_CONFIG, **options)
        for type_ in self.core.type_map.values():
            if hasattr(type_, "is_one_of"):
                # graphql-core then validates and prints it. Strawberry does so only in `execute`.
                type_.is_one_of = type_.extensions["strawberry-definition"].is_one_of

    @property
    def core(self) -> GraphQLSchema:
        """The schema of graphql-core, which is executed."""
        return self._schema

    def process_errors(self, errors: list[GraphQLError], execution_context: object = None) -> None:
        """Log nothing, since a line of a query can contain a password; the endpoint logs causes."""

    def get_fields(self, type_definition: StrawberryObjectDefinition) -> Fields:
        """Return the fields of a type, with those that ``extend`` adds to it in this schema."""
        return [
            *map(_describe_inputs, type_definition.fields),
            *self._added.get(type_definition.origin, []),
        ]


def create_schema(  # noqa: PLR0913, PLR0917 - the parameters of GraphQLAuth
    query: type = Query,
    mutation: type = Mutation,
    types: Iterable[type] = (),
    extend: Mapping[type, type] | None = None,
    extensions: Sequence[type[SchemaExtension] | Callable[[], SchemaExtension]] = (),
    user_document: type[UserDocument] = UserDocument,
    schema_class: type[Schema] = Schema,
) -> Schema:
    """Create the schema.

    ``types`` are those that only an interface leads to. ``extend`` maps a type of this package to a
    type whose fields it gets too. Raises StartError when such a field exists already, or has
    neither a resolver nor a field of ``user_document`` of its name, or the type is not used.
    """
    roots = query, mutation = _rename("Query", query), _rename("Mutation", mutation)
    added: dict[type, Fields] = {}
    for base, by in (extend or {}).items():
        extended = next((root for root in roots if issubclass(root, base)), base)
        fields = added.setdefault(extended, [])
        fields += _added_fields(extended, by, user_document, fields)
    schema = schema_class(
        added,
        query=query,
        mutation=mutation,
        types=[ErrorCode, FieldReason, ForbiddenReason, TokenReason, *types],
        extensions=extensions,
    )
    used = [each.definition for each in schema.schema_converter.type_map.values()]
    for unused in added.keys() - {getattr(each, "origin", None) for each in used}:
        raise StartError(f"extend: {unused.__name__} is not in the schema.")
    return schema


def sdl(schema: Schema) -> str:
    """Return the schema definition, sorted by name, as ``schema.graphql`` has it.

    Sorting makes new types, which do not know Strawberry's unions and enums: only a copy is sorted.
    """
    copied = build_schema(print_schema(schema.core))
    return print_schema(lexicographic_sort_schema(copied)) + "\n"


def _added_fields(
    extended: type, extension: type, user_document: type[UserDocument], others: Fields
) -> Fields:
    own = get_object_definition(extended, strict=True)
    if own.is_input:
        raise StartError(f"extend: {own.name} is an input; make a subclass of it.")
    added = get_object_definition(extension, strict=True).fields
    name = _CONFIG.name_converter.get_graphql_name
    if taken := {*map(name, [*own.fields, *others])} & {*map(name, added)}:
        raise StartError(f"{own.name} has a field {min(taken)} already.")
    stored = {*user_document.model_fields, *dir(user_document)} if extended is User else set()
    hint = f", or to be a field of {user_document.__name__}" if extended is User else ""
    for field in added:
        if field.base_resolver is None and field.python_name not in stored:
            raise StartError(f"{own.name}.{name(field)} needs a resolver{hint}.")
    return [_read_from_document(field) for field in added]


def _describe_inputs(field: StrawberryField) -> StrawberryField:
    """Give each argument without a description that of its input type."""
    for argument in field.arguments if field.base_resolver else ():
        definition = get_object_definition(argument.type)
        if definition and not argument.description:
            argument.description = definition.description
    return field


def _read_from_document(field: StrawberryField) -> StrawberryField:
    """Let a field without a resolver return the value that is stored under its name."""
    if field.base_resolver is not None:
        return field
    name = field.python_name

    def resolve(root: Any) -> Any:
        return getattr(root.document, name)

    field = copy(field)
    field.base_resolver = StrawberryResolver(resolve, type_override=field.type)
    return field


def _rename(name: str, root: type) -> type:
    """Return a root type with the name that clients know, which its class need not have."""
    definition = get_object_definition(root, strict=True)
    for each in root.__mro__:
        # The fields of such a class would be left out, also one that overrides ours.
        if (found := get_object_definition(each)) and found.origin is not each:
            raise StartError(f"{each.__name__} needs the decorator @strawberry.type.")
    if definition.name == name:
        return root
    return strawberry.type(type(name, (root,), {}), description=definition.description)
