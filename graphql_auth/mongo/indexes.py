"""Checks that the database has the declared indexes."""

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from beanie import Document

from graphql_auth.logs import LogRateLimit
from graphql_auth.mongo.client import BACKGROUND, Documents, translate_driver_errors

CHECK_INTERVAL = 30.0
REMINDER_INTERVAL = 300.0

Index = Mapping[str, Any]

logger = logging.getLogger(__name__)


class IndexMonitor:
    """Compares the indexes of the database with the declared ones, and logs what is missing.

    It creates none: on a database in use, that is the operator's decision.
    """

    def __init__(self, documents: Documents, clock: Callable[[], float] = time.monotonic) -> None:
        self._documents = documents
        self._reminders = LogRateLimit(REMINDER_INTERVAL, clock)

    async def check_all(self) -> None:
        """Check all documents. Raises Unavailable."""
        for document in self._documents:
            await self.check(document)

    async def check(self, document: type[Document]) -> bool:
        """Return whether a collection has all declared indexes. Raises Unavailable."""
        collection = document.get_pymongo_collection()
        with translate_driver_errors():
            found = {
                index["name"]: index
                async for index in await collection.list_indexes(comment=BACKGROUND)
            }
        declared = [field.index.document for field in document.get_settings().indexes]
        usable = [self._check(collection.full_name, index, found) for index in declared]
        return all(usable)

    def _check(self, namespace: str, declared: Index, found: Mapping[str, Index]) -> bool:
        name = declared["name"]
        actual = found.get(name)
        if actual is not None and _is_equal(declared, actual):
            if self._reminders.forget((namespace, name)):
                logger.warning("the index %s of %s is back", name, namespace)
            return True
        if self._reminders.can_log((namespace, name)):
            logger.critical(
                "the index %s of %s is %s%s; in mongosh: %s",
                name,
                namespace,
                "not as declared" if actual else "missing",
                ", so registration is refused" if declared.get("unique") else "",
                _repair_command(namespace, declared, actual),
            )
        return False


def _is_equal(declared: Index, actual: Index) -> bool:
    options = {*declared, "partialFilterExpression", "collation"} - {"key"}
    return (
        # The order of the fields matters.
        list(actual["key"].items()) == list(declared["key"].items())
        and all(actual.get(option) == declared.get(option) for option in options)
        # The query planner ignores a hidden index.
        and not actual.get("hidden")
    )


def _repair_command(namespace: str, declared: Index, actual: Index | None) -> str:
    """Return the command for mongosh that creates the declared index."""
    collection = f"db.{namespace.partition('.')[2]}"
    options = {option: value for option, value in declared.items() if option != "key"}
    create = f"{collection}.createIndex({_to_mongosh(declared['key'])}, {_to_mongosh(options)})"
    if actual is None:
        return create
    name = json.dumps(declared["name"])
    if _is_equal(declared, {**actual, "hidden": False}):
        return f"{collection}.unhideIndex({name})"
    return f"{collection}.dropIndex({name}); {create}"


def _to_mongosh(value: Mapping[str, Any]) -> str:
    return re.sub(r'"([\w$]+)":', r"\1:", json.dumps(value))
