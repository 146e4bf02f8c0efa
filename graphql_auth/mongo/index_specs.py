"""Compares the indexes of a collection with the declared ones."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from beanie import Document

Index = Mapping[str, Any]

# A partial index with these conditions leaves out only documents without a string in the field.
_ALL_STRINGS = ("$type", "string"), ("$type", 2), ("$exists", True), ("$gt", ""), ("$gte", "")


def declared_indexes(document: type[Document]) -> list[Index]:
    return [field.index.document for field in document.get_settings().indexes]


def find_equal(declared: Index, found: Iterable[Index]) -> Index | None:
    """Return an index that does the same as the declared one, under any name."""
    return next((index for index in found if _is_equal(declared, index)), None)


def find_conflict(declared: Index, found: Iterable[Index]) -> Index | None:
    """Return the index because of which MongoDB cannot create the declared one, under any name."""
    identity = ("unique", "sparse", "partialFilterExpression", "collation")
    for index in found:
        has_same_key = list(index["key"].items()) == list(declared["key"].items())
        has_same_options = all((index.get(name) or None) == declared.get(name) for name in identity)
        if has_same_key and has_same_options:
            return index
    return None


def with_free_name(declared: Index, found: Sequence[Index]) -> Index:
    """Return the declared index, under another name if an application uses its name."""
    name, conflict = declared["name"], find_conflict(declared, found)
    is_taken = any(index["name"] == name and index is not conflict for index in found)
    return {**declared, "name": f"graphql_auth_{name}"} if is_taken else declared


def repair_command(namespace: str, declared: Index, found: Sequence[Index]) -> str:
    """Return the command for mongosh that creates the declared index."""
    collection, conflict = f"db.{namespace.partition('.')[2]}", find_conflict(declared, found)
    named = with_free_name(declared, found)
    options = {option: value for option, value in named.items() if option != "key"}
    create = f"{collection}.createIndex({_to_mongosh(declared['key'])}, {_to_mongosh(options)})"
    if conflict is None:
        return create
    name = json.dumps(conflict["name"])
    if _is_equal(declared, {**conflict, "hidden": False}):
        return f"{collection}.unhideIndex({name})"
    return f"{collection}.dropIndex({name}); {create}"


def _is_equal(declared: Index, actual: Index) -> bool:
    options = {*declared, "collation"} - {"key", "name", "partialFilterExpression"}
    # The order of the fields matters. An index can be read backwards.
    backwards = [(field, -direction) for field, direction in declared["key"].items()]
    return (
        list(actual["key"].items()) in (list(declared["key"].items()), backwards)
        and all(actual.get(option) == declared.get(option) for option in options)
        and _has_equal_filter(declared, actual)
        # The query planner ignores a hidden index.
        and not actual.get("hidden")
    )


def _has_equal_filter(declared: Index, actual: Index) -> bool:
    partial = actual.get("partialFilterExpression", {})
    if not declared.get("unique") or not partial:
        return bool(partial == declared.get("partialFilterExpression", {}))
    return list(partial) == list(declared["key"]) and all(
        isinstance(condition, Mapping) and all(part in _ALL_STRINGS for part in condition.items())
        for condition in partial.values()
    )


def _to_mongosh(value: Mapping[str, Any]) -> str:
    return re.sub(r'"([\w$]+)":', r"\1:", json.dumps(value))
