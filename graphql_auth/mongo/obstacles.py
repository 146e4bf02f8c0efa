"""Finds, without a write, why a collection cannot hold our documents."""

from collections.abc import Mapping, Sequence
from typing import Any

from beanie import Document
from pymongo.asynchronous.collection import AsyncCollection

from graphql_auth.mongo.index_specs import Index, declared_indexes, find_equal

Collection = AsyncCollection[dict[str, Any]]
Probe = Mapping[str, Any]

OTHER_DATABASE = "Set MONGO_URI to another database."
COLLATION = (
    "has a collation, which would find a user under spellings that the rate limit counts apart."
)


async def find_obstacle(
    collection: Collection, document: type[Document], info: Mapping[str, Any]
) -> str | None:
    """Return why a collection cannot hold our documents, and what to do; None if it can.

    ``info`` is what ``listCollections`` returns for it.
    """
    name, options = collection.full_name, info["options"]
    if info["type"] != "collection" or options.get("capped"):
        kind = "capped collection" if options.get("capped") else info["type"]
        return f"{name} is a {kind}, which cannot keep our documents. {OTHER_DATABASE}"
    if "collation" in options:
        return f"The collection {name} {COLLATION} {OTHER_DATABASE}"
    # Examples of what we store.
    probes: Sequence[Probe] = getattr(document.Settings, "probes", [])
    is_off = options.get("validationAction") == "warn" or options.get("validationLevel") == "off"
    validator = {} if is_off else options.get("validator", {})
    # A validator can restrict registration to e-mails of a company.
    checks = (probes, validator), (_without_email(probes), _without_email(validator))
    if all([len(await _match(collection, *check)) < len(probes) for check in checks]):
        return (
            f"The validator of {name} refuses what graphql-auth stores, documents with the fields"
            f" {', '.join(probes[0])}. Let it accept them, or set its validationAction to warn."
        )
    return await _find_unique_index(collection, declared_indexes(document), probes)


def _without_email(part: Any) -> Any:
    """Return a part of a validator, or probes, without the e-mail and lists of nothing else.

    An expression can fail without an e-mail, or with fewer operands, so it is kept or left out.
    """
    if isinstance(part, Mapping):
        kept = {
            name: value if name == "$expr" else _without_email(value)
            for name, value in part.items()
            if name != "email" and not (name == "$expr" and "$email" in str(value))
        }
        return {name: value for name, value in kept.items() if value != []}
    if isinstance(part, list):
        return [_without_email(each) for each in part if each != "email"]
    return part


async def _find_unique_index(
    collection: Collection, declared: Sequence[Index], probes: Sequence[Probe]
) -> str | None:
    """Describe a unique index with a collation, or one that refuses two of our documents."""
    found = await (await collection.list_indexes()).to_list()
    missing = [list(index["key"]) for index in declared if not find_equal(index, found)]
    for index in found:
        if not (index.get("unique") or index.get("prepareUnique")):
            continue
        described = f"The unique index {index['name']} of {collection.full_name}"
        if "collation" in index and list(index["key"]) in missing:
            return f"{described} {COLLATION} Drop it: the next start creates one without."
        if await _allows_one(collection, index, probes):
            return (
                f"{described} refuses all but one of our documents, which have no unique"
                f" {', '.join(index['key'])}. Make it sparse or partial, or drop it."
            )
    return None


async def _allows_one(collection: Collection, index: Index, probes: Sequence[Probe]) -> bool:
    fields = index["key"]
    indexed = await _match(collection, probes, index.get("partialFilterExpression", {}))
    # A text or geospatial index contains no document without such a field.
    if index.get("sparse") or "textIndexVersion" in index or "2dsphereIndexVersion" in index:
        indexed = [probe for probe in indexed if any(field in probe for field in fields)]
    keys = [[probe.get(field) for field in fields] for probe in indexed]
    return any(key in keys[:number] for number, key in enumerate(keys))


async def _match(
    collection: Collection, probes: Sequence[Probe], condition: Mapping[str, Any]
) -> Sequence[Probe]:
    if not condition:
        return probes
    # Literal, since a hash begins with $ as an expression does.
    documents = {"$documents": {"$literal": probes}}
    found = await collection.database.aggregate([documents, {"$match": condition}])
    return await found.to_list()
