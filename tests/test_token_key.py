import errno
import os
import stat
from pathlib import Path
from typing import NoReturn

import pytest
from pydantic import SecretStr

from graphql_auth.database import provide_database
from graphql_auth.environment import read_settings
from graphql_auth.errors import StartError
from graphql_auth.runtime import files
from graphql_auth.settings import Settings
from graphql_auth.token_key import (
    create_access_tokens,
    load_or_create_key,
    read_secrets,
    read_token_key,
)
from tests.conftest import KEY
from tests.services import Clock

PEM = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "token-key"


@pytest.mark.parametrize("start", ["", "\N{BYTE ORDER MARK}"])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_token_key_is_read_from_its_file(file: Path, start: str, end: str) -> None:
    file.write_bytes(f"{start}{KEY}{end}".encode())
    given = Settings(mongo_uri=SecretStr("mongodb://127.0.0.1:1"), token_key_file=file)

    with provide_database(given) as (settings, _):
        assert read_secrets(settings) == [KEY]
        # In the workers too, which get the completed settings.
        assert read_token_key(settings) == SecretStr(KEY)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"x" * 31 + b"\n", b"\xff" * 40, b"\0" * 40, b"x" * 40 + b"\0"),
        *(("x" * 40).encode(encoding) for encoding in ("utf-16-le", "utf-16-be", "utf-16")),
        *(b"x" * 40 + end + b"x" * 40 for end in (b"\n", b"\r", b"\r\n", b"\n\n")),
    ],
)
def test_unusable_token_key_file_is_named_without_its_content(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    with pytest.raises(StartError, match=f"TOKEN_KEY_FILE: {file}") as refused:
        read_token_key(Settings(token_key_file=file))
    assert "xxx" not in str(refused.value)


@pytest.mark.parametrize("content", [PEM, f"ssh-rsa {'x' * 40}"])
def test_token_key_file_that_is_no_secret_is_named(file: Path, content: str) -> None:
    file.write_text(content)

    with pytest.raises(StartError, match="TOKEN_KEY_FILE"):
        read_token_key(Settings(token_key_file=file))


def test_previous_key_is_another_one() -> None:
    key = SecretStr(KEY)

    with pytest.raises(StartError, match="TOKEN_KEY_PREVIOUS is the same as TOKEN_KEY") as refused:
        read_secrets(Settings(token_key=key, token_key_previous=key))
    assert KEY not in str(refused.value)


def test_missing_token_key_file_is_named(file: Path) -> None:
    with pytest.raises(StartError, match=f"TOKEN_KEY_FILE: {file} cannot be read: No such file"):
        read_token_key(Settings(token_key_file=file))


def test_token_key_and_its_file_exclude_each_other(file: Path) -> None:
    with pytest.raises(StartError, match="TOKEN_KEY and TOKEN_KEY_FILE") as refused:
        read_token_key(Settings(token_key=SecretStr(KEY), token_key_file=file))
    assert KEY not in str(refused.value)


def test_previous_key_that_is_no_secret_is_named() -> None:
    settings = Settings(token_key=SecretStr(KEY), token_key_previous=SecretStr(PEM))

    with pytest.raises(StartError, match="Invalid TOKEN_KEY_PREVIOUS"):
        create_access_tokens(settings, Clock())


@pytest.mark.parametrize("name", ["ISSUER", "AUDIENCE"])
@pytest.mark.parametrize(
    "value",
    [
        "a b",
        "a\nb",
        "a\n",
        "a:\u212a",
        '"a"',
        "a\\b",
        "https://é.example",
        "1:2",
        ":x",
        "x:",
        "x" * 201,
    ],
)
def test_claim_is_a_name_or_a_uri(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """RFC 7519 section 2: StringOrURI."""
    monkeypatch.setenv(name, value)

    with pytest.raises(StartError, match=f"Invalid {name}: expected a"):
        read_settings()


@pytest.mark.parametrize("name", ["ISSUER", "AUDIENCE"])
@pytest.mark.parametrize(
    "value",
    [
        *("https://user:pw@a.example", "HTTPS://pw@a/x", "http://pw@", "x://u:pw@a"),
        *("https:u:pw@a", "https:/u:pw@a", "https:///u:pw@a", "https://a?", "https://a#"),
        *("https://a?pw", "https://a/x?pw", "http://localhost#pw", "HTTPS://a#pw"),
    ],
)
def test_url_in_each_token_has_no_secret(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """RFC 8414 section 2: the issuer has no query and no fragment."""
    monkeypatch.setenv(name, value)

    with pytest.raises(StartError, match=f"^Invalid {name}: .* URL without") as refused:
        read_settings()
    with pytest.raises(StartError, match=f"^Invalid {name}: .* URL without") as invalid:
        Settings.model_validate({name.lower(): value})
    assert "pw" not in f"{refused.value}{invalid.value}"


@pytest.mark.parametrize(
    "value",
    [
        *("https://auth.example.com", "urn:example:auth", "accounts", "x", "HTTPS://A:8443/x/@y"),
        *("mailto:ada@example.com", "ada@example.com", "http://[::1]:4001/"),
    ],
)
def test_issuer_and_audience_are_in_the_tokens(value: str) -> None:
    clock = Clock()
    settings = Settings.model_validate({"token_key": KEY, "issuer": value, "audience": value})
    tokens = create_access_tokens(settings, clock)
    others = create_access_tokens(Settings(token_key=SecretStr(KEY)), clock)

    token = tokens.issue("6" * 24, "7" * 24, tokens.expiry()).value

    assert tokens.verify(token).subject == "6" * 24
    with pytest.raises(Exception, match="Sign in"):
        others.verify(token)


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
