"""The keys that the settings name."""

from collections.abc import Callable
from pathlib import Path

from pydantic import SecretStr

from graphql_auth.errors import StartError
from graphql_auth.runtime.files import read_file
from graphql_auth.setting_types import MIN_KEY_BYTES
from graphql_auth.settings import Settings
from graphql_auth.tokens.access_tokens import AccessTokens
from graphql_auth.tokens.token_keys import KeyRing, TokenKeys, secret_key

MISSING_EXTRA = "SIGNING_KEYS needs the package cryptography: pip install 'graphql-auth[keys]'"


def read_token_key(settings: Settings) -> SecretStr | None:
    """Return TOKEN_KEY, or what TOKEN_KEY_FILE contains. Raises StartError."""
    if settings.token_key_file is None:
        return settings.token_key
    if settings.token_key:
        raise StartError("TOKEN_KEY and TOKEN_KEY_FILE are both set; unset one of them.")
    try:
        key = read_file(path := settings.token_key_file).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise StartError(f"TOKEN_KEY_FILE: {path} cannot be read: {reason}.") from None
    if len(key.encode()) < MIN_KEY_BYTES:
        raise StartError(f"TOKEN_KEY_FILE: {path} has no secret of {MIN_KEY_BYTES} bytes or more.")
    return SecretStr(key)


def token_secrets(settings: Settings) -> list[str]:
    """Return TOKEN_KEY, then TOKEN_KEY_PREVIOUS if it is set; raises ValueError without a key."""
    if settings.token_key is None:
        raise ValueError("an application needs MONGO_URI and TOKEN_KEY")
    keys = [settings.token_key, settings.token_key_previous]
    return [key.get_secret_value() for key in keys if key]


def create_access_tokens(settings: Settings, now: Callable[[], float]) -> AccessTokens:
    """Create what issues and verifies access tokens, by the clock ``now``.

    Raises StartError when a key cannot be used, and ValueError without TOKEN_KEY.
    """
    names = settings.issuer, settings.audience
    return AccessTokens(_create_key_ring(settings), settings.token_ttl, now, *names)


def _create_key_ring(settings: Settings) -> KeyRing:
    names = "TOKEN_KEY", "TOKEN_KEY_PREVIOUS"
    secrets = [secret_key(*pair) for pair in zip(token_secrets(settings), names, strict=False)]
    if settings.signing_keys is None:
        return KeyRing(TokenKeys(secrets))
    check_extra()
    from graphql_auth.tokens.signing_keys import SigningKeys  # noqa: PLC0415 - of an extra

    return SigningKeys(settings.signing_keys, secrets)


def check_extra() -> None:
    """Raise StartError unless the extra ``keys`` is installed."""
    try:
        import cryptography  # noqa: F401, PLC0415 - of an extra
    except ImportError:
        raise StartError(MISSING_EXTRA) from None


def signing_directory(settings: Settings) -> Path:
    """Return SIGNING_KEYS; raises StartError if it is unset."""
    if settings.signing_keys is None:
        raise StartError(
            "SIGNING_KEYS is not set. It is the directory of the keys; set it for the server too,"
            " in .env for instance: SIGNING_KEYS=signing-keys"
        )
    return settings.signing_keys
