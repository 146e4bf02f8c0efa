import asyncio
import json
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
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

from graphql_auth.errors import StartError, Unauthenticated
from graphql_auth.tokens.access_tokens import AccessTokens
from graphql_auth.tokens.signing_keys import (
    GENERATORS,
    create_key,
    read_files,
    to_token_key,
)
from graphql_auth.tokens.token_keys import KeyRing, TokenKey, encode_segment, secret_key
from tests.services import Clock

SECRET = secret_key("k" * 32)
HOUR = 3600
USER, SESSION = "65f000000000000000000001", "65f000000000000000000002"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def add_key(keys: Path, seconds_ago: float, algorithm: str = "ES256") -> str:
    kid = create_key(keys, algorithm).jwk["kid"]
    set_age(keys / f"{kid}.pem", seconds_ago)
    return kid


def set_age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def kid_of(key: TokenKey) -> str:
    return key.jwk.get("kid", "HS256")


def poll(ring: KeyRing) -> None:
    asyncio.run(ring.poll())


def access_tokens(ring: KeyRing) -> AccessTokens:
    return AccessTokens(ring, timedelta(minutes=1), Clock())


def issue(tokens: AccessTokens) -> str:
    return tokens.issue(USER, SESSION, tokens.expiry()).value


def is_valid(tokens: AccessTokens, token: str) -> bool:
    with suppress(Unauthenticated):
        return tokens.verify(token).subject == USER
    return False


def pem(private: object, encryption: KeySerializationEncryption | None = None) -> bytes:
    return private.private_bytes(  # type: ignore[attr-defined, no-any-return]
        Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()
    )


@pytest.mark.parametrize(
    ("ages", "signing"),
    [
        ([0], 0),
        ([0, 60], 1),
        ([0, 2 * HOUR], 1),
        ([HOUR + 1, 2 * HOUR], 0),
        ([HOUR - 60, HOUR + 60, 9 * HOUR], 1),
        ([-HOUR], 0),
        ([-HOUR, 0], 1),
        ([-HOUR, 2 * HOUR], 1),
    ],
)
def test_newest_key_that_is_an_hour_old_signs(keys: Path, ages: list[float], signing: int) -> None:
    kids = [add_key(keys, age) for age in ages]

    ring = KeyRing([SECRET], keys)

    assert kid_of(ring.signing) == kids[signing]
    assert {jwk["kid"] for jwk in ring.published} == set(kids)


def test_key_signs_an_hour_after_it_was_made(keys: Path) -> None:
    old = add_key(keys, 9 * HOUR)
    ring = KeyRing([SECRET], keys)
    tokens = access_tokens(ring)
    earlier = issue(tokens)
    new = add_key(keys, 0)
    poll(ring)
    assert kid_of(ring.signing) == old

    set_age(keys / f"{new}.pem", HOUR + 1)
    poll(ring)
    assert kid_of(ring.signing) == new
    assert is_valid(tokens, earlier)
    assert is_valid(tokens, issue(tokens))


def test_empty_directory_has_the_secret_sign(keys: Path) -> None:
    keys.mkdir()
    ring = KeyRing([SECRET], keys)
    tokens = access_tokens(ring)
    earlier = issue(tokens)
    assert ring.signing is SECRET
    assert ring.published == []

    kid = add_key(keys, 0)
    poll(ring)
    assert kid_of(ring.signing) == kid
    assert is_valid(tokens, earlier)


def test_previous_secret_verifies() -> None:
    old, new = "o" * 32, "n" * 32
    earlier = issue(access_tokens(KeyRing([secret_key(old)])))
    both = access_tokens(KeyRing([secret_key(new), secret_key(old)]))

    assert is_valid(both, earlier)
    assert is_valid(access_tokens(KeyRing([secret_key(new)])), issue(both))
    assert not is_valid(access_tokens(KeyRing([secret_key(new)])), earlier)


def test_token_of_a_retired_key_is_refused_although_it_was_verified(keys: Path) -> None:
    add_key(keys, 3 * HOUR)
    ring = KeyRing([SECRET], keys)
    tokens = access_tokens(ring)
    old = issue(tokens)
    add_key(keys, 2 * HOUR)
    poll(ring)
    new = issue(tokens)
    assert is_valid(tokens, old)
    assert is_valid(tokens, new)

    (keys / f"{ring.published[0]['kid']}.pem").unlink()
    poll(ring)
    assert not is_valid(tokens, old)
    assert is_valid(tokens, new)


