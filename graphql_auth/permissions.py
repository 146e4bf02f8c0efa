"""Who may ask for a field."""

from typing import Any

from strawberry.permission import BasePermission
from strawberry.types import Info


class IsAuthenticated(BasePermission):
    """Lets those through whose request carries a good access token.

    The token was read once, into the context of the request. Raises Unauthenticated, which tells
    a frontend whether to refresh or to show the login form.
    """

    # Strawberry would add a directive to the schema, of which clients have no use.
    schema_directive = None

    def has_permission(self, source: Any, info: Info[Any, Any], **kwargs: Any) -> bool:  # noqa: ANN401, ARG002
        """Return True, or raise Unauthenticated with the reason."""
        return bool(info.context.principal)
