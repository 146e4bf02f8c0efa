"""The keys that the settings name, and the one that the embedded MongoDB keeps."""

import secrets
from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from graphql_auth.errors import StartError
from graphql_auth.runtime.files import read_file, write_private_file
from graphql_auth.setting_types import MIN_KEY_BYTES
from graphql_auth.settings import Settings
from graphql_auth.tokens.access_tokens import AccessTokens
from graphql_auth.tokens.key_ring import KeyRing, secret_key


def read_token_key(settings: Settings) -> SecretStr | None:
    """Return TOKEN_KEY, or what TOKEN_KEY_FILE contains. Raises StartError."""
    if (path := settings.token_key_file) is None:
        return settings.token_key
    if settings.token_key:
        raise StartError("TOKEN_KEY and TOKEN_KEY_FILE are both set; unset one of them.")
    try:
        key = read_file(path).decode("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise StartError(f"TOKEN_KEY_FILE: {path} cannot be read: {reason}.") from None
    # NUL: UTF-16 without a byte order mark can be valid UTF-8.
    if len(key.encode()) < MIN_KEY_BYTES or {*"\0\r\n"} & {*key}:
        raise StartError(
            f"TOKEN_KEY_FILE: {path} is not one line of {MIN_KEY_BYTES} bytes or more."
        )
    secret_key(key, "TOKEN_KEY_FILE")
    return SecretStr(key)


def load_or_create_key(path: Path) -> str:
    """Return the key in ``path``, and create it with mode 0600 if it is missing.

    The caller has locked the directory. A crash leaves no incomplete key.

    Raises StartError when the file cannot be read or created, or other users can read it.
    """
    try:
        if not path.exists():
            write_private_file(path, secrets.token_urlsafe(MIN_KEY_BYTES).encode())
        if path.stat().st_mode & 0o077:
            raise StartError(f"{path} can be read by other users; run: chmod 600 {path}")
        key = read_file(path).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"{path} cannot be used as the token key: {error}") from None
    if len(key) < MIN_KEY_BYTES:
        raise StartError(
            f"{path} contains no key of at least {MIN_KEY_BYTES} bytes; delete it to create a new"
            " one (all users have to log in again), or set TOKEN_KEY."
        )
    return key


def read_secrets(settings: Settings) -> list[str]:
    """Return TOKEN_KEY, and TOKEN_KEY_PREVIOUS if it is set. Raises ValueError."""
    previous = settings.token_key_previous
    if previous and previous == settings.token_key:
        raise StartError("TOKEN_KEY_PREVIOUS is the same as TOKEN_KEY; unset it.")
    return [reveal(settings.token_key), *([previous.get_secret_value()] if previous else [])]


def reveal(value: SecretStr | None) -> str:
    """Return a secret that has to be set; raises ValueError if it is not."""
    if value is None:
        raise ValueError("an application needs MONGO_URI and TOKEN_KEY")
    return value.get_secret_value()


def create_access_tokens(settings: Settings, now: Callable[[], float]) -> AccessTokens:
    """Create what issues and verifies access tokens. Raises StartError for an unusable key."""
    names = "TOKEN_KEY", "TOKEN_KEY_PREVIOUS"
    ring = KeyRing(map(secret_key, read_secrets(settings), names), settings.signing_keys)
    return AccessTokens(ring, settings.token_ttl, now, settings.issuer, settings.audience)
