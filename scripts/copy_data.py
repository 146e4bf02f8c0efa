"""Copies the data of an embedded MongoDB to another MongoDB, while no server runs on either.

.venv/bin/python scripts/copy_data.py DATA_DIR mongodb://…/accounts
"""

import sys
from pathlib import Path
from typing import Any

from bson import CodecOptions, decode_all
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

from graphql_auth.embedded_mongo.data_directory import lock_data_directory
from graphql_auth.embedded_mongo.mongod import DATABASE_DIRECTORY, run_mongod
from graphql_auth.errors import StartError

RAW = CodecOptions(document_class=RawBSONDocument)


def copy(source: Database[Any], target: Database[Any]) -> None:
    """Copy all documents, byte by byte; the server creates the indexes at its start."""
    names = source.list_collection_names(filter={"name": {"$not": {"$regex": "^system\\."}}})
    for name in names:
        if target[name].find_one() is not None:
            raise StartError(f"The collection {name} of the other MongoDB is not empty.")
    for name in names:
        for batch in source[name].find_raw_batches():
            target[name].insert_many(decode_all(batch, RAW))
        sys.stdout.write(f"{name}: {target[name].count_documents({})}\n")


def main(data_dir: Path, uri: str) -> None:
    """Copy. Raises StartError."""
    if not (data_dir / DATABASE_DIRECTORY).is_dir():
        raise StartError(f"There is no data in {data_dir}.")
    with lock_data_directory(data_dir) as locked, run_mongod(locked) as mongod:
        mongod.wait_until_ready()
        with (
            MongoClient[Any](mongod.uri) as source,
            MongoClient[Any](
                uri, w="majority", journal=True, serverSelectionTimeoutMS=10_000
            ) as target,
        ):
            copy(source.get_default_database(), target.get_default_database("test"))


if __name__ == "__main__":
    try:
        data_dir, uri = sys.argv[1:]
    except ValueError:
        sys.exit(__doc__)
    try:
        main(Path(data_dir), uri)
    except StartError as error:
        sys.exit(str(error))
    except PyMongoError as error:
        # Its text can contain the URI, and so a password.
        sys.exit(f"MongoDB refuses this, or does not answer: {type(error).__name__}.")
