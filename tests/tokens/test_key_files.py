"""Which files of SIGNING_KEYS are used, and which are refused."""

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from graphql_auth.errors import StartError
from graphql_auth.tokens.key_files import GENERATORS, read_files
from graphql_auth.tokens.key_ring import KeyRing
from tests.tokens.key_directory import (
    HOUR,
    SECRET,
    access_tokens,
    add_key,
    is_valid,
    issue,
    kid_of,
    poll,
)


def pem(private: object, encryption: KeySerializationEncryption | None = None) -> bytes:
    return private.private_bytes(  # type: ignore[attr-defined, no-any-return]
        Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()
    )


def encrypted() -> bytes:
    return pem(GENERATORS["ES256"](), BestAvailableEncryption(b"password"))


def public() -> bytes:
    key = GENERATORS["ES256"]().public_key()
    return bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


UNUSABLE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.touch(),
    "half": lambda path: path.write_bytes(pem(GENERATORS["ES256"]())[:100]),
    "binary": lambda path: path.write_bytes(bytes(range(256))),
    "public": lambda path: path.write_bytes(public()),
    "encrypted": lambda path: path.write_bytes(encrypted()),
    "two keys": lambda path: path.write_bytes(b"".join(pem(new()) for new in GENERATORS.values())),
    "P-384": lambda path: path.write_bytes(pem(ec.generate_private_key(ec.SECP384R1()))),
    "secp256k1": lambda path: path.write_bytes(pem(ec.generate_private_key(ec.SECP256K1()))),
    "Ed448": lambda path: path.write_bytes(pem(ed448.Ed448PrivateKey.generate())),
    "RSA 2048": lambda path: path.write_bytes(pem(rsa.generate_private_key(65537, 2048))),
    "directory": lambda path: path.mkdir(),
    "FIFO": os.mkfifo,
    "dangling": lambda path: path.symlink_to("missing"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_unusable_file_is_named_and_the_keys_stay(
    kind: str, keys: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add_key(keys, 9 * HOUR)
    ring = KeyRing([SECRET], keys)
    token = issue(access_tokens(ring))
    path = keys / "new.pem"
    UNUSABLE[kind](path)
    if not path.is_symlink():
        path.chmod(0o700)

    with pytest.raises(StartError, match=f"SIGNING_KEYS.*{path}"):
        KeyRing([SECRET], keys)
    for _ in range(2):
        poll(ring)
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert str(path) in record.message
    assert record.exc_info is None
    assert is_valid(access_tokens(ring), token)

    path.rmdir() if path.is_dir() else path.unlink()
    poll(ring)
    path.touch()
    poll(ring)
    assert len(caplog.records) == 2


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o604, 0o602])
def test_file_that_others_can_read_or_change_is_refused(keys: Path, mode: int) -> None:
    path = keys / f"{add_key(keys, 0)}.pem"
    path.chmod(mode)

    with pytest.raises(StartError, match=f"chmod 600 {path}"):
        KeyRing([SECRET], keys)


def test_group_may_read_a_file_of_root(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Kubernetes makes them for a pod with another user."""
    path = keys / f"{add_key(keys, 0)}.pem"
    path.chmod(0o440)
    real, read_status = path.stat(), Path.stat

    def pretend(mode: int, owner: int) -> None:
        status = os.stat_result((stat.S_IFREG | mode, *real[1:4], owner, *real[5:]))
        found = {path: status}
        monkeypatch.setattr(
            Path, "stat", lambda self, **options: found.get(self) or read_status(self, **options)
        )

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    pretend(0o440, 0)
    assert KeyRing([SECRET], keys).published
    for mode, owner in ((0o444, 0), (0o440, keys.stat().st_uid or 1000), (0o600, 1001)):
        pretend(mode, owner)
        with pytest.raises(StartError, match="others own or can read"):
            KeyRing([SECRET], keys)


def test_directory_that_others_can_write_to_is_refused(keys: Path) -> None:
    add_key(keys, 0)
    keys.chmod(0o1777)
    assert KeyRing([SECRET], keys).published

    for mode in (0o770, 0o707):
        keys.chmod(mode)
        with pytest.raises(StartError, match=f"chmod 700 {keys}"):
            KeyRing([SECRET], keys)


def test_file_in_place_of_the_directory_is_refused(keys: Path) -> None:
    """A directory that cannot be listed is not an empty one, with which TOKEN_KEY would sign."""
    keys.touch()

    with pytest.raises(StartError, match=f"cannot read {keys} .Not a directory"):
        KeyRing([SECRET], keys)


def test_missing_directory_is_refused_at_the_start_only(
    keys: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(StartError, match="graphql-auth keys new"):
        KeyRing([SECRET], keys)
    kid = add_key(keys, 0)
    ring = KeyRing([SECRET], keys)

    shutil.move(keys, away := keys.with_name("away"))
    poll(ring)
    keys.mkdir()
    poll(ring)
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert kid_of(ring.signing) == kid

    keys.rmdir()
    shutil.move(away, keys)
    poll(ring)
    assert kid_of(ring.signing) == kid
    assert len(caplog.records) == 2


def test_file_that_is_removed_while_the_directory_is_read_is_skipped(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kid = add_key(keys, 0)
    listed = [keys / "retired.pem", keys / f"{kid}.pem"]
    monkeypatch.setattr(Path, "iterdir", lambda _: iter(listed))

    assert [jwk["kid"] for jwk in KeyRing([SECRET], keys).published] == [kid]


def test_key_is_retired_beside_a_file_that_cannot_be_used(
    keys: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old, current = add_key(keys, 3 * HOUR), add_key(keys, 2 * HOUR)
    ring = KeyRing([SECRET], keys)
    (keys / "copied.pem").write_bytes(b"")
    (keys / "copied.pem").chmod(0o600)

    (keys / f"{old}.pem").unlink()
    poll(ring)
    assert [jwk["kid"] for jwk in ring.published] == [current]
    assert caplog.text.count("copied.pem") == 1

    # What is known of a file that is damaged stays.
    (keys / f"{current}.pem").write_bytes(b"")
    poll(ring)
    assert [jwk["kid"] for jwk in ring.published] == [current]


def test_start_with_an_empty_directory_says_what_signs(
    keys: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys.mkdir()

    KeyRing([SECRET], keys)

    assert f"SIGNING_KEYS: {keys} has no file *.pem, so TOKEN_KEY signs" in caplog.text


def test_repr_of_a_file_hides_the_key(keys: Path) -> None:
    add_key(keys, 0)

    files, problems = read_files(keys, {})

    assert problems == {}
    assert "PRIVATE" not in repr(files)
