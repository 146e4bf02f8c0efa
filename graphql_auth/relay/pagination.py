"""Keyset pagination with cursors: https://relay.dev/graphql/connections.htm."""

from dataclasses import dataclass

from strawberry.relay import to_base64

from graphql_auth.errors import BadInput, FieldError, FieldReason
from graphql_auth.relay.global_ids import decode_global_id

MAX_PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 20
CURSOR = "cursor"


@dataclass(frozen=True, slots=True)
class PageArgs:
    """At most ``limit`` entries, after the one with the id ``after``."""

    limit: int
    after: str | None

    @classmethod
    def from_arguments(cls, first: int | None, after: str | None) -> "PageArgs":
        """Convert the arguments of a field; a larger ``first`` counts as MAX_PAGE_SIZE.

        Raises BadInput for a negative ``first`` and a made-up ``after``.
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
        return cls(min(limit, MAX_PAGE_SIZE), after_id)


def cursor(entry_id: str) -> str:
    return to_base64(CURSOR, entry_id)
