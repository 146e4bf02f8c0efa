"""graphql-auth as a subgraph of Apollo Federation. docs/federation.md explains each part."""

from typing import Annotated

import strawberry
from strawberry import relay
from strawberry.federation.schema import FederationAny
from strawberry.federation.schema_directives import Key, Shareable
from strawberry.federation.types import FieldSet
from strawberry.types import get_object_definition
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField
from strawberry.types.nodes import SelectedField, Selection

from graphql_auth import (
    ApplicationError,
    GraphQLAuth,
    Info,
    IsAuthenticated,
    Query,
    Schema,
    User,
)

# In one request, over all aliases of `_entities`. A field counts once for each representation.
MAX_REPRESENTATIONS = 100
MAX_FIELDS = 1_000

get_object_definition(User, strict=True).directives = [Key(fields=FieldSet("id"))]
# Other subgraphs with Relay's connections have this type too.
get_object_definition(relay.PageInfo, strict=True).directives = [Shareable()]

Entity = Annotated[User, strawberry.union("_Entity")]


@strawberry.type
class SubgraphQuery(Query):
    @strawberry.field(name="_entities", permission_classes=[IsAuthenticated])
    async def entities(
        self, info: Info, representations: list[FederationAny]
    ) -> list[Entity | None]:
        """Return the caller's own account; null for every other representation."""
        check_limits(info, len(representations))
        subject = info.context.principal.subject
        own_id = relay.to_base64("User", subject)
        user = await User.resolve_node(subject, info=info)
        return [user if is_user(each, own_id) else None for each in representations]


def check_limits(info: Info, representations: int) -> None:
    fields = sum(count_fields(field) for field in info.selected_fields)
    totals = info.context.request.state
    for limit, cost, allowed in (
        ("representations", representations, MAX_REPRESENTATIONS),
        ("fields", representations * fields, MAX_FIELDS),
    ):
        total = getattr(totals, limit, 0) + cost
        setattr(totals, limit, total)
        if total > allowed:
            raise ApplicationError(
                "The request exceeds a limit.",
                code="QUERY_TOO_COMPLEX",
                limit=limit,
                allowed=allowed,
            )


def count_fields(parent: Selection) -> int:
    return sum(
        isinstance(child, SelectedField) + count_fields(child) for child in parent.selections
    )


def is_user(representation: object, global_id: str) -> bool:
    match representation:
        case {"__typename": "User", "id": found}:
            return bool(found == global_id)
    return False


class SubgraphSchema(Schema, strawberry.federation.Schema):
    def get_fields(self, type_definition: StrawberryObjectDefinition) -> list[StrawberryField]:
        """Leave out `Query.node`: only one subgraph can have it."""
        fields = super().get_fields(type_definition)
        if type_definition.name != "Query":
            return fields
        return [field for field in fields if field.python_name != "node"]


auth = GraphQLAuth(query=SubgraphQuery, schema_class=SubgraphSchema)
