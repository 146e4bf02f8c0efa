"""The commands about users, which work beside a running server as well as without one."""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from graphql_auth.accounts.admin import UserAdmin, UserNotFound
from graphql_auth.embedded_mongo.mongod import find_or_run_mongod
from graphql_auth.errors import StartError, Unavailable
from graphql_auth.mongo import client as mongo
from graphql_auth.mongo.indexes import IndexMonitor
from graphql_auth.runtime.event_loop import run
from graphql_auth.services import DOCUMENTS
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.settings import Settings
from graphql_auth.users.repository import UserRepository

Change = Callable[[UserAdmin, str], Coroutine[Any, Any, str]]

CHANGES: dict[str, tuple[Change, str]] = {
    "disable": (UserAdmin.disable, "{} is disabled, and signed out everywhere."),
    "enable": (UserAdmin.enable, "{} may sign in again."),
    "delete": (UserAdmin.delete, "{} is deleted, and signed out everywhere."),
}


def change_user(settings: Settings, change: str, email: str) -> str:
    """Make one of CHANGES to a user, and return a sentence that says so.

    Raises StartError when there is no such user, or the database cannot be reached.
    """
    make, message = CHANGES[change]

    async def run_change(uri: str) -> str:
        async with mongo.open_database(uri) as database:
            await mongo.bind_documents(database, DOCUMENTS)
            users = UserRepository(IndexMonitor(DOCUMENTS))
            return await make(UserAdmin(users, SessionRepository()), email)

    with _database(settings) as uri:
        try:
            return message.format(run(run_change(uri)))
        except UserNotFound:
            raise StartError(f"there is no user with the address {email}") from None
        except Unavailable:
            raise StartError("MongoDB went away before it was done; run it again") from None


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
    if settings.mongo_uri:
        yield settings.mongo_uri.get_secret_value()
    else:
        with find_or_run_mongod(settings.data_dir) as uri:
            yield uri
