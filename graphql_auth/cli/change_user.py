"""What ``graphql-auth users`` does to the database."""

from collections.abc import Callable, Coroutine
from typing import Any

from graphql_auth.accounts.admin import RoleRefused, UserAdmin, UserNotFound
from graphql_auth.cli.database import run_with_database
from graphql_auth.errors import StartError
from graphql_auth.mongo.client import connect
from graphql_auth.mongo.indexes import IndexMonitor
from graphql_auth.roles import MAX_ROLES, ROLE_FORM, is_role
from graphql_auth.services import DOCUMENTS
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.settings import Settings
from graphql_auth.users.repository import UserRepository

Change = Callable[..., Coroutine[Any, Any, str]]

CHANGES: dict[str, tuple[Change, str]] = {
    "disable": (UserAdmin.disable, "{} is disabled and logged out everywhere."),
    "enable": (UserAdmin.enable, "{} can log in again."),
    "delete": (UserAdmin.delete, "{} is deleted and logged out everywhere."),
    "grant": (UserAdmin.grant, "{} has the role {}, from the next login or refresh on."),
    "revoke": (UserAdmin.revoke, "{} does not have the role {}, and is logged out everywhere."),
}


def change_user(settings: Settings, change: str, email: str, *role: str) -> str:
    """Make one of CHANGES to a user, and return a sentence that says so.

    Raises StartError when that is impossible, or the database cannot be reached.
    """
    method, message = CHANGES[change]
    if not all(map(is_role, role)):
        raise StartError(f"ROLE is not the name of a role: {ROLE_FORM}.")

    async def connect_and_change(uri: str) -> str:
        async with connect(uri, DOCUMENTS, create_indexes=False):
            users = UserRepository(IndexMonitor(DOCUMENTS))
            return await method(UserAdmin(users, SessionRepository()), email, *role)

    try:
        return message.format(run_with_database(settings, connect_and_change), *role)
    except UserNotFound:
        raise StartError(f"There is no user with the e-mail {email}.") from None
    except RoleRefused:
        raise StartError(
            f"{email} cannot get a further role: the field roles in the collection users"
            f" has {MAX_ROLES} texts already, or is not a list of texts."
        ) from None
