"""The permission classes of fields."""

from typing import Any

from strawberry.permission import BasePermission
from strawberry.types import Info


class IsAuthenticated(BasePermission):
    """Requires a valid access token, which the context has read.

    Raises Unauthenticated, whose reason tells a frontend whether to refresh or to show the login
    form, and Unavailable.
    """

    # Without this, Strawberry adds a directive to the schema, which clients cannot use.
    schema_directive = None

    def has_permission(self, source: Any, info: Info[Any, Any], **kwargs: Any) -> bool:  # noqa: ANN401, ARG002
        return bool(info.context.principal)
