"""A router for a sharded cluster, in place of ``mongos``, which no package index has.

``python -m tests.faults.router HOST:PORT CONFIG DATABASE`` routes the commands that the server
sends, by the chunks that the config server has. As ``mongos`` does, it refuses what needs a shard
key and has none. The shards check the version that comes with each command. MongoDB does the rest.
"""

import asyncio
import hashlib
import itertools
import struct
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import bson
from bson.codec_options import CodecOptions
from pymongo import AsyncMongoClient

Values = dict[str, Any]

OPTIONS: CodecOptions[Values] = CodecOptions(tz_aware=True)
HEADER = struct.Struct("<iiii")
# The codes of messages: a command, and how a driver begins a connection, with its reply.
OP_MSG, OP_QUERY, OP_REPLY = 2013, 2004, 1
HELLO = {
    "ismaster": True,
    "isWritablePrimary": True,
    "helloOk": True,
    "msg": "isdbgrid",
    "maxBsonObjectSize": 16_777_216,
    "maxMessageSizeBytes": 48_000_000,
    "maxWriteBatchSize": 100_000,
    "logicalSessionTimeoutMinutes": 30,
    "minWireVersion": 0,
    "maxWireVersion": 17,
    "ok": 1.0,
}
# StaleConfig and StaleEpoch: the documents have moved, or the shard has just learned of them.
STALE = {13388, 63}
MAX_TRIES = 4
ONE_BATCH = {"batchSize": 100_000}
# mongos waits for a primary too, for longer.
SECONDS_WITHOUT_SHARD = 1.0


class Refused(Exception):
    """An error of the router; its argument is the name that MongoDB has for it."""

    CODES: Mapping[str, int] = {
        "ShardKeyNotFound": 61,
        "FailedToSatisfyReadPreference": 133,
    }


class Collection:
    """A collection that is sharded by a hash of one field."""

    def __init__(self, stored: Values, chunks: list[Values]) -> None:
        ((self.key, kind),) = stored["key"].items()
        assert kind == "hashed"
        self.versions: dict[str, Values] = {}
        self._chunks: list[tuple[float, str]] = []
        for chunk in sorted(chunks, key=lambda chunk: chunk["lastmod"]):
            epoch = {"e": stored["lastmodEpoch"], "t": stored["timestamp"]}
            self.versions[chunk["shard"]] = epoch | {"v": chunk["lastmod"]}
            start = chunk["min"][self.key]
            first = -float("inf") if isinstance(start, bson.MinKey) else start
            self._chunks.append((first, chunk["shard"]))

    def owner(self, value: object) -> str:
        """The shard of a value of the shard key."""
        hashed = hash_value(value)
        return max(one for one in self._chunks if one[0] <= hashed)[1]

    def find_shards(self, selector: Values) -> list[str]:
        """The shards that can have what a query selects."""
        value = selector.get(self.key)
        if isinstance(value, dict):
            if set(value) != {"$in"}:
                return [*self.versions]
            return sorted({self.owner(one) for one in value["$in"]})
        return [*self.versions] if value is None else [self.owner(value)]


