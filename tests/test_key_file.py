import errno
import os
import stat
from pathlib import Path
from typing import NoReturn

import pytest

from graphql_auth.errors import StartError
from graphql_auth.keys import load_or_create_key
from graphql_auth.runtime import files


def test_key_is_created_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "token.key"

    key = load_or_create_key(path)

    assert len(key) >= 32
    assert load_or_create_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["token.key"]


def test_no_two_keys_are_alike(tmp_path: Path) -> None:
    assert load_or_create_key(tmp_path / "one") != load_or_create_key(tmp_path / "other")


def test_crash_during_creation_leaves_no_incomplete_key(tmp_path: Path) -> None:
    (tmp_path / "token.unfinished").write_text("half", encoding="ascii")

    assert len(load_or_create_key(tmp_path / "token.key")) >= 32


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token.key"
    load_or_create_key(path)
    path.chmod(0o644)

    with pytest.raises(StartError, match=r"by other users; run: chmod 600 .*token\.key"):
        load_or_create_key(path)


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 40])
def test_file_without_a_key_is_refused_and_not_shown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token.key"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(StartError) as refused:
        load_or_create_key(path)

    assert str(path) in str(refused.value)
    assert "short" not in str(refused.value)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot be used as the token key"):
        load_or_create_key(tmp_path / "missing" / "token.key")


def test_fifo_without_a_writer_does_not_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "FIFO_TIMEOUT", 0)
    os.mkfifo(tmp_path / "token.key", 0o600)

    with pytest.raises(StartError, match="no data for 0 seconds"):
        load_or_create_key(tmp_path / "token.key")


def test_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)

    with pytest.raises(StartError, match="No space left"):
        load_or_create_key(tmp_path / "token.key")

    assert [*tmp_path.iterdir()] == []
