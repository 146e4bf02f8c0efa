"""The script that copies the data of an embedded MongoDB to another MongoDB."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from graphql_auth.embedded_mongo.data_directory import lock_data_directory
from tests.client import VIEWER, Client
from tests.conftest import Start
from tests.process import ROOT, environment

DATA = "graphql-auth-data"


def copy(directory: Path, uri: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "copy_data.py", directory / DATA, uri],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_users_and_sessions_go_on_in_another_mongodb(
    start_embedded: Start, tmp_path: Path, database_uri: str
) -> None:
    server = start_embedded()
    with Client(server.url) as client:
        registered = client.register()["data"]["register"]
    assert server.stop() == 0

    copied = copy(tmp_path, database_uri)

    assert (copied.returncode, copied.stderr) == (0, "")
    assert "users: 1\n" in copied.stdout
    key = (tmp_path / DATA / "token.key").read_text()
    server = start_embedded(MONGO_URI=database_uri, TOKEN_KEY=key)
    with Client(server.url) as client:
        user = client.ask(VIEWER, token=registered["token"])["data"]["viewer"]
        assert user | registered["user"] == user
        assert client.login(user["email"])["data"]["login"]["token"]
    again = copy(tmp_path, database_uri)
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    assert "of the other MongoDB is not empty" in again.stderr


def test_data_of_a_running_server_is_refused(tmp_path: Path, database_uri: str) -> None:
    (tmp_path / DATA / "mongodb").mkdir(parents=True)

    with lock_data_directory(tmp_path / DATA):
        refused = copy(tmp_path, database_uri)

    assert refused.returncode == 1
    assert "is in use by another server" in refused.stderr
    with MongoClient[dict[str, Any]](database_uri) as client:
        assert client.get_default_database().list_collection_names() == []


def test_mistakes_are_one_line_without_the_uri(tmp_path: Path) -> None:
    missing = copy(tmp_path, "mongodb://localhost")
    (tmp_path / DATA / "mongodb").mkdir(parents=True)
    wrong = copy(tmp_path, "mongodb://user:se:cret@localhost")

    for ended in (missing, wrong):
        assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
        assert "cret" not in ended.stderr


@pytest.mark.parametrize("arguments", [[], ["one"]])
def test_usage_is_printed(arguments: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, ROOT / "scripts" / "copy_data.py", *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert "DATA_DIR mongodb://" in ended.stderr
