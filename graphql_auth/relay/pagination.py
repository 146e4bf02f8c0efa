"""Pages of a list, by cursor: https://relay.dev/graphql/connections.htm."""

from dataclasses import dataclass

from strawberry.relay import to_base64

from graphql_auth.errors import BadInput, FieldError, FieldReason
from graphql_auth.relay.global_ids import decode_global_id

LONGEST_PAGE = 100
USUAL_PAGE = 20
CURSOR = "cursor"


@dataclass(frozen=True, slots=True)
class PageArgs:
    """At most ``limit`` entries, those that come after the one with the id ``after``."""

    limit: int
    after: str | None

    @classmethod
    def from_arguments(cls, first: int | None, after: str | None) -> "PageArgs":
        """Take the arguments of a field; a page is never longer than LONGEST_PAGE.

        Raises BadInput when ``first`` is below zero or ``after`` is no cursor of ours.
        """
        faults = []
        limit = first if isinstance(first, int) else USUAL_PAGE
        if limit < 0:
            faults.append(FieldError("first", FieldReason.OUT_OF_RANGE, "Use zero or more."))
        start = decode_global_id(after, CURSOR) if after else None
        if after and start is None:
            faults.append(
                FieldError("after", FieldReason.INVALID_CURSOR, "Use a cursor of this list.")
            )
        if faults:
            raise BadInput(tuple(faults))
        return cls(min(limit, LONGEST_PAGE), start)


def cursor(entry_id: str) -> str:
    """Return the cursor of an entry."""
    return to_base64(CURSOR, entry_id)