def test_token_of_an_unknown_key_has_the_directory_read_once_a_second(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_key(keys, 9 * HOUR)
    ring = KeyRing([SECRET], keys)
    add_key(keys, 2 * HOUR)
    token = issue(access_tokens(KeyRing([SECRET], keys)))
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    ring._read_again_at = now + 1  # noqa: SLF001
    assert not is_valid(access_tokens(ring), token)

    now += 1
    assert is_valid(access_tokens(ring), token)


def test_known_file_is_not_parsed_again(keys: Path) -> None:
    add_key(keys, 9 * HOUR)
    ring = KeyRing([SECRET], keys)
    before = ring.signing

    poll(ring)
    assert ring.signing is before


def test_ring_without_a_directory_stays_as_it_is() -> None:
    ring = KeyRing([SECRET])
    poll(ring)
    assert ring.find("unknown") == []
    assert ring.signing is SECRET


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

    assert f"SIGNING_KEYS: {keys} is empty, so TOKEN_KEY signs" in caplog.text


def test_repr_of_a_file_hides_the_key(keys: Path) -> None:
    add_key(keys, 0)

    files, problems = read_files(keys, {})

    assert problems == {}
    assert "PRIVATE" not in repr(files)


def test_key_is_not_made_where_others_can_write(keys: Path) -> None:
    keys.mkdir()
    keys.chmod(0o777)

    with pytest.raises(StartError, match="others can write to it"):
        create_key(keys, "ES256")

    assert [*keys.iterdir()] == []


def test_copy_of_a_key_is_as_old_as_the_key(keys: Path) -> None:
    old, between = add_key(keys, 9 * HOUR), add_key(keys, 5 * HOUR)
    shutil.copyfile(keys / f"{old}.pem", copy := keys / "copy.pem")
    copy.chmod(0o600)
    set_age(copy, 2 * HOUR)

    ring = KeyRing([SECRET], keys)

    assert [jwk["kid"] for jwk in ring.published] == [old, between]
    assert kid_of(ring.signing) == between


@pytest.mark.parametrize(
    ("algorithm", "members"),
    [("ES256", "crv kty x y"), ("EdDSA", "crv kty x"), ("RS256", "e kty n")],
)
def test_published_key_has_public_members_and_its_thumbprint(
    keys: Path, algorithm: str, members: str
) -> None:
    """RFC 7638 section 3, RFC 7517 section 4, RFC 8037 section 2."""
    add_key(keys, 0, algorithm)
    (jwk,) = KeyRing([], keys).published

    names = members.split()
    hashed = json.dumps({name: jwk[name] for name in names}, separators=(",", ":")).encode()
    kid = encode_segment(sha256(hashed).digest())
    expected = {name: jwk[name] for name in names}
    assert jwk == expected | {"kid": kid, "use": "sig", "alg": algorithm}
    assert to_token_key(GENERATORS[algorithm]()).jwk["kid"] != kid


def test_new_key_is_a_file_for_its_owner_only(keys: Path) -> None:
    before = os.umask(0)
    try:
        kid = add_key(keys / "deep", 0)
    finally:
        os.umask(before)

    (file,) = (keys / "deep").iterdir()
    assert file.name == f"{kid}.pem"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_id_of_a_new_key_does_not_look_like_an_option(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: dict[bool, tuple[object, str]] = {}
    while len(found) < 2:
        private = GENERATORS["EdDSA"]()
        kid = to_token_key(private).jwk["kid"]
        found[kid.startswith("-")] = private, kid
    generated = iter([found[True][0], found[False][0]])
    monkeypatch.setitem(GENERATORS, "EdDSA", lambda: next(generated))

    assert create_key(keys, "EdDSA").jwk["kid"] == found[False][1]


def test_without_the_extra_nothing_of_it_is_imported(keys: Path) -> None:
    keys.mkdir()
    code = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from pathlib import Path\n"
        "from graphql_auth.errors import StartError\n"
        "from graphql_auth.tokens.token_keys import KeyRing, secret_key\n"
        "ring = KeyRing([secret_key('k' * 32)])\n"
        "assert ring.signing.sign({})\n"
        "try: KeyRing([], Path(sys.argv[1]))\n"
        "except StartError as error: print(error)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, keys], capture_output=True, text=True, check=True
    )
    assert ended.stdout == (
        "SIGNING_KEYS needs the package cryptography, of the extra keys: pip install '.[keys]'\n"
    )
