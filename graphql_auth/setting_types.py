"""The types of settings: what a text in the environment means, and when it is refused."""

import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from graphql_auth.errors import StartError
from graphql_auth.origins import normalize_origin

MIN_KEY_BYTES = 32
ORIGIN_FORM = "origins such as https://app.example.com, separated by commas"
# With TLS from the start, with STARTTLS, and without TLS.
SMTP_SCHEMES = {"smtps", "smtp", "smtp+plain"}
_DURATION = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
_UNITS["s"] = SECOND = timedelta(seconds=1)
DAY, HOUR, MINUTE = _UNITS["d"], _UNITS["h"], _UNITS["m"]


def _from_text(parse: Callable[[str], object]) -> BeforeValidator:
    return BeforeValidator(lambda given: parse(given.strip()) if isinstance(given, str) else given)


def _parse_duration(text: str) -> object:
    match = _DURATION.fullmatch(text)
    return int(match[1]) * _UNITS[match[2]] if match else text


def format_duration(value: timedelta) -> str:
    """Return a duration as the environment has it, such as ``90s`` or ``2h``."""
    unit = next((unit for unit, length in _UNITS.items() if value and not value % length), "s")
    return f"{value // _UNITS[unit]}{unit}"


def _check_scheme(uri: SecretStr) -> SecretStr:
    if not uri.get_secret_value().encode().startswith((b"mongodb://", b"mongodb+srv://")):
        raise ValueError
    return uri


def _check_length(key: SecretStr) -> SecretStr:
    if len(key.get_secret_value().encode()) < MIN_KEY_BYTES:
        raise ValueError
    return key


def _check_smtp_url(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    # A password with one of / ? # or a second @ ends the host too early.
    is_host_alone = parts.path in {"", "/"} and not parts.query and not parts.fragment
    if parts.scheme not in SMTP_SCHEMES or not parts.hostname or not is_host_alone:
        raise ValueError
    # Raises ValueError for a port that is none.
    if parts.port == 0 or bool(parts.username) != bool(parts.password):
        raise ValueError
    return url


def _normalize_origin(entry: str) -> str:
    try:
        return normalize_origin(entry)
    except ValueError:
        # It can contain a password or a token.
        shown = re.sub(r"//.*@|[?#].*", "…", entry)
        text = f"Invalid ALLOWED_ORIGINS: expected {ORIGIN_FORM}, not {shown!r}."
        raise StartError(text) from None


Origin = Annotated[str, AfterValidator(_normalize_origin)]
MongoUri = Annotated[SecretStr, AfterValidator(_check_scheme)]
TokenKey = Annotated[SecretStr, AfterValidator(_check_length)]
HomePath = Annotated[Path, AfterValidator(lambda path: Path(os.path.expanduser(path)))]  # noqa: PTH111 - it never raises
SmtpUrl = Annotated[SecretStr, AfterValidator(_check_smtp_url)]
# strict: neither the seconds nor the ISO 8601 that pydantic would accept.
Duration = Annotated[timedelta, Field(strict=True), _from_text(_parse_duration)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Port = Annotated[int, Field(ge=0, le=65_535)]
LOWER_CASE = _from_text(str.lower)
COMMA_SEPARATED = _from_text(lambda text: [one.strip().lower() for one in text.split(",")])
NONE_IF_OFF = _from_text(lambda text: None if text.lower() == "off" else text)
# StringOrURI (RFC 7519 section 2): a colon makes it a URI, which begins with its scheme. A URL is
# as in RFC 8414 section 2, since each token would have its credentials.
_CLAIM = re.compile(
    r"\A(?!(?i:https?):(?!//[^/])|[^:]+://([^/]*@|.*[?#]))"
    r"([A-Za-z][A-Za-z0-9+.-]*:[!#-\[\]-~]+|[!#-9;-\[\]-~]+)\Z"
)
Claim = Annotated[str, Field(pattern=_CLAIM, max_length=200)]
