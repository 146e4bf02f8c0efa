"""What the tests share: one real MongoDB, a database of its own for each test, a real server."""

import functools
import os
import signal
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth import environment
from graphql_auth.embedded_mongo.data_directory import lock_data_directory
from graphql_auth.embedded_mongo.mongod import EmbeddedMongo, run_mongod
from graphql_auth.runtime.signals import HANDLED
from graphql_auth.settings import Settings
from tests.client import Client
from tests.commands import Commands
from tests.outages import own_mongod  # noqa: F401 - a fixture
from tests.process import ServerProcess, start_server
from tests.selection import mark_and_sort
from tests.services import (  # noqa: F401 - fixtures
    clock,
    new_services,
    service,
    services,
    throttle,
)
from tests.wall_clock import LIBFAKETIME, WallClock

# A busy machine is no failure; and a server answers as well to many examples as to one.
settings.register_profile(
    "tests",
    deadline=None,
    # The same examples each time, and nothing kept: a run cannot fail by chance.
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("tests")
# For `make fuzz`. What fails is printed as a line that repeats it.
settings.register_profile(
    "fuzz", settings.get_profile("tests"), derandomize=False, max_examples=1_000, print_blob=True
)

# The tests speak to this machine alone; a proxy would refuse them, or answer in its place. The
# database that a developer works with is not theirs to change.
for name in [*os.environ]:
    if name.lower().endswith("_proxy") or name.lower() in Settings.model_fields:
        del os.environ[name]
# Servers keep it ignored, as under nohup; also these tests may run so.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

Start = Callable[..., ServerProcess]

KEY = "a key of the tests, which is long enough"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark_and_sort(items)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedMongo]:
    with lock_data_directory(tmp_path_factory.mktemp("data")) as data, run_mongod(data) as mongo:
        mongo.wait_until_ready()
        yield mongo


@pytest.fixture(autouse=True)
def restore_signals() -> Iterator[None]:
    """Leave no handler of a test to the tests after it."""
    handlers = {number: signal.getsignal(number) for number in HANDLED}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def ignore_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read no .env of the developer.

    `tmp_path` comes first: pytest removes it after it has put back what a test replaced (os.open).
    """
    monkeypatch.setattr(environment, "ENV_FILE", tmp_path / ".env")


@pytest.fixture
def database_uri(mongod: EmbeddedMongo) -> str:
    """The address of a database that no other test knows."""
    return f"{mongod.uri.rpartition('/')[0]}/test_{uuid.uuid4().hex}"


@pytest.fixture
async def database(database_uri: str) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    """The same database, to be looked into behind the server's back."""
    async with AsyncMongoClient[dict[str, Any]](database_uri, tz_aware=True) as client:
        yield client.get_default_database()


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    """What the clients that connect from now on send."""
    commands = Commands()
    commands.listen(monkeypatch)
    return commands


@pytest.fixture
def start_embedded(tmp_path: Path) -> Iterator[Start]:
    """Start servers that end with the test, each with its own mongod.

    For tests of the embedded MongoDB, and of what a server does when its database goes away.
    """
    with ExitStack() as stack:

        def start_one(*arguments: str, **settings: str) -> ServerProcess:
            server = start_server(tmp_path, *arguments, **settings)
            stack.callback(server.stop)
            return server

        yield start_one


@pytest.fixture
def start(start_embedded: Start, database_uri: str) -> Start:
    """Start servers that end with the test, all on the test's database in the shared mongod."""
    return functools.partial(start_embedded, MONGO_URI=database_uri, TOKEN_KEY=KEY)


@pytest.fixture(scope="module")
def wall_clock(tmp_path_factory: pytest.TempPathFactory) -> WallClock:
    """A wall clock for servers, which the test can step: ``start(**wall_clock.settings)``."""
    if not LIBFAKETIME.exists() and "CI" not in os.environ:
        pytest.skip(f"There is no {LIBFAKETIME}; on Debian: apt-get install faketime")
    return WallClock(tmp_path_factory.mktemp("wall-clock") / "offset")


@pytest.fixture(scope="module")
def without_coverage() -> Iterator[None]:
    """Start servers that measure no coverage, which is a third of the time that they need.

    For tests whose processes run only code that other tests run too.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        yield


@pytest.fixture(scope="module")
def shared_uri(mongod: EmbeddedMongo) -> str:
    """The URI of a database that the tests of a file share."""
    return f"{mongod.uri.rpartition('/')[0]}/shared_{uuid.uuid4().hex}"


@pytest.fixture(scope="module")
def start_shared(shared_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start servers for the tests of a file, all on one database."""
    with ExitStack() as stack:

        def start_one(**settings: str) -> ServerProcess:
            directory = tmp_path_factory.mktemp("server")
            server = start_server(directory, MONGO_URI=shared_uri, TOKEN_KEY=KEY, **settings)
            stack.callback(server.stop)
            return server

        yield start_one


@pytest.fixture(scope="module")
def shared_server(start_shared: Start) -> ServerProcess:
    """One server for the tests of a file that need nothing of their own; each brings its users."""
    return start_shared()


@pytest.fixture
def client(shared_server: ServerProcess) -> Iterator[Client]:
    with Client(shared_server.url) as client:
        yield client
