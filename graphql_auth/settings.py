"""The settings: read once from the environment or a .env file, then handed on as plain values."""

import re
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, cast

from pydantic import (
    BeforeValidator,
    Field,
    HttpUrl,
    IPvAnyNetwork,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from graphql_auth.errors import StartError

SHORTEST_KEY = 32

_DURATION = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class TokenSource(StrEnum):
    """A place in a request where an access token may stand."""

    AUTHORIZATION = "authorization"
    X_ACCESS_TOKEN = "x-access-token"  # noqa: S105 - the name of a header
    QUERY = "query"
    BODY = "body"


def duration(text: object) -> object:
    """Read ``90s``, ``15m``, ``2h`` or ``30d``; anything else but a timedelta is refused."""
    if isinstance(text, timedelta):
        return text
    match = _DURATION.fullmatch(str(text).strip())
    if match is None:
        raise ValueError("a number and a unit, such as 90s, 15m, 2h or 30d")
    number, unit = match.groups()
    return timedelta(**{_UNITS[unit]: int(number)})


Duration = Annotated[timedelta, BeforeValidator(duration)]
# RFC 6454 section 6.2: as a browser sends it in the header Origin, so without a path.
Origin = Annotated[str, Field(pattern=r"^https?://[a-z0-9.\-\[\]:]+$")]
Limit = Annotated[int, Field(ge=1, le=1_000_000)]
Port = Annotated[int, Field(ge=0, le=65535)]


def none_if_off(value: object) -> object:
    """Read ``off`` as no limit at all."""
    return None if isinstance(value, str) and value.strip().lower() == "off" else value


OptionalLimit = Annotated[Limit | None, BeforeValidator(none_if_off)]

LIMITS = [
    "MAX_QUERY_TOKENS",
    "MAX_QUERY_DIRECTIVES",
    "MAX_QUERY_DEPTH",
    "MAX_QUERY_ALIASES",
    "MAX_QUERY_ROOT_FIELDS",
    "MAX_QUERY_FIELDS",
    "MAX_QUERY_COMPARISONS",
    "MAX_QUERY_VARIABLES",
]

# What each setting takes, in the words of the one line that refuses a wrong value.
TAKES = {
    "MONGO_URI": "a MongoDB address, mongodb://… or mongodb+srv://…",
    "DATA_DIR": "the path of a directory",
    "TOKEN_KEY": f"a secret of at least {SHORTEST_KEY} bytes",
    "HOST": "a host name or an IP address",
    "PORT": "a whole number from 0 to 65535 (0: any free port)",
    "API_PORT": "a whole number from 0 to 65535 (0: any free port)",
    "TOKEN_TTL": "a time from 1s to 30d, such as 90s, 15m or 2h",
    "SESSION_IDLE_TTL": "a time from 1m to 400d, such as 30d",
    "SESSION_TTL": "a time from 1m to 400d, such as 90d",
    "MAX_SESSIONS_PER_USER": "a whole number from 1 to 1000000, or off",
    "REFRESH_GRACE": "a time from 0s to 5m, such as 30s",
    "REVOCATION_MAX_STALENESS": "a time from 1s to 1h, such as 30s",
    "PASSWORD_MIN_LENGTH": "a whole number of characters from 8 to 64",
    "BREACHED_PASSWORDS": "on, off, or the address of a mirror of Have I Been Pwned",
    "MAX_FAILURES_PER_ADDRESS": "a whole number from 1 to 1000000",
    "MAX_REGISTRATIONS_PER_ADDRESS": "a whole number from 1 to 1000000",
    "BCRYPT_ROUNDS": "a whole number from 4 to 16 (each step doubles the work)",
    "TOKEN_SOURCES": f"one or more of {', '.join(TokenSource)}, separated by commas",
    "ALLOWED_ORIGINS": "addresses such as https://app.example.com, separated by commas",
    "TRUSTED_PROXIES": "addresses or networks such as 10.0.0.0/8, separated by commas",
    "INTROSPECTION": "on or off",
    "REQUEST_READ_TIMEOUT": "a time from 1s to 1h, such as 10s",
    "REQUEST_TIMEOUT": "a time from 1s to 1h, such as 30s",
    "MAX_CONCURRENT_REQUESTS": "a whole number from 1 to 1000000",
    "MAX_BODY_SIZE": "a whole number of bytes from 1000 to 10000000",
    **dict.fromkeys(LIMITS, "a whole number from 1 to 1000000"),
}


SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
DURATIONS = {
    "token_ttl": (SECOND, timedelta(days=30)),
    "session_idle_ttl": (MINUTE, timedelta(days=400)),
    "session_ttl": (MINUTE, timedelta(days=400)),
    "refresh_grace": (timedelta(), 5 * MINUTE),
    "revocation_max_staleness": (SECOND, HOUR),
    "request_read_timeout": (SECOND, HOUR),
    "request_timeout": (SECOND, HOUR),
}


class Settings(BaseSettings):
    """Every setting of the server; ``.env.example`` describes each for its operator."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    mongo_uri: SecretStr | None = None
    data_dir: Path = Path("graphql-auth-data")
    token_key: SecretStr | None = None
    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Port | None = None
    api_port: Port = 4001
    token_ttl: Duration = timedelta(hours=2)
    session_idle_ttl: Duration = timedelta(days=30)
    session_ttl: Duration = timedelta(days=90)
    max_sessions_per_user: OptionalLimit = 100
    refresh_grace: Duration = timedelta(seconds=30)
    revocation_max_staleness: Duration = timedelta(seconds=30)
    password_min_length: Annotated[int, Field(ge=8, le=64)] = 8
    breached_passwords: bool | HttpUrl = False
    max_failures_per_address: Limit = 100
    max_registrations_per_address: Limit = 500
    bcrypt_rounds: Annotated[int, Field(ge=4, le=16)] = 12
    token_sources: Annotated[frozenset[TokenSource], NoDecode] = frozenset(
        {TokenSource.AUTHORIZATION, TokenSource.X_ACCESS_TOKEN}
    )

    allowed_origins: Annotated[frozenset[Origin], NoDecode] = frozenset()
    trusted_proxies: Annotated[frozenset[IPvAnyNetwork], NoDecode] = frozenset()
    introspection: bool = True
    request_read_timeout: Duration = timedelta(seconds=10)
    request_timeout: Duration = timedelta(seconds=30)
    max_concurrent_requests: Limit = 1_000
    max_body_size: Annotated[int, Field(ge=1_000, le=10_000_000)] = 131_072
    max_query_tokens: Limit = 2_000
    max_query_directives: Limit = 50
    max_query_depth: Limit = 20
    max_query_aliases: Limit = 50
    max_query_root_fields: Limit = 20
    max_query_fields: Limit = 1_000
    max_query_comparisons: Limit = 10_000
    max_query_variables: Limit = 20_000

    @property
    def listening_port(self) -> int:
        """``PORT``, else ``API_PORT``, the name that the Node.js original used."""
        return self.api_port if self.port is None else self.port

    @field_validator("mongo_uri")
    @classmethod
    def _is_a_mongodb_uri(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(
            ("mongodb://", "mongodb+srv://")
        ):
            raise ValueError
        return value

    @field_validator("token_key")
    @classmethod
    def _is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < SHORTEST_KEY:
            raise ValueError
        return value

    @field_validator(*DURATIONS)
    @classmethod
    def _is_a_sensible_time(cls, value: timedelta, info: ValidationInfo) -> timedelta:
        shortest, longest = DURATIONS[cast("str", info.field_name)]
        if not shortest <= value <= longest:
            raise ValueError
        return value

    @field_validator("token_sources", "allowed_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return [part.strip().lower() for part in value.split(",")]


def read_settings(**overrides: object) -> Settings:
    """Read the settings; what is given here goes before the environment.

    Raises StartError with one line that names the first wrong setting and what it takes. The
    value itself is not repeated, for it may be a secret.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except (OSError, UnicodeError):
        raise StartError(".env cannot be read; it takes lines NAME=value in UTF-8.") from None
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0]).upper()
        raise StartError(f"{name} is wrong: it takes {TAKES[name]}.") from None
