"""The connection to MongoDB: durable writes, short time-outs, and the indexes of the documents."""

import asyncio
import logging
import warnings
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from beanie import Document, init_beanie
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
from graphql_auth.mongo.outages import describe_refusal, find_cause, is_outage, outages

CONNECT_TIMEOUT = 4.0
COMMAND_TIMEOUT = 5.0
CLOSE_TIMEOUT = 0.2
INDEX_BUILD_TIMEOUT = 3600.0
INDEX_NOTICE_DELAY = 3.0
# The database of a URI that names none, as mongoose takes it: so the URI of a Node.js server leads
# to the same users.
DEFAULT_DATABASE = "test"
MAX_DUPLICATES_SHOWN = 5

Database = AsyncDatabase[dict[str, Any]]
Documents = Sequence[type[Document]]

logger = logging.getLogger(__name__)

# The comment of commands that belong to no request.
BACKGROUND = "graphql-auth: background"

PERCENT_ENCODE = "percent-encode characters such as @ : / in its password"
FORM = "its form is mongodb://HOST:PORT/DATABASE?OPTION=VALUE"
FILE_OPTIONS = ("tlsCAFile", "tlsCertificateKeyFile", "tlsCRLFile")


@asynccontextmanager
async def connect(
    uri: str, documents: Documents, *, create_indexes: bool = True
) -> AsyncIterator[Database]:
    """Connect to MongoDB, bind the documents to the database, and create the missing indexes.

    A write is acknowledged once a majority has it in its journal, so no crash loses it.

    Raises StartError, in one line, when nothing answers within CONNECT_TIMEOUT, the URI or the
    credentials are wrong, or an index cannot be created.
    """
    async with open_database(uri) as database:
        with translate_start_errors(database.name):
            await _ping(database)
            if create_indexes:
                for document in documents:
                    await _create_indexes(database, document)
            else:
                await bind_documents(database, documents)
        yield database


@asynccontextmanager
async def open_database(uri: str) -> AsyncIterator[Database]:
    """Open a connection without waiting for MongoDB; see ``connect`` for its guarantees.

    Raises StartError when the URI is wrong.
    """
    client = _create_client(uri)
    outages.reset()
    try:
        yield client.get_default_database(DEFAULT_DATABASE)
    finally:
        # Closing sends a command, and would wait for a server that is away.
        with timeout(CLOSE_TIMEOUT):
            await client.close()


async def bind_documents(database: Database, documents: Documents) -> None:
    """Bind the documents to a database, and create no index. Raises Unavailable."""
    with translate_driver_errors():
        await init_beanie(database=database, document_models=[*documents], skip_indexes=True)


@contextmanager
def translate_driver_errors(*, writing: bool = False) -> Iterator[None]:
    """Raise DatabaseUnavailable for each error of the driver, and log an outage.

    ``writing`` is whether success proves that a majority acknowledges writes.
    """
    try:
        yield
    except PyMongoError as error:
        outages.record_failure(error, writing=writing)
        raise DatabaseUnavailable from error
    outages.record_success(writing=writing)


@contextmanager
def translate_start_errors(namespace: str) -> Iterator[None]:
    """Raise StartError, in one line with the reason, for each error of the driver."""
    try:
        yield
    except PyMongoError as error:
        if isinstance(error, OperationFailure) and not is_outage(error):
            reason = describe_refusal(error)
            raise StartError(f"MongoDB refuses a command on {namespace}: {reason}.") from None
        raise _no_answer(str(error)) from None


def _create_client(uri: str) -> AsyncMongoClient[dict[str, Any]]:
    try:
        # A URI is shared with other drivers, whose options PyMongo ignores with a warning.
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            return AsyncMongoClient(
                uri,
                appname="graphql-auth",
                tz_aware=True,
                # They override the URI: a revoked session has to be visible at once.
                readPreference="primary",
                readConcernLevel="local",
                w="majority",
                journal=True,
                retryWrites=True,
                connectTimeoutMS=int(CONNECT_TIMEOUT * 1000),
                serverSelectionTimeoutMS=int(CONNECT_TIMEOUT * 1000),
                timeoutMS=int(COMMAND_TIMEOUT * 1000),
            )
    except (InvalidURI, ConfigurationError, ValueError, OSError) as error:
        raise StartError(_describe_uri_error(uri, error)) from None


def _describe_uri_error(uri: str, error: Exception) -> str:
    """Return what is wrong, without the driver's message, which can repeat the password."""
    files = [option for option in FILE_OPTIONS if f"{option}=".lower() in uri.lower()]
    if files and (isinstance(error, OSError) or "certificate" in str(error)):
        reason = getattr(error, "strerror", None) or "the key is not that of the certificate"
        return f"MONGO_URI: the file of {' or '.join(files)} cannot be used: {reason}."
    hint = PERCENT_ENCODE if "escaped" in str(error) else FORM
    return f"MONGO_URI is not a valid MongoDB URI ({type(error).__name__}); {hint}."


async def _ping(database: Database) -> None:
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await database.command("ping")
    except OperationFailure as error:
        code = (error.details or {}).get("codeName", error.code)
        raise StartError(f"MONGO_URI: MongoDB rejected the connection ({code}).") from None
    except (PyMongoError, TimeoutError) as error:
        # The driver collects the errors of its connections there.
        raise _no_answer(f"{error} {database.client.topology_description}") from None


def _no_answer(message: str) -> StartError:
    return StartError(
        f"MONGO_URI: no MongoDB answers within {CONNECT_TIMEOUT:.0f} s"
        f" ({find_cause(message) or 'timed out'});"
        " check that it runs, and that host, port, replicaSet and TLS options are right."
    )


async def _create_indexes(database: Database, document: type[Document]) -> None:
    """Bind one document, and create its indexes, which can take minutes on many documents."""
    namespace = f"{database.name}.{document.Settings.name}"
    notice = asyncio.get_running_loop().call_later(
        INDEX_NOTICE_DELAY, logger.warning, "creating the indexes of %s …", namespace
    )
    try:
        with timeout(INDEX_BUILD_TIMEOUT):
            await init_beanie(database=database, document_models=[document])
    except DuplicateKeyError as error:
        raise StartError(await _describe_duplicates(database, namespace, error)) from None
    except OperationFailure as error:
        raise StartError(
            f"The indexes of {namespace} cannot be created ({_code_name(error)}). If another index"
            " has the name of one of them (such as email_1), drop it and start again."
        ) from None
    finally:
        notice.cancel()


async def _describe_duplicates(database: Database, namespace: str, error: DuplicateKeyError) -> str:
    field = next(iter((error.details or {}).get("keyPattern", {"email": 1})))
    groups = await database[namespace.partition(".")[2]].aggregate(
        [
            {"$group": {"_id": f"${field}", "count": {"$sum": 1}}},
            {"$match": {"count": {"$gt": 1}}},
            {"$sort": {"_id": 1}},
            {"$limit": MAX_DUPLICATES_SHOWN + 1},
        ],
        allowDiskUse=True,
    )
    duplicates = [f"{group['_id'] or '(none)'} ({group['count']})" async for group in groups]
    more = ", and more" if len(duplicates) > MAX_DUPLICATES_SHOWN else ""
    return (
        f"Several documents in {namespace} have the same {field}, which has to be unique:"
        f" {', '.join(duplicates[:MAX_DUPLICATES_SHOWN])}{more}. Keep one of each, and start again."
    )


def _code_name(error: OperationFailure) -> str:
    return str((error.details or {}).get("codeName", error.code))
