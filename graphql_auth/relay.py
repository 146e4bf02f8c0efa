"""Global ids, pagination and the field `node`, as Relay defines them.

https://relay.dev/graphql/objectidentification.htm, https://relay.dev/graphql/connections.htm
"""

from inspect import isawaitable
from typing import Annotated, Any

import strawberry
from strawberry import argument, relay
from strawberry.types import Info, get_object_definition

from graphql_auth.errors import BadInput, FieldError, FieldReason
from graphql_auth.mongo.object_id import is_object_id
from graphql_auth.permissions import IsAuthenticated

MAX_PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 20
CURSOR = "cursor"


def decode_global_id(global_id: str, type_name: str) -> str | None:
    """Return the id within the global id of a type; None if it is not one."""
    try:
        found, node_id = relay.from_base64(global_id)
    except ValueError:
        return None
    return node_id if found == type_name and is_object_id(node_id) else None


def read_page_arguments(first: int | None, after: str | None) -> tuple[int, str | None]:
    """Return the page size, and the id of the entry that the page comes after.

    A larger ``first`` counts as MAX_PAGE_SIZE. Raises BadInput for a negative ``first`` and a
    made-up ``after``.
    """
    errors = []
    limit = first if isinstance(first, int) else DEFAULT_PAGE_SIZE
    if limit < 0:
        errors.append(FieldError("first", FieldReason.OUT_OF_RANGE, "Use zero or more."))
    after_id = decode_global_id(after, CURSOR) if after else None
    if after and after_id is None:
        message = "Use a cursor of this list."
        errors.append(FieldError("after", FieldReason.INVALID_CURSOR, message))
    if errors:
        raise BadInput(errors)
    return min(limit, MAX_PAGE_SIZE), after_id


@strawberry.type
class NodeQuery:
    @strawberry.field(
        description="Fetch an object by its global id (Relay); null unless it is the caller's own.",
        permission_classes=[IsAuthenticated],
    )
    async def node(
        self,
        info: Info[Any, None],
        id: Annotated[  # noqa: A002 - Relay's name
            strawberry.ID, argument(description="The `id` of any object.")
        ],
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
