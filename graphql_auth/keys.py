"""The keys that the settings name."""

from collections.abc import Callable

from pydantic import SecretStr

from graphql_auth.errors import StartError
from graphql_auth.runtime.files import read_file
from graphql_auth.setting_types import MIN_KEY_BYTES
from graphql_auth.settings import Settings
from graphql_auth.tokens.access_tokens import AccessTokens
from graphql_auth.tokens.token_keys import KeyRing, secret_key


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
    secrets = map(secret_key, read_secrets(settings), names)
    ring = KeyRing(secrets, settings.signing_keys)
    return AccessTokens(ring, settings.token_ttl, now, settings.issuer, settings.audience)
