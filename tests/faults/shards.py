"""A sharded cluster on this machine: a config server, two shards of one member, and a router."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from graphql_auth.embedded_mongo.mongod import find_mongod
from tests.faults.replica_set import END_WITH_US, free_addresses
from tests.process import ROOT

DATABASE = "accounts"
CONFIG, PRIMARY, OTHER = "config", "primary", "other"
SECONDS_TO_START = 60
MAJORITY = {"writeConcern": {"w": "majority", "wtimeout": 30_000}}


class ShardedCluster:
    """``shard_keys`` are those of the sharded collections; all others are on the primary shard."""

    def __init__(self, directory: Path, shard_keys: Mapping[str, str]) -> None:
        self._directory = directory
        *addresses, self._router = free_addresses(4)
        self.addresses = dict(zip((CONFIG, PRIMARY, OTHER), addresses, strict=True))
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        for name in self.addresses:
            self.start(name)
        for name, address in self.addresses.items():
            member = {"_id": 0, "host": address}
            is_config = {"configsvr": True} if name == CONFIG else {}
            self._run(name, {"replSetInitiate": {"_id": name, "members": [member], **is_config}})
        for name in self.addresses:
            self._wait_until_writable(name)
        for name in (PRIMARY, OTHER):
            shard = f"{name}/{self.addresses[name]}"
            self._run(CONFIG, {"_configsvrAddShard": shard, "name": name, **MAJORITY})
        on_primary = {"_configsvrCreateDatabase": DATABASE, "primaryShardId": PRIMARY, **MAJORITY}
        version = self._run(CONFIG, on_primary)["databaseVersion"]
        for collection, field in shard_keys.items():
            key = {field: "hashed"}
            index = {"key": key, "name": f"{field}_hashed"}
            shard_collection = {"_shardsvrCreateCollection": collection, "shardKey": key}
            for command in ({"createIndexes": collection, "indexes": [index]}, shard_collection):
                self._run(PRIMARY, command | {"databaseVersion": version} | MAJORITY, DATABASE)
        self._run_router()

    @property
    def uri(self) -> str:
        return f"mongodb://{self._router}/{DATABASE}"

    def start(self, name: str) -> None:
        """Start a member on the data that it has."""
        data = self._directory / name
        data.mkdir(exist_ok=True)
        host, _, port = self.addresses[name].partition(":")
        self._spawn(
            name,
            str(find_mongod()),
            "--configsvr" if name == CONFIG else "--shardsvr",
            f"--replSet={name}",
            f"--dbpath={data}",
            f"--bind_ip={host}",
            f"--port={port}",
            "--nounixsocket",
            "--wiredTigerCacheSizeGB=0.25",
            "--oplogSize=200",
            "--setParameter=diagnosticDataCollectionEnabled=false",
            f"--logpath={self._directory / name}.log",
            "--logappend",
        )

    def restart(self, name: str) -> None:
        """Start a member that was killed, and wait until it takes writes."""
        self.start(name)
        self._wait_until_writable(name)

    def kill(self, name: str) -> None:
        """End a member at once, as a power cut does."""
        self._processes[name].kill()
        self._processes[name].wait()

    def stop(self) -> None:
        for name in self._processes:
            self.kill(name)

    def client(self, name: str) -> MongoClient[dict[str, Any]]:
        """A client of one member, past the router."""
        return MongoClient(self.addresses[name], directConnection=True, tz_aware=True)

    def _run(self, name: str, command: dict[str, Any], database: str = "admin") -> dict[str, Any]:
        """Run a command on one member."""
        with self.client(name) as client:
            return client[database].command(command)

    def _spawn(self, name: str, *command: str) -> None:
        self._processes[name] = subprocess.Popen(
            [sys.executable, "-c", END_WITH_US, str(os.getpid()), *command],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _run_router(self) -> None:
        module = (sys.executable, "-m", "tests.faults.router")
        self._spawn("router", *module, self._router, self.addresses[CONFIG], DATABASE)
        host, _, port = self._router.partition(":")
        deadline = time.monotonic() + SECONDS_TO_START
        while True:
            try:
                socket.create_connection((host, int(port))).close()
            except ConnectionRefusedError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            else:
                return

    def _wait_until_writable(self, name: str) -> None:
        deadline = time.monotonic() + SECONDS_TO_START
        while not self._is_writable(name):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def _is_writable(self, name: str) -> bool:
        try:
            return bool(self._run(name, {"hello": 1})["isWritablePrimary"])
        except PyMongoError:
            return False
