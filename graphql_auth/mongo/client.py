"""The connection to MongoDB: durable writes, short time-outs, and the indexes of the documents."""

import asyncio
import errno
import os
import re
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from beanie import Document
from pymongo import AsyncMongoClient, timeout
from pymongo.errors import ConfigurationError, OperationFailure, PyMongoError

from graphql_auth.errors import DatabaseUnavailable, StartError
from graphql_auth.mongo.collections import (
    Database,
    Documents,
    bind_collections,
    prepare_collections,
)
from graphql_auth.mongo.outages import describe_refusal, find_cause, outages

CONNECT_TIMEOUT = 4.0
COMMAND_TIMEOUT = 5.0
CLOSE_TIMEOUT = 0.2
# The database of a URI that names none, as mongoose takes it: so the URI of a Node.js server leads
# to the same users.
DEFAULT_DATABASE = "test"

# The comment of commands that belong to no request.
BACKGROUND = "graphql-auth: background"

PERCENT_ENCODE = "percent-encode characters such as @ : / ? in its password"
FORM = "its form is mongodb://HOST:PORT/DATABASE?OPTION=VALUE"
FILE_OPTIONS = ("tlsCAFile", "tlsCertificateKeyFile", "tlsCRLFile")
# Of mongoose, and of drivers with other compressors: a URI can be shared with them. PyMongo warns
# of each host of DocumentDB and Cosmos DB.
HARMLESS = (
    "Unknown option: use(newurlparser|unifiedtopology)|Wire protocol compression with"
    "|You appear to be connected to a"
)

# The parts of options that are no secrets.
_PUBLIC = re.compile(r"authMechanism=[^&;]*|(?:^|[&;])[^=]*(?:=true\b|=false\b)?", re.IGNORECASE)


@asynccontextmanager
async def connect(
    uri: str, documents: Documents, *, create_indexes: bool = True
) -> AsyncIterator[Database]:
    """Connect to MongoDB, bind the documents to the database, and create the missing indexes.

    A write is acknowledged once a majority has it in its journal, so no crash loses it.

    Raises StartError, in one line, when nothing answers within CONNECT_TIMEOUT, the URI or the
    credentials are wrong, or a collection or an index cannot be used.
    """
    async with open_database(uri) as database:
        with translate_start_errors(database.name):
            await _ping(database, uri)
            await bind_collections(database, documents)
            if create_indexes:
                await prepare_collections(database, documents)
        yield database


@asynccontextmanager
async def open_database(uri: str) -> AsyncIterator[Database]:
    """Open a connection without waiting for MongoDB; see ``connect`` for its guarantees.

    Raises StartError when the URI is wrong.
    """
    database = _open(uri)
    outages.reset()
    try:
        yield database
    finally:
        # Closing sends a command, and would wait for a server that is away.
        with timeout(CLOSE_TIMEOUT):
            await database.client.close()


async def bind_documents(database: Database, documents: Documents) -> None:
    """Bind the documents to a database, and create no index. Raises Unavailable."""
    with translate_driver_errors():
        await bind_collections(database, documents)


@contextmanager
def translate_driver_errors(*, writing: type[Document] | None = None) -> Iterator[None]:
    """Raise DatabaseUnavailable for each error of the driver, and log an outage.

    ``writing`` is what is written; then success proves that a majority acknowledges writes.
    """
    collection = writing.get_pymongo_collection().full_name if writing else ""
    try:
        yield
    except PyMongoError as error:
        outages.record_failure(error, writing=bool(writing), collection=collection)
        raise DatabaseUnavailable from error
    outages.record_success(writing=bool(writing))


@contextmanager
def translate_start_errors(namespace: str) -> Iterator[None]:
    """Raise StartError, in one line with the reason, for each error of the driver."""
    try:
        yield
    except PyMongoError as error:
        if reason := describe_refusal(error):
            raise StartError(f"MongoDB refuses a command on {namespace}: {reason}.") from None
        raise _no_answer(str(error)) from None


def _open(uri: str) -> Database:
    try:
        # PyMongo ignores unknown options and invalid values, such as tls=maybe, with a warning.
        with warnings.catch_warnings(action="error", category=UserWarning):
            warnings.filterwarnings("ignore", HARMLESS)
            _check_files(uri)
            client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
                uri,
                appname="graphql-auth",
                tz_aware=True,
                # Other programs store dates after the year 9999, and invalid UTF-8.
                datetime_conversion="DATETIME_AUTO",
                unicode_decode_error_handler="replace",
                # They override the URI: a revoked session has to be visible at once.
                readPreference="primary",
                readPreferenceTags="",
                maxStalenessSeconds=-1,
                readConcernLevel="local",
                w="majority",
                journal=True,
                retryWrites=True,
                connectTimeoutMS=int(CONNECT_TIMEOUT * 1000),
                serverSelectionTimeoutMS=int(CONNECT_TIMEOUT * 1000),
                timeoutMS=int(COMMAND_TIMEOUT * 1000),
            )
        return client.get_default_database(DEFAULT_DATABASE)
    except (PyMongoError, LookupError, ValueError, OSError, UserWarning) as error:
        raise StartError(_describe_uri_error(uri, error)) from None


def _check_files(uri: str) -> None:
    """Raise OSError for a FIFO or a device: the read would not end."""
    names = {option.lower() for option in FILE_OPTIONS}
    for option, file in parse_qsl(uri.partition("?")[2].replace(";", "&")):
        if option.lower() in names and os.path.exists(file) and not os.path.isfile(file):  # noqa: PTH110, PTH113 - they never raise
            raise OSError(errno.EINVAL, "it is not a regular file")


def _describe_uri_error(uri: str, error: Exception) -> str:
    """Return what is wrong, without the values in the URI, which the driver's message repeats."""
    files = [option for option in FILE_OPTIONS if f"{option}=".lower() in uri.lower()]
    if files and (isinstance(error, OSError) or "certificate" in str(error)):
        reason = getattr(error, "strerror", None) or "it has no certificate with its key"
        return f"MONGO_URI: the file of {' or '.join(files)} cannot be used: {reason}."
    message, options = str(error), uri.partition("?")[2]
    if "escaped" in message or "@" in options:
        return f"MONGO_URI is not a valid MongoDB URI; {PERCENT_ENCODE}."
    texts = f"{uri} {unquote_plus(uri)}", f"{uri.partition(':')[0]} {_PUBLIC.findall(options)}"
    words, public = (set(re.findall(r"\w+", text.lower())) for text in texts)
    secrets = words - public
    reason = re.sub(r"\w+", lambda word: "…" if word[0].lower() in secrets else word[0], message)
    hint = "" if options else f"; {FORM}"
    return f"MONGO_URI cannot be used: {reason.split('. ')[0].rstrip('.')}{hint}."


async def _ping(database: Database, uri: str) -> None:
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await database.command("ping")
    except OperationFailure as error:
        code = (error.details or {}).get("codeName", error.code)
        raise StartError(f"MONGO_URI: MongoDB rejected the connection ({code}).") from None
    except (PyMongoError, TimeoutError) as error:
        # The driver collects the errors of its connections there.
        message = f"{error} {database.client.topology_description}"
        if isinstance(error, ConfigurationError) and not find_cause(message):
            raise StartError(_describe_uri_error(uri, error)) from None
        raise _no_answer(message) from None


def _no_answer(message: str) -> StartError:
    return StartError(
        f"MONGO_URI: no MongoDB answers within {CONNECT_TIMEOUT:.0f} s"
        f" ({find_cause(message) or 'timed out'});"
        " check that it runs, and that host, port, replicaSet and TLS options are right."
    )
