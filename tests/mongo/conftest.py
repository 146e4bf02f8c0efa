"""Real mongods that the server does not start itself: with TLS, users or a replica set."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from graphql_auth.embedded_mongo.mongod import find_mongod
from tests.certificates import certificates  # noqa: F401 - a fixture
from tests.faults.replica_set import END_WITH_US
from tests.integrations.processes import free_port

SECONDS_TO_LISTEN = 30

StartMongod = Callable[..., int]


@pytest.fixture(scope="module")
def start_mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartMongod]:
    """Start mongods with some flags, each at a port of 127.0.0.1; they end with the module."""
    with ExitStack() as stack:

        def start(*flags: str) -> int:
            port, data = free_port(), tmp_path_factory.mktemp("mongod")
            log = data / "log"
            process = subprocess.Popen(
                [
                    *(sys.executable, "-c", END_WITH_US, str(os.getpid()), str(find_mongod())),
                    *(f"--dbpath={data}", f"--port={port}", "--bind_ip=127.0.0.1"),
                    *("--nounixsocket", "--wiredTigerCacheSizeGB=0.25", f"--logpath={log}"),
                    *flags,
                ],
                stdout=subprocess.DEVNULL,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            deadline = time.monotonic() + SECONDS_TO_LISTEN
            while not (log.exists() and "Waiting for connections" in log.read_text()):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            return port

        yield start
