"""Binds the documents to collections, and prepares these at the start."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from beanie import Document, init_beanie
from pymongo import IndexModel, timeout
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError, OperationFailure

from graphql_auth.errors import StartError
from graphql_auth.mongo.index_specs import (
    Index,
    declared_indexes,
    find_conflict,
    find_equal,
    repair_command,
    with_free_name,
)
from graphql_auth.mongo.obstacles import Collection, find_obstacle
from graphql_auth.mongo.outages import describe_refusal

INDEX_BUILD_TIMEOUT = 3600.0
INDEX_NOTICE_DELAY = 3.0
MAX_DUPLICATES_SHOWN = 5
MAX_VALUE_SHOWN = 100
# IndexOptionsConflict and IndexKeySpecsConflict.
CONFLICT_CODES = {85, 86}

Database = AsyncDatabase[dict[str, Any]]
Documents = Sequence[type[Document]]
Infos = Mapping[str, Mapping[str, Any]]

logger = logging.getLogger(__name__)


async def bind_collections(database: Database, documents: Documents) -> None:
    """Bind the documents to their collections, or to those that version 0.1.0 created.

    So both versions can run side by side on one database.
    """
    await init_beanie(database=database, document_models=[*documents], skip_indexes=True)
    # Those of an application need no class Settings.
    documents = [document for document in documents if hasattr(document, "Settings")]
    for document in documents:
        for base in documents:
            # Of ours, a subclass of an application is stored with what it extends.
            if hasattr(base.Settings, "probes") and issubclass(document, base):
                base.get_settings().pymongo_collection = document.get_pymongo_collection()
    infos = await _list_collections(database)
    for document in documents:
        if old_name := getattr(document.Settings, "name_in_0_1_0", None):
            if not await _is_ours(old := database[old_name], document, infos):
                return
            document.get_settings().pymongo_collection = old


async def prepare_collections(database: Database, documents: Documents) -> None:
    """Check that the collections take our documents, and create the missing indexes.

    Raises StartError.
    """
    infos = await _list_collections(database)
    for document in documents:
        collection = document.get_pymongo_collection()
        info = infos.get(collection.name)
        if info and (obstacle := await find_obstacle(collection, document, info)):
            raise StartError(obstacle)
        await _create_indexes(collection, declared_indexes(document))


async def create_declared_indexes(database: Database, documents: Documents) -> None:
    """Create the indexes of the documents of an application, as Beanie does."""
    if documents:
        with timeout(INDEX_BUILD_TIMEOUT):
            await init_beanie(database=database, document_models=[*documents])


async def _list_collections(database: Database) -> Infos:
    return {info["name"]: info async for info in await database.list_collections()}


async def _is_ours(collection: Collection, document: type[Document], infos: Infos) -> bool:
    """Whether version 0.1.0 created a collection, and not an application: its name is common.

    It has most of our indexes, takes our documents, and there is no collection of the new name.
    """
    info = infos.get(collection.name)
    is_taken = document.Settings.name in infos
    if is_taken or info is None or await find_obstacle(collection, document, info):
        return False
    found = await (await collection.list_indexes()).to_list()
    declared = declared_indexes(document)
    return sum(find_equal(index, found) is not None for index in declared) > len(declared) / 2


async def _create_indexes(collection: Collection, declared: Sequence[Index]) -> None:
    notice = asyncio.get_running_loop().call_later(
        INDEX_NOTICE_DELAY, logger.warning, "creating the indexes of %s …", collection.full_name
    )
    found = await (await collection.list_indexes()).to_list()
    try:
        with timeout(INDEX_BUILD_TIMEOUT):
            for index in declared:
                if not find_equal(index, found):
                    await _create_index(collection, index, found)
    finally:
        notice.cancel()


async def _create_index(collection: Collection, declared: Index, found: Sequence[Index]) -> None:
    (field, *_), namespace = declared["key"], collection.full_name
    command = repair_command(namespace, declared, found)
    again = f"Start again after this command in mongosh: {command}"
    if (conflict := find_conflict(declared, found)) and conflict.get("hidden"):
        # MongoDB would create nothing, and report success.
        raise StartError(f"The index {conflict['name']} of {namespace} is hidden. {again}")
    try:
        # Several users without an e-mail are no duplicates. Other fields need not be strings.
        filters = [{}, {"partialFilterExpression": {field: {"$gt": ""}}}]
        for partial in filters if field == "email" else filters[:1]:
            options = {**with_free_name(declared, found), **partial}
            with suppress(DuplicateKeyError):
                key = list(options.pop("key").items())
                await collection.create_indexes([IndexModel(key, **options)])
                return
    except OperationFailure as error:
        if (reason := describe_refusal(error)) is None:
            raise
        message = f"The index {declared['name']} of {namespace} cannot be created: {reason}."
        hint = f" {again}" if error.code in CONFLICT_CODES else ""
        raise StartError(f"{message}{hint}") from None
    raise StartError(await _describe_duplicates(collection, field))


async def _describe_duplicates(collection: Collection, field: str) -> str:
    groups = await collection.aggregate(
        [
            {"$match": {field: {"$gt": ""}} if field == "email" else {}},
            # The index holds each element of an array, once for a document.
            {"$unwind": f"${field}"},
            {"$group": {"_id": {"value": f"${field}", "document": "$_id"}}},
            {"$sortByCount": "$_id.value"},
            {"$match": {"count": {"$gt": 1}}},
            {"$sort": {"_id": 1}},
            {"$limit": MAX_DUPLICATES_SHOWN + 1},
        ],
        allowDiskUse=True,
    )
    duplicates = [
        f"{str(group['_id'])[:MAX_VALUE_SHOWN]} ({group['count']})" async for group in groups
    ]
    more = ", and more" if len(duplicates) > MAX_DUPLICATES_SHOWN else ""
    return (
        f"Several documents in {collection.full_name} have the same {field}, which has to be"
        f" unique: {', '.join(duplicates[:MAX_DUPLICATES_SHOWN])}{more}."
        " Keep one of each, and start again."
    )
