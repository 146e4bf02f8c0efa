"""The permission classes of fields."""

from typing import Any

from strawberry.permission import BasePermission
from strawberry.types import Info

from graphql_auth.errors import Forbidden, ForbiddenReason
from graphql_auth.roles import ROLE_FORM, is_role


class IsAuthenticated(BasePermission):
    """Requires a valid access token, which the context has read.

    Raises Unauthenticated, whose reason tells a frontend whether to refresh or to show the login
    form, and Unavailable.
    """

    # Without this, Strawberry adds a directive to the schema, which clients cannot use.
    schema_directive = None

    def has_permission(self, source: Any, info: Info[Any, Any], **kwargs: Any) -> bool:  # noqa: ARG002
        return bool(info.context.principal)


def HasRole(role: str) -> type[BasePermission]:  # noqa: N802 - is used like a class
    """Return the permission class that requires a role: ``permission_classes=[HasRole("admin")]``.

    It raises Forbidden with the role, and for no valid access token what IsAuthenticated raises.
    Raises ValueError for a text that is not the name of a role.
    """
    if not is_role(role):
        raise ValueError(f"the name of a role is {ROLE_FORM}; found {role!r}")

    class RequiresRole(IsAuthenticated):
        def has_permission(self, source: Any, info: Info[Any, Any], **kwargs: Any) -> bool:  # noqa: ARG002
            if role not in info.context.principal.roles:
                raise Forbidden(ForbiddenReason.ROLE_REQUIRED, role=role)
            return True

    return RequiresRole
