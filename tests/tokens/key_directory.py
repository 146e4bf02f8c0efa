"""A directory of signing keys, and tokens of its keys."""

import asyncio
import os
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from graphql_auth.errors import Unauthenticated
from graphql_auth.tokens.access_tokens import AccessTokens
from graphql_auth.tokens.key_files import create_key
from graphql_auth.tokens.key_ring import KeyRing, SigningKey, secret_key
from tests.services import Clock

SECRET = secret_key("k" * 32)
HOUR = 3600
USER, SESSION = "65f000000000000000000001", "65f000000000000000000002"


def add_key(keys: Path, seconds_ago: float, algorithm: str = "ES256") -> str:
    kid = create_key(keys, algorithm).jwk["kid"]
    set_age(keys / f"{kid}.pem", seconds_ago)
    return kid


def set_age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def kid_of(key: SigningKey) -> str:
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
