"""The connection to MongoDB: durable writes, short time-outs, and the indexes that we rely on."""

import asyncio
import logging
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from beanie import init_beanie
from pymongo import AsyncMongoClient, timeout
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    ConfigurationError,
    DuplicateKeyError,
    InvalidURI,
    OperationFailure,
    PyMongoError,
)

from graphql_auth.errors import DatabaseUnavailable, StartError
from graphql_auth.mongo.meta import MetaDocument
from graphql_auth.mongo.outages import outages
from graphql_auth.sessions.document import SessionDocument
from graphql_auth.throttling.document import AttemptDocument
from graphql_auth.users.document import UserDocument

SECONDS_TO_CONNECT = 4.0
SECONDS_FOR_A_COMMAND = 5.0
SECONDS_FOR_AN_INDEX = 3600.0
SECONDS_BEFORE_NEWS = 3.0
DOCUMENTS = [UserDocument, SessionDocument, AttemptDocument, MetaDocument]
SECONDS_TO_CLOSE = 0.2
# The database of a URI that names none: mongoose takes the same, so that the URI of a Node.js
# original leads to the same users.
DEFAULT_DATABASE = "test"
COLLISIONS_SHOWN = 5

logger = logging.getLogger(__name__)

# In the comment of each command that belongs to no request.
BACKGROUND = "graphql-auth: background"

NO_ANSWER = (
    f"MONGO_URI: no MongoDB answers within {SECONDS_TO_CONNECT:.0f} s;"
    " check that it runs, and that address, replicaSet and TLS options are right."
)


@asynccontextmanager
async def connect(uri: str) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    """Connect to MongoDB, make sure of the indexes, and bind the documents to the database.

    A write is acknowledged once a majority has it in its journal, so no crash loses it.

    Raises StartError, in one line, when nothing answers within SECONDS_TO_CONNECT, the address or
    the credentials are wrong, or an index cannot be made.
    """
    async with opened(uri) as database:
        try:
            await _reach(database)
            await _bind(database)
        except (PyMongoError, TimeoutError):
            raise StartError(NO_ANSWER) from None
        yield database


@asynccontextmanager
async def opened(uri: str) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    """Open a connection without waiting for MongoDB; see ``connected`` for its guarantees.

    Raises StartError when the address is wrong.
    """
    client = _client(uri)
    outages.reset()
    try:
        yield client.get_default_database(DEFAULT_DATABASE)
    finally:
        # It tells the server which sessions it leaves, and would wait for one that is away.
        with timeout(SECONDS_TO_CLOSE):
            await client.close()


async def bind(database: AsyncDatabase[dict[str, Any]]) -> None:
    """Bind the documents to a database whose indexes were made before. Raises Unavailable."""
    with translate_driver_errors():
        await init_beanie(database=database, document_models=DOCUMENTS, skip_indexes=True)


@contextmanager
def translate_driver_errors(*, writing: bool = False) -> Iterator[None]:
    """Raise DatabaseUnavailable where the driver says that the database does not do its work.

    ``writing`` is whether success proves that a majority acknowledges writes.
    """
    try:
        yield
    except PyMongoError as error:
        outages.record_failure(error, writing=writing)
        raise DatabaseUnavailable from error
    outages.record_success(writing=writing)


def _client(uri: str) -> AsyncMongoClient[dict[str, Any]]:
    try:
        # Addresses are shared with other drivers, whose options PyMongo warns of and passes over.
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            return AsyncMongoClient(
                uri,
                appname="graphql-auth",
                tz_aware=True,
                # Whatever the address says: a session that ended is to be seen as such at once.
                readPreference="primary",
                readConcernLevel="local",
                w="majority",
                journal=True,
                retryWrites=True,
                connectTimeoutMS=int(SECONDS_TO_CONNECT * 1000),
                serverSelectionTimeoutMS=int(SECONDS_TO_CONNECT * 1000),
                timeoutMS=int(SECONDS_FOR_A_COMMAND * 1000),
            )
    except (InvalidURI, ConfigurationError, ValueError, OSError) as error:
        # The messages can repeat the password in the address.
        raise StartError(
            f"MONGO_URI is not a MongoDB address that can be used ({type(error).__name__});"
            " characters such as @ : / in its password are to be percent-encoded."
        ) from None


async def _reach(database: AsyncDatabase[dict[str, Any]]) -> None:
    async with asyncio.timeout(SECONDS_TO_CONNECT):
        try:
            await database.command("ping")
        except OperationFailure as error:
            raise StartError(f"MONGO_URI: MongoDB refuses us ({_code(error)}).") from None


async def _bind(database: AsyncDatabase[dict[str, Any]]) -> None:
    # On the many users of an original, an index takes longer than any command of ours.
    news = asyncio.get_running_loop().call_later(SECONDS_BEFORE_NEWS, _tell_of_the_index, database)
    try:
        with timeout(SECONDS_FOR_AN_INDEX):
            await init_beanie(database=database, document_models=DOCUMENTS)
    except DuplicateKeyError:
        raise StartError(await _collisions(database)) from None
    except OperationFailure as error:
        raise StartError(
            "The unique index on the e-mail address cannot be made in"
            f" {database.name}.users ({_code(error)}). If an index email_1 of another kind"
            " stands there, drop it and start again."
        ) from None
    finally:
        news.cancel()


def _tell_of_the_index(database: AsyncDatabase[dict[str, Any]]) -> None:
    logger.warning("making the unique index on the addresses in %s.users …", database.name)


async def _collisions(database: AsyncDatabase[dict[str, Any]]) -> str:
    groups = await database["users"].aggregate(
        [
            {"$group": {"_id": "$email", "users": {"$sum": 1}}},
            {"$match": {"users": {"$gt": 1}}},
            {"$sort": {"_id": 1}},
            {"$limit": COLLISIONS_SHOWN + 1},
        ],
        allowDiskUse=True,
    )
    shared = [
        f"{group['_id'] or '(no address)'} ({group['users']} users)" async for group in groups
    ]
    more = ", and more" if len(shared) > COLLISIONS_SHOWN else ""
    return (
        f"Users in {database.name}.users share an e-mail address, so they cannot be told apart:"
        f" {', '.join(shared[:COLLISIONS_SHOWN])}{more}. Leave one user for each and start again."
    )


def _code(error: OperationFailure) -> str:
    return str((error.details or {}).get("codeName", error.code))
