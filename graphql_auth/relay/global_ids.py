"""Global ids, as Relay has them: https://relay.dev/graphql/objectidentification.htm."""

import re

from strawberry.relay import from_base64

_ID = re.compile(r"[0-9a-f]{24}")


def decode_global_id(global_id: str, kind: str) -> str | None:
    """Return the id within a global id of a kind; None when it is none of ours."""
    try:
        found, own_id = from_base64(global_id)
    except ValueError:
        return None
    return own_id if found == kind and _ID.fullmatch(own_id) else None
