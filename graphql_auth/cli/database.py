"""The database of a command, which runs beside a server or without one."""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from pydantic.alias_generators import to_snake
from pymongo.errors import OperationFailure

from graphql_auth.embedded_mongo.mongod import find_or_run_mongod
from graphql_auth.errors import BadInput, EmailTaken, StartError, Unavailable
from graphql_auth.mongo.outages import describe_refusal, is_outage
from graphql_auth.runtime.event_loop import run
from graphql_auth.settings import Settings

T = TypeVar("T")


def run_with_database(settings: Settings, work: Callable[[str], Coroutine[Any, Any, T]]) -> T:
    """Return what ``work`` returns, which gets the URI. Raises StartError."""
    with _database(settings) as uri:
        try:
            return run(work(uri))
        except Unavailable as unavailable:
            cause = unavailable.__cause__
            if isinstance(cause, OperationFailure) and not is_outage(cause):
                reason = describe_refusal(cause)
                raise StartError(f"MongoDB refuses a command: {reason}.") from None
            raise StartError(
                "Lost the connection to MongoDB before the command completed; run it again."
            ) from None
        except EmailTaken as taken:
            raise StartError(taken.message) from None
        except BadInput as bad:
            faults = [f"{to_snake(each.field).upper()}: {each.message}" for each in bad.fields]
            raise StartError(" ".join(faults)) from None


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
    if settings.mongo_uri:
        yield settings.mongo_uri.get_secret_value()
    else:
        with find_or_run_mongod(settings.data_dir) as uri:
            yield uri
