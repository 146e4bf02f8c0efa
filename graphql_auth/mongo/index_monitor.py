"""Checks that the database has the declared indexes."""

import logging
import time
from collections.abc import Callable, Sequence

from beanie import Document

from graphql_auth.logs import LogRateLimit
from graphql_auth.mongo.client import BACKGROUND, translate_driver_errors
from graphql_auth.mongo.collections import Documents
from graphql_auth.mongo.index_specs import (
    Index,
    declared_indexes,
    find_conflict,
    find_equal,
    repair_command,
)

CHECK_INTERVAL = 30.0
REMINDER_INTERVAL = 300.0

logger = logging.getLogger(__name__)


class IndexMonitor:
    """Compares the indexes of the database with the declared ones, and logs what is missing.

    It creates none: on a database in use, that is the operator's decision.
    """

    def __init__(self, documents: Documents, clock: Callable[[], float] = time.monotonic) -> None:
        self._documents = documents
        self._reminders = LogRateLimit(REMINDER_INTERVAL, clock)
        # Their names, as of the last check.
        self.missing_unique: set[str] = set()

    async def check_all(self) -> None:
        """Check all documents. Raises Unavailable."""
        for document in self._documents:
            await self.check(document)

    async def check(self, document: type[Document]) -> Sequence[str]:
        """Return the names of a collection's declared indexes; none if one of them is missing.

        Raises Unavailable.
        """
        collection = document.get_pymongo_collection()
        with translate_driver_errors():
            found = await (await collection.list_indexes(comment=BACKGROUND)).to_list()
        names = [
            self._check(collection.full_name, index, found) for index in declared_indexes(document)
        ]
        return names if all(names) else []

    def _check(self, namespace: str, declared: Index, found: Sequence[Index]) -> str:
        """Return the name of the index, which is empty if it is missing."""
        name, is_unique = declared["name"], bool(declared.get("unique"))
        if equal := find_equal(declared, found):
            if self._reminders.forget((namespace, name)):
                logger.warning("the index %s of %s is back", name, namespace)
            self.missing_unique.discard(name)
            return str(equal["name"])
        if self._reminders.can_log((namespace, name)):
            logger.critical(
                "the index %s of %s is %s%s; in mongosh: %s",
                name,
                namespace,
                "not as declared" if find_conflict(declared, found) else "missing",
                ", so registration is refused" if is_unique else "",
                repair_command(namespace, declared, found),
            )
        if is_unique:
            self.missing_unique.add(name)
        return ""
