"""The database and the key of a server: those of the settings, or an embedded MongoDB."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pydantic import SecretStr

from graphql_auth.embedded_mongo.data_directory import lock_data_directory
from graphql_auth.embedded_mongo.mongod import EmbeddedMongo, run_mongod
from graphql_auth.errors import StartError
from graphql_auth.settings import Settings
from graphql_auth.token_key import load_or_create_key, read_token_key

NO_KEY = (
    "TOKEN_KEY is not set. With MONGO_URI, all servers need the same one. Create it once, in .env:"
    """ python3 -c 'import secrets; print("TOKEN_KEY=" + secrets.token_urlsafe(32))' >> .env"""
)


@contextmanager
def provide_database(
    settings: Settings, pause: Callable[[float], object] = time.sleep
) -> Iterator[tuple[Settings, EmbeddedMongo | None]]:
    """Yield settings with MONGO_URI and TOKEN_KEY. Without MONGO_URI, run a mongod in the block.

    ``pause`` is called while mongod starts. It has to be called on the main thread: the kernel ends
    mongod with the thread that started it. Raises StartError, also when mongod has failed.
    """
    if settings.mongo_uri:
        if (key := read_token_key(settings)) is None:
            raise StartError(NO_KEY)
        yield settings.model_copy(update={"token_key": key, "token_key_file": None}), None
        return
    with lock_data_directory(settings.data_dir) as data_dir, run_mongod(data_dir) as mongod:
        key = read_token_key(settings) or SecretStr(load_or_create_key(data_dir / "token.key"))
        import graphql_auth.app  # noqa: F401, PLC0415 - the slowest one, while mongod starts

        mongod.wait_until_ready(pause)
        completed = {
            "mongo_uri": SecretStr(mongod.uri),
            "token_key": key,
            "token_key_file": None,
            "data_dir": data_dir,
        }
        try:
            yield settings.model_copy(update=completed), mongod
        finally:
            if mongod.has_failed:
                raise StartError(mongod.exit_reason())
