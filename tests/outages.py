"""A database that does not answer for a while."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from graphql_auth.embedded_mongo.data_directory import lock_data_directory
from graphql_auth.embedded_mongo.mongod import EmbeddedMongo, run_mongod
from tests.process import ServerProcess


@pytest.fixture
def own_mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedMongo]:
    """A MongoDB that only this test uses, for it is stopped; it is named before ``start``."""
    with lock_data_directory(tmp_path_factory.mktemp("own")) as data, run_mongod(data) as mongo:
        mongo.wait_until_ready()
        yield mongo


@contextlib.contextmanager
def outage(mongod: EmbeddedMongo) -> Iterator[None]:
    os.kill(mongod.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(mongod.process.pid, signal.SIGCONT)


def until(condition: Callable[[], bool], server: ServerProcess, seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert server.process.poll() is None, server.output
        assert time.monotonic() < deadline, server.output
        time.sleep(0.05)
