"""Pages of a list, by cursor: https://relay.dev/graphql/connections.htm."""

from dataclasses import dataclass

from strawberry.relay import to_base64

from graphql_auth.errors import BadInput, FaultReason, FieldFault
from graphql_auth.relay.global_ids import id_in

LONGEST_PAGE = 100
USUAL_PAGE = 20
CURSOR = "cursor"


@dataclass(frozen=True, slots=True)
class Page:
    """At most ``limit`` entries, those that come after the one with the id ``after``."""

    limit: int
    after: str | None

    @classmethod
    def read(cls, first: int | None, after: str | None) -> "Page":
        """Take the arguments of a field; a page is never longer than LONGEST_PAGE.

        Raises BadInput when ``first`` is below zero or ``after`` is no cursor of ours.
        """
        faults = []
        limit = first if isinstance(first, int) else USUAL_PAGE
        if limit < 0:
            faults.append(FieldFault("first", FaultReason.OUT_OF_RANGE, "Use zero or more."))
        start = id_in(after, CURSOR) if after else None
        if after and start is None:
            faults.append(
                FieldFault("after", FaultReason.INVALID_CURSOR, "Use a cursor of this list.")
            )
        if faults:
            raise BadInput(tuple(faults))
        return cls(min(limit, LONGEST_PAGE), start)


def cursor(entry_id: str) -> str:
    """Return the cursor of an entry."""
    return to_base64(CURSOR, entry_id)
