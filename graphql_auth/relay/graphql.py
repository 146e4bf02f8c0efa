"""The field `node`, by which a client fetches any object again."""

from inspect import isawaitable
from typing import Annotated, Any

import strawberry
from strawberry import argument, relay
from strawberry.types import Info, get_object_definition

from graphql_auth.permissions import IsAuthenticated


@strawberry.type
class NodeQuery:
    """https://relay.dev/graphql/objectidentification.htm."""

    @strawberry.field(
        description="Fetch an object by its global id (Relay); null unless it is the caller's own.",
        permission_classes=[IsAuthenticated],
    )
    async def node(
        self,
        info: Info[Any, None],
        id: Annotated[strawberry.ID, argument(description="The `id` of any object.")],
    ) -> relay.Node | None:
        """Return what the type that the id names finds, which decides what the caller may see."""
        try:
            global_id = relay.GlobalID.from_id(id)
            node_type = global_id.resolve_type(info)
        except relay.GlobalIDValueError:
            return None
        if get_object_definition(node_type, strict=True).is_interface:
            return None
        found = node_type.resolve_node(global_id.node_id, info=info)
        return await found if isawaitable(found) else found
