"""A mongod that runs, and programs in its place."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graphql_auth.embedded_mongo.data_directory import lock_data_directory
from graphql_auth.embedded_mongo.mongod import EmbeddedMongo, run_mongod


@contextmanager
def running(data: Path) -> Iterator[EmbeddedMongo]:
    with lock_data_directory(data) as held, run_mongod(held) as mongo:
        mongo.wait_until_ready()
        yield mongo


def executable(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path
