"""A replica set of three real mongods on this machine, whose members can be killed and stopped."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from graphql_auth.embedded_mongo.mongod import find_mongod
from tests.faults.machine import Machine

NAME = "faults"
MEMBERS = 3
SECONDS_TO_RECOVER = 60
# A new primary within about three seconds, not ten.
SETTINGS = {"electionTimeoutMillis": 2_000, "heartbeatIntervalMillis": 500}
# Becomes the program behind it, which the kernel ends with the tests, however these end.
END_WITH_US = (
    "import os, sys; from graphql_auth.runtime.linux import die_with_parent\n"
    "die_with_parent(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"
)


class ReplicaSet:
    """Two secondaries and a primary; or one secondary and an arbiter, which holds no data."""

    def __init__(
        self, directory: Path, *, has_arbiter: bool = False, machine: Machine | None = None
    ) -> None:
        """With ``machine``, the first member runs on it."""
        self._directory = directory
        self._machine = machine
        self._states = ["PRIMARY", "SECONDARY", "ARBITER" if has_arbiter else "SECONDARY"]
        self._addresses = free_addresses(MEMBERS, machine.gateway if machine else None)
        if machine:
            self._addresses[0] = f"{machine.host}:27017"
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        for member in range(MEMBERS):
            self.start(member)
        members = [
            {"_id": number, "host": address, "arbiterOnly": has_arbiter and number == MEMBERS - 1}
            for number, address in enumerate(self._addresses)
        ]
        self._wait_for(lambda: all(map(self._is_up, range(MEMBERS))))
        configuration = {"_id": NAME, "members": members, "settings": SETTINGS}
        self._run(0, "replSetInitiate", configuration)
        self.wait_until_healthy()

    def uri(self, database: str) -> str:
        """The address of a database, for a MongoDB client."""
        return f"mongodb://{','.join(self._addresses)}/{database}?replicaSet={NAME}"

    def start(self, member: int) -> None:
        """Start a member on the data that it has."""
        host, _, port = self._addresses[member].partition(":")
        machine = self._machine if member == 0 else None
        data = (machine.directory if machine else self._directory) / str(member)
        data.mkdir(exist_ok=True)
        command = [
            *(machine.command if machine else ()),
            *(sys.executable, "-c", END_WITH_US, str(os.getpid())),
            str(find_mongod()),
            f"--dbpath={data}",
            f"--bind_ip={host}",
            f"--port={port}",
            "--nounixsocket",
            f"--replSet={NAME}",
            "--wiredTigerCacheSizeGB=0.25",
            "--oplogSize=200",
            "--setParameter=diagnosticDataCollectionEnabled=false",
            f"--logpath={self._directory / str(member)}.log",
            "--logappend",
        ]
        self._processes[member] = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self, *members: int) -> None:
        """End members at once, as a power cut does."""
        for member in members:
            self._processes[member].kill()
        for member in members:
            self._processes[member].wait()

    def pause(self, member: int) -> None:
        """Stop a member in the middle of what it does; its connections stay open."""
        self._processes[member].send_signal(signal.SIGSTOP)

    def resume(self, member: int) -> None:
        """Let a member that was paused go on."""
        self._processes[member].send_signal(signal.SIGCONT)

    def primary(self) -> int:
        """The member that takes writes, as soon as there is one."""
        found: list[int] = []

        def has_primary() -> bool:
            found.extend(filter(self._is_primary, range(MEMBERS)))
            return bool(found)

        self._wait_for(has_primary)
        return found[0]

    def make_primary(self, member: int) -> None:
        """Have a member take the writes."""

        def is_primary() -> bool:
            self._run(member, "replSetStepUp", 1)
            return self._is_primary(member)

        self._wait_for(is_primary)

    def step_down(self, member: int) -> None:
        """Have the primary resign for ten seconds."""
        self._run(member, "replSetStepDown", 10)

    def has_ended(self, member: int) -> bool:
        return self._processes[member].poll() is not None

    def wait_until_ended(self, member: int) -> None:
        self._wait_for(lambda: self.has_ended(member))

    def others_with_data(self) -> list[int]:
        """The secondaries."""
        primary = self.primary()
        return [
            member
            for member in range(MEMBERS)
            if member != primary and self._states[member] != "ARBITER"
        ]

    def wait_until_healthy(self) -> None:
        """Wait until there is a primary, and all others follow it."""
        self._wait_for(lambda: self._states_now() == sorted(self._states))

    def heal(self) -> None:
        """Start and resume what a test left behind, and wait until the set is whole."""
        for member, process in self._processes.items():
            if process.poll() is None:
                self.resume(member)
            else:
                self.start(member)
        self.wait_until_healthy()

    def stop(self) -> None:
        """End all members; nobody needs their data any longer."""
        self.kill(*self._processes)

    def _states_now(self) -> list[str]:
        status = self._run(self.primary(), "replSetGetStatus", 1)
        return sorted(member["stateStr"] for member in status.get("members", []))

    def _is_primary(self, member: int) -> bool:
        return bool(self._run(member, "hello", 1).get("isWritablePrimary"))

    def _is_up(self, member: int) -> bool:
        return bool(self._run(member, "hello", 1))

    def _run(self, member: int, command: str, value: object) -> dict[str, Any]:
        """Run a command on one member; the answer is empty when it does not give any."""
        if self._processes[member].poll() is not None:
            return {}
        try:
            with MongoClient[dict[str, Any]](
                self._addresses[member],
                directConnection=True,
                serverSelectionTimeoutMS=1_500,
                connectTimeoutMS=1_500,
                socketTimeoutMS=5_000,
            ) as client:
                return client.admin.command(command, value)
        except PyMongoError:
            return {}

    @staticmethod
    def _wait_for(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS_TO_RECOVER
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.1)


def free_addresses(number: int, host: str | None = None) -> list[str]:
    """Free ports on a loopback address that no other process uses, so that they stay free."""
    pid = os.getpid()
    host = host or f"127.{64 + (pid >> 16 & 0x3F)}.{pid >> 8 & 0xFF}.{pid & 0xFF}"
    with ExitStack() as sockets:
        free = [sockets.enter_context(socket.create_server((host, 0))) for _ in range(number)]
        return [f"{host}:{one.getsockname()[1]}" for one in free]
