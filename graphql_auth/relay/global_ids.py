"""Global ids as Relay defines them: https://relay.dev/graphql/objectidentification.htm."""

import re

from strawberry.relay import from_base64

_OBJECT_ID = re.compile(r"[0-9a-f]{24}")


def decode_global_id(global_id: str, type_name: str) -> str | None:
    """Return the id within the global id of a type; None if it is not one."""
    try:
        found, node_id = from_base64(global_id)
    except ValueError:
        return None
    return node_id if found == type_name and is_object_id(node_id) else None


def is_object_id(text: str) -> bool:
    """Whether a text is the id of a stored document."""
    return _OBJECT_ID.fullmatch(text) is not None
