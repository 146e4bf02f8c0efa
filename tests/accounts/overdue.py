"""Changes that a process has left half made, and another server that completes them."""

from datetime import UTC, datetime

from graphql_auth.accounts.change_log import Kind
from graphql_auth.services import ServiceContainer
from tests.accounts.signed_in import Database

LONG_AGO = datetime.fromtimestamp(0, UTC)
LOGGED = {"kind": {"$in": [*Kind]}}


async def complete_overdue(services: ServiceContainer, database: Database) -> None:
    """Have another server complete a change, though not before the first one can have died."""
    await services.completion.complete_overdue()
    changes = database["graphql_auth_meta"]
    await changes.update_many(LOGGED, {"$set": {"begun_at": LONG_AGO}})
    await services.completion.complete_overdue()
    assert await changes.count_documents(LOGGED) == 0