class Router:
    def __init__(self, config: str, database: str) -> None:
        self._config = AsyncMongoClient[Values](config, directConnection=True)
        self._database = database
        self._idle: dict[str, list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = {}

    async def refresh(self) -> None:
        """Read from the config server which shard has what."""
        config = self._config["config"]
        self._shards = {
            shard["_id"]: shard["host"].partition("/")[2] async for shard in config["shards"].find()
        }
        (stored,) = await config["databases"].find({"_id": self._database}).to_list()
        self._primary, self._version = stored["primary"], stored["version"]
        self._collections = {
            found["_id"].partition(".")[2]: Collection(
                found, await config["chunks"].find({"uuid": found["uuid"]}).to_list()
            )
            for found in await config["collections"].find().to_list()
            if found["_id"].startswith(f"{self._database}.")
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the messages of a connection."""
        try:
            while True:
                number, kind, data = await read_message(reader)
                if kind == OP_QUERY:
                    reply = struct.pack("<iqii", 8, 0, 0, 1) + bson.encode(_hello())
                    writer.write(pack(OP_REPLY, number, reply))
                else:
                    writer.write(pack(OP_MSG, number, encode(await self._answer(decode(data)))))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, command: Values) -> Values:
        for _ in range(MAX_TRIES):
            try:
                reply = await self._run(command)
            except Refused as error:
                name = str(error)
                return {"ok": 0.0, "errmsg": name, "code": error.CODES[name], "codeName": name}
            if not {one.get("code") for one in [reply, *reply.get("writeErrors", ())]} & STALE:
                break
            await self.refresh()
        return {name: value for name, value in reply.items() if not name.startswith("$")}

    async def _run(self, command: Values) -> Values:
        name, value = next(iter(command.items()))
        if name in {"hello", "ismaster"}:
            return _hello()
        if name in {"ping", "endSessions"}:
            return {"ok": 1.0}
        collection = self._collections.get(command.get("collection", value))
        if collection is None:
            return await self._send(self._primary, command | {"databaseVersion": self._version})
        parts = split(collection, command)
        replies = await asyncio.gather(
            *(
                self._send(shard, part | {"shardVersion": collection.versions[shard]})
                for shard, part in parts.items()
            )
        )
        return merge(command, replies)

    async def _send(self, shard: str, command: Values) -> Values:
        """Send a command to a shard, with nothing that its driver would add."""
        idle = self._idle.setdefault(shard, [])
        sent = {
            name: value
            for name, value in command.items()
            if name not in {"$readPreference", "$clusterTime"}
        }
        try:
            host, _, port = self._shards[shard].partition(":")
            reader, writer = idle.pop() if idle else await asyncio.open_connection(host, port)
            writer.write(pack(OP_MSG, 0, encode(sent)))
            _, _, data = await read_message(reader)
        except (OSError, asyncio.IncompleteReadError):
            await asyncio.sleep(SECONDS_WITHOUT_SHARD)
            raise Refused("FailedToSatisfyReadPreference") from None
        idle.append((reader, writer))
        return decode(data)


def split(collection: Collection, command: Values) -> dict[str, Values]:
    """The parts of a command for each shard."""
    name = next(iter(command))
    field = {"insert": "documents", "update": "updates", "delete": "deletes"}.get(name)
    if field is None:
        selector: Values = command.get("filter") or command.get("query") or {}
        if name == "aggregate":
            selector = command["pipeline"][0].get("$match", {})
            command |= {"cursor": ONE_BATCH}
        elif name == "find":
            command |= ONE_BATCH | {"singleBatch": True}
        shards = collection.find_shards(selector)
        if len(shards) > 1 and name in {"aggregate", "findAndModify"}:
            raise Refused("ShardKeyNotFound")
        return dict.fromkeys(shards[:1] if name == "listIndexes" else shards, command)
    parts: dict[str, list[Values]] = {}
    for one in command[field]:
        shards = collection.find_shards(one if name == "insert" else one["q"])
        if len(shards) > 1 and not (one.get("multi") or one.get("limit") == 0):
            raise Refused("ShardKeyNotFound")
        for shard in shards:
            parts.setdefault(shard, []).append(one)
    return {shard: command | {field: part} for shard, part in parts.items()}


def merge(command: Values, replies: list[Values]) -> Values:
    """One reply of several, or the first error."""
    failed = [one for one in replies if not one["ok"] or "writeErrors" in one]
    if failed or len(replies) == 1:
        return (failed or replies)[0]
    first = replies[0]
    if "cursor" not in first:
        return first | {
            name: sum(one[name] for one in replies) for name in ("n", "nModified") if name in first
        }
    found = [*itertools.chain(*(one["cursor"]["firstBatch"] for one in replies))]
    for name, direction in reversed(command.get("sort", {}).items()):
        found.sort(key=lambda document: document[name], reverse=direction < 0)
    return first | {"cursor": first["cursor"] | {"firstBatch": found}}


def hash_value(value: object) -> int:
    """The hash of a value in an index of the kind ``hashed``."""
    if isinstance(value, bson.ObjectId):
        kind, data = 35, value.binary
    else:
        text = str(value).encode()
        kind, data = 15, struct.pack("<i", len(text) + 1) + text + b"\0"
    digest = hashlib.md5(struct.pack("<ii", 0, kind) + data, usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "little", signed=True)


def _hello() -> Values:
    return HELLO | {"localTime": datetime.now(UTC)}


async def read_message(reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
    """The number, the code and the data of the next message."""
    size, number, _, kind = HEADER.unpack(await reader.readexactly(HEADER.size))
    return number, kind, await reader.readexactly(size - HEADER.size)


def pack(kind: int, replies_to: int, data: bytes) -> bytes:
    return HEADER.pack(HEADER.size + len(data), 1, replies_to, kind) + data


def encode(command: Values) -> bytes:
    """The data of an OP_MSG: no flags, and one section with the command."""
    return bytes(5) + bson.encode(command)


def decode(data: bytes) -> Values:
    """The command of an OP_MSG, with the documents that it has in sections of their own."""
    at, command, lists = 4, dict[str, Any](), dict[str, Any]()
    while at < len(data):
        kind = data[at]
        end = at + 1 + int.from_bytes(data[at + 1 : at + 5], "little")
        if kind == 0:
            command = bson.decode(data[at + 1 : end], OPTIONS)
        else:
            name, _, documents = data[at + 5 : end].partition(b"\0")
            lists[name.decode()] = bson.decode_all(documents, OPTIONS)
        at = end
    return command | lists


async def main(address: str, config: str, database: str) -> None:
    router = Router(config, database)
    await router.refresh()
    host, _, port = address.partition(":")
    server = await asyncio.start_server(router.serve, host, int(port))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
