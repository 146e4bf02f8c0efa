"""Real mongods that the server does not start itself: with TLS, users or a replica set."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from graphql_auth.embedded_mongo.mongod import find_mongod
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


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``ca.pem``, and certificates of it with their keys: for this machine, and for another."""
    openssl = shutil.which("openssl")
    if openssl is None and "CI" not in os.environ:
        pytest.skip("There is no openssl; on Debian: apt-get install openssl")
    directory = tmp_path_factory.mktemp("certificates")

    def run(command: str) -> None:
        subprocess.run([str(openssl), *command.split()], cwd=directory, check=True, stderr=-3)

    new = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    run(f"req -x509 {new} -keyout ca.key -out ca.pem -subj /CN=ca -days 9")
    for name, host in (("here", "IP:127.0.0.1"), ("there", "DNS:db.internal")):
        run(
            f"req -x509 {new} -keyout {name}.key -out {name}.crt -subj /CN={name} -days 9"
            f" -CA ca.pem -CAkey ca.key -addext subjectAltName={host}"
        )
        pem = (directory / f"{name}.key").read_text() + (directory / f"{name}.crt").read_text()
        (directory / f"{name}.pem").write_text(pem)
    return directory
