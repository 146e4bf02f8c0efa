import json
import os
import shutil
import stat
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest

from graphql_auth.errors import StartError
from graphql_auth.tokens.key_files import GENERATORS, create_key, to_signing_key
from graphql_auth.tokens.key_ring import KeyRing, encode_segment, secret_key
from tests.tokens.key_directory import (
    HOUR,
    SECRET,
    access_tokens,
    add_key,
    is_valid,
    issue,
    kid_of,
    poll,
    set_age,
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
    assert to_signing_key(GENERATORS[algorithm]()).jwk["kid"] != kid


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
        kid = to_signing_key(private).jwk["kid"]
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
        "from graphql_auth.tokens.key_ring import KeyRing, secret_key\n"
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
