import errno
import json
import os
import re
import shutil
import time
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from graphql_auth.cli.main import run
from graphql_auth.tokens.key_files import create_key
from tests.tokens.keys import new_key, write_key

HOUR = 3600


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGNING_KEYS", "keys")
    return tmp_path / "keys"


def add_key(keys: Path, seconds_ago: float) -> str:
    kid = create_key(keys, "EdDSA").jwk["kid"]
    os.utime(keys / f"{kid}.pem", (time.time() - seconds_ago,) * 2)
    return kid


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_new_key_is_listed(keys: Path, algorithm: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "new", "--algorithm", algorithm]) == 0
    (file,) = keys.iterdir()
    assert capsys.readouterr().out == f"The key {file.stem} ({algorithm}) is in keys.\n"

    assert run(["keys", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert (listed["kid"], listed["algorithm"]) == (file.stem, algorithm)
    assert listed["state"] == "signs"


def test_list_says_which_key_signs_and_when_the_others_do(
    keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, current, new = (add_key(keys, age) for age in (3 * HOUR, 2 * HOUR, 0))

    assert run(["keys", "list"]) == 0

    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == [old, current, new]
    assert [line[3].partition(" from ")[0] for line in lines] == ["verifies", "signs", "signs"]
    made = lines[2][2].removeprefix("since ")
    signs = lines[2][3].removeprefix("signs from ")
    parsed = [time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) for text in (made, signs)]
    assert parsed[1] - parsed[0] == HOUR


def test_retire_removes_a_key_that_does_not_sign(
    keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, current = add_key(keys, 3 * HOUR), add_key(keys, 2 * HOUR)

    assert run(["keys", "retire", old]) == 0
    assert [file.stem for file in keys.iterdir()] == [current]
    assert f"The key {old} is removed." in capsys.readouterr().out


def test_retire_takes_an_id_that_begins_with_a_dash(
    keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_key(keys, 2 * HOUR)
    keys_of_others = map(partial(new_key, "EdDSA"), count())
    imported = next(key for key in keys_of_others if re.match("-[^-]", key.kid))
    write_key(keys, imported)

    with pytest.raises(SystemExit, match="2"):
        run(["keys", "retire", imported.kid])
    assert "Write -- before an argument that begins with -." in capsys.readouterr().err
    assert run(["keys", "retire", "--", imported.kid]) == 0
    assert f"The key {imported.kid} is removed." in capsys.readouterr().out


def test_retire_of_the_key_that_signs_needs_force(
    keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    current, new = add_key(keys, 2 * HOUR), add_key(keys, 0)

    assert run(["keys", "retire", current]) == 1
    assert "--force" in capsys.readouterr().err
    assert run(["keys", "retire", current, "--force"]) == 0
    assert [file.stem for file in keys.iterdir()] == [new]

    # Otherwise a running server would keep it.
    assert run(["keys", "retire", new, "--force"]) == 1
    assert "graphql-auth keys new" in capsys.readouterr().err


def test_retire_removes_all_copies_of_a_key(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, current = add_key(keys, 3 * HOUR), add_key(keys, 2 * HOUR)
    shutil.copy2(keys / f"{old}.pem", keys / "copy.pem")
    (keys / "broken.pem").write_bytes(b"")

    assert run(["keys", "retire", old]) == 0

    assert sorted(path.stem for path in keys.iterdir()) == sorted(["broken", current])
    assert "broken.pem" in capsys.readouterr().err


def test_directory_that_cannot_be_made_is_named(
    keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys.write_bytes(b"")

    assert run(["keys", "new"]) == 1

    assert capsys.readouterr().err == (
        "graphql-auth: SIGNING_KEYS: cannot write to keys (File exists).\n"
    )


def test_key_that_cannot_be_removed_names_the_setting(
    keys: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old, _ = add_key(keys, 3 * HOUR), add_key(keys, 2 * HOUR)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)

    assert run(["keys", "retire", old]) == 1
    assert capsys.readouterr().err == (
        "graphql-auth: SIGNING_KEYS: cannot write to keys (Permission denied).\n"
    )


def test_unknown_key_is_not_retired(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_key(keys, 0)

    assert run(["keys", "retire", "../keys"]) == 1
    assert capsys.readouterr().err == (
        "graphql-auth: keys has no key ../keys. See: graphql-auth keys list\n"
    )


def test_commands_need_the_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    for command in ("new", "list"):
        assert run(["keys", command]) == 1
        assert "SIGNING_KEYS is not set" in capsys.readouterr().err


def test_missing_directory_says_how_to_make_it(
    keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["keys", "list"]) == 1
    assert "graphql-auth keys new" in capsys.readouterr().err
    keys.touch()
    assert run(["keys", "new"]) == 1
    assert "keys" in capsys.readouterr().err
