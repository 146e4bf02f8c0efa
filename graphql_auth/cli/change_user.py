"""What ``graphql-auth users`` does to the database."""

from collections.abc import Callable, Coroutine
from typing import Any

from graphql_auth.accounts.admin import UserAdmin, UserNotFound
from graphql_auth.cli.database import run_with_database
from graphql_auth.errors import StartError
from graphql_auth.mongo.client import connect
from graphql_auth.mongo.indexes import IndexMonitor
from graphql_auth.services import DOCUMENTS
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.settings import Settings
from graphql_auth.users.repository import UserRepository

Change = Callable[[UserAdmin, str], Coroutine[Any, Any, str]]

CHANGES: dict[str, tuple[Change, str]] = {
    "disable": (UserAdmin.disable, "{} is disabled and logged out everywhere."),
    "enable": (UserAdmin.enable, "{} can log in again."),
    "delete": (UserAdmin.delete, "{} is deleted and logged out everywhere."),
}


def change_user(settings: Settings, change: str, email: str) -> str:
    """Make one of CHANGES to a user, and return a sentence that says so.

    Raises StartError when there is no such user, or the database cannot be reached.
    """
    method, message = CHANGES[change]

    async def connect_and_change(uri: str) -> str:
        async with connect(uri, DOCUMENTS, create_indexes=False):
            users = UserRepository(IndexMonitor(DOCUMENTS))
            return await method(UserAdmin(users, SessionRepository()), email)

    try:
        return message.format(run_with_database(settings, connect_and_change))
    except UserNotFound:
        raise StartError(f"There is no user with the e-mail {email}.") from None
