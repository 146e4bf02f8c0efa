"""The settings: read once from the environment or a file .env, then passed on as plain values."""

from contextlib import suppress
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    IPvAnyNetwork,
    ModelWrapValidatorHandler,
    NameEmail,
    ValidationError,
    model_validator,
)
from pydantic_core import Url

from graphql_auth.accounts.features import RegistrationMode
from graphql_auth.errors import StartError
from graphql_auth.logs import LogFormat
from graphql_auth.origins import DevOrigins, is_local, parse_origin
from graphql_auth.setting_types import (
    COMMA_SEPARATED,
    DAY,
    HOUR,
    LOWER_CASE,
    MIN_KEY_BYTES,
    MINUTE,
    NONE_IF_OFF,
    ORIGIN_FORM,
    SECOND,
    Claim,
    Count,
    Duration,
    HomePath,
    MongoUri,
    Origin,
    Port,
    SmtpUrl,
    TokenKey,
    format_duration,
)

CLAIM_FORM = "a name without spaces, or a URL without credentials, ? and #"
KEY_FORM = f"a secret of at least {MIN_KEY_BYTES} bytes"


class TokenSource(StrEnum):
    """A place in a request that can hold an access token."""

    AUTHORIZATION = "authorization"
    X_ACCESS_TOKEN = "x-access-token"  # noqa: S105 - the name of a header
    QUERY = "query"
    BODY = "body"


class EmailConfirmation(StrEnum):
    OPTIONAL = "optional"
    REQUIRED = "required"


class Settings(BaseModel):
    """Every setting of the server; in the environment its name is in upper case.

    The string below each one is its description, in .env.example too. A string in the annotation is
    what a setting expects, where bounds do not say it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    is_dev: ClassVar[bool] = False

    mongo_uri: Annotated[MongoUri | None, "a URI, mongodb://… or mongodb+srv://…"] = None
    """MongoDB to use, 6.0 or newer; if unset, an embedded one starts and stops with the server."""
    data_dir: Annotated[HomePath, "the path of a directory"] = Path("graphql-auth-data")
    """Directory for the data and the token key of the embedded MongoDB."""
    token_key: Annotated[TokenKey | None, KEY_FORM] = None
    """Secret that signs access tokens, at least 32 bytes; required with MONGO_URI, otherwise
    generated in DATA_DIR."""
    token_key_file: Annotated[HomePath | None, "the path of a file"] = None
    """File that contains this secret, in place of TOKEN_KEY, as containers get secrets."""
    token_key_previous: Annotated[TokenKey | None, KEY_FORM] = None
    """Another secret whose tokens are accepted while TOKEN_KEY changes; see docs/running.md."""
    signing_keys: Annotated[HomePath | None, "the path of a directory"] = None
    """Directory of private keys that sign access tokens in place of TOKEN_KEY, so that other
    services can verify them; see docs/other-services.md."""
    issuer: Annotated[Claim, CLAIM_FORM] = "graphql-auth"
    """Claim `iss` of access tokens; after a change, clients have to refresh their access tokens."""
    audience: Annotated[Claim, CLAIM_FORM] = "graphql-auth"
    """Claim `aud` of access tokens; after a change, clients have to refresh their access tokens."""
    host: Annotated[str, Field(min_length=1), "a host name or an IP address"] = "127.0.0.1"
    """Host name or IP address to listen on; 0.0.0.0 accepts connections from other machines."""
    port: Annotated[Port | None, "an integer from 0 to 65535"] = None
    """Port to listen on; 0 means any free port."""
    api_port: Port = 4001
    """Port to listen on if PORT is unset."""

    token_ttl: Annotated[Duration, Field(ge=SECOND, le=30 * DAY)] = 2 * HOUR
    """Lifetime of an access token, such as 90s, 15m, 2h or 7d; at most 30d."""
    session_idle_ttl: Annotated[Duration, Field(ge=MINUTE, le=400 * DAY)] = 30 * DAY
    """A session expires after this time without a refresh (sliding expiration)."""
    session_ttl: Annotated[Duration, Field(ge=MINUTE, le=400 * DAY)] = 90 * DAY
    """A session expires this long after login, even if it is in use."""
    max_sessions_per_user: Annotated[
        Count | None, NONE_IF_OFF, "an integer from 1 to 1000000, or off"
    ] = 100
    """Most sessions of one user, or off; one more login ends the least recently used session."""
    refresh_grace: Annotated[Duration, Field(ge=timedelta(), le=5 * MINUTE)] = 30 * SECOND
    """For this long, an already used refresh token may be retried; later reuse ends the session."""
    revocation_max_staleness: Annotated[Duration, Field(ge=SECOND, le=HOUR)] = 30 * SECOND
    """Longest time that a process accepts tokens without an update on revoked sessions from the
    database."""

    registration: Annotated[
        RegistrationMode, LOWER_CASE, f"one of {', '.join(RegistrationMode)}"
    ] = RegistrationMode.OPEN
    """How to get an account: open, confirmed (only by signUp, which needs mail) or closed."""
    email_confirmation: Annotated[
        EmailConfirmation, LOWER_CASE, f"one of {', '.join(EmailConfirmation)}"
    ] = EmailConfirmation.OPTIONAL
    """Whether a user has to confirm the e-mail before a sign-in: optional or required."""
    sign_in_links: Annotated[bool, "on or off"] = False
    """Offer to sign in by a link in a mail."""
    password_min_length: Annotated[int, Field(ge=8, le=64)] = 8
    """Minimum length of a new password, from 8 to 64 characters; 15 is recommended."""
    breached_passwords: Annotated[
        bool | HttpUrl, "on, off or the URL of a mirror of Have I Been Pwned"
    ] = False
    """Check new passwords against Have I Been Pwned: on, off, or the URL of a mirror."""
    max_failures_per_address: Count = 100
    """Rate limit: failed logins per hour and client IP address (IPv6: per /64 network)."""
    max_registrations_per_address: Count = 500
    """Rate limit: registrations per hour and client IP address (IPv6: per /64 network)."""
    bcrypt_rounds: Annotated[int, Field(ge=4, le=16)] = 12
    """Cost factor of password hashes, from 4 to 16; each step doubles the work."""

    smtp_url: Annotated[
        SmtpUrl | None,
        "smtps://USER:PASSWORD@HOST or smtp://USER:PASSWORD@HOST:587, with characters such as"
        " @ : / percent-encoded in the password",
    ] = None
    """Relay for mail: smtps:// (TLS), smtp:// (STARTTLS), or smtp+plain:// (no TLS, for a relay on
    this machine). The certificate is verified. If unset, what needs mail is not available."""
    mail_from: Annotated[NameEmail | None, "an e-mail such as Example <no-reply@example.com>"] = (
        None
    )
    """Sender of mails, such as Example <no-reply@example.com>; required with SMTP_URL."""
    # Other programs have an APP_URL too, so it is checked where there is mail.
    app_url: Annotated[
        str | None, "an https URL without credentials and #, or http on localhost"
    ] = None
    """Page of your app that the links in mails lead to, such as https://app.example.com/account;
    required with SMTP_URL."""
    mail_templates: Annotated[HomePath | None, "the path of a directory"] = None
    """Directory with templates of mails; a file replaces the one of its name in
    graphql_auth/mail/templates."""
    mail_per_minute: Count = 600
    """Most mails that a server sends in a minute; the others wait."""

    token_sources: Annotated[
        frozenset[TokenSource],
        COMMA_SEPARATED,
        f"one or more of {', '.join(TokenSource)}, separated by commas",
    ] = frozenset({TokenSource.AUTHORIZATION, TokenSource.X_ACCESS_TOKEN})
    """Where a request may carry its access token: authorization, x-access-token, query, body."""
    allowed_origins: Annotated[frozenset[Origin], COMMA_SEPARATED, ORIGIN_FORM] = frozenset()
    """Origins of other frontends and apps, separated by commas, such as https://app.example.com."""
    trusted_proxies: Annotated[
        frozenset[IPvAnyNetwork],
        COMMA_SEPARATED,
        "IP addresses, or networks such as 10.0.0.0/8, not 10.0.0.5/8; separated by commas",
    ] = frozenset()
    """IP addresses or networks of the reverse proxies whose headers X-Forwarded-For, -Proto and
    -Host are trusted."""

    introspection: Annotated[bool, "on or off"] = True
    """Allow schema introspection, and suggestions for misspelled names in error messages."""
    playground: Annotated[bool | None, "on or off"] = None
    """Serve the playground to browsers, on or off; if unset, the same as INTROSPECTION."""
    request_read_timeout: Annotated[Duration, Field(ge=SECOND, le=HOUR)] = 10 * SECOND
    """Time that a client has to send the headers, and again to send the body."""
    keep_alive_timeout: Annotated[Duration, Field(ge=SECOND, le=DAY)] = 75 * SECOND
    """Time that an idle connection stays open; longer than a proxy in front keeps it, or that
    answers 502."""
    log_format: Annotated[LogFormat, LOWER_CASE, f"one of {', '.join(LogFormat)}"] = LogFormat.LINE
    """Format of the log on standard error: line, or json with an object on each line."""
    metrics_port: Annotated[Port | None, "an integer from 0 to 65535"] = None
    """Port of 127.0.0.1 for /metrics of `graphql-auth serve`, 0 for any free one; if unset, there
    are no metrics."""
    shutdown_delay: Annotated[Duration, Field(ge=timedelta(), le=MINUTE)] = timedelta()
    """Time after SIGTERM in which the server still serves while /readyz answers 503, so that a load
    balancer sends requests elsewhere."""
    request_timeout: Annotated[Duration, Field(ge=SECOND, le=HOUR)] = 20 * SECOND
    """Time in which a request must be answered; after that it fails with SERVICE_UNAVAILABLE.
    Shorter than REFRESH_GRACE, so that a refresh whose answer is lost can be retried."""
    max_concurrent_requests: Count = 1_000
    """Most requests that one process handles at once; others get status 503."""
    max_body_size: Annotated[
        int, Field(ge=1_000, le=10_000_000), "a number of bytes from 1000 to 10000000"
    ] = 131_072
    """Maximum size of a request body in bytes."""
    max_query_tokens: Count = 2_000
    """Most tokens in a GraphQL document."""
    max_query_depth: Count = 20
    """Maximum depth of nested fields in an operation."""
    max_query_fields: Count = 1_000
    """Most fields in an operation, with each fragment counted wherever it is spread."""

    @model_validator(mode="wrap")
    @classmethod
    def _raise_start_error(cls, values: object, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Name the first invalid setting, without its value, since it can be a secret."""
        try:
            return validate(values)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            name = str([*first["loc"], ""][0])
            if first["type"] == "extra_forbidden":
                near = get_close_matches(name.lower(), cls.model_fields, 1)
                hint = f"; did you mean {near[0]!r}?" if near else "."
                message = f"Settings has no {name!r}{hint}"
            elif name in Settings.model_fields:
                message = f"Invalid {name.upper()}: expected {expected(name)}."
            else:
                raise  # Of a subclass.
        raise StartError(message)

    @property
    def has_playground(self) -> bool:
        return self.introspection if self.playground is None else self.playground

    @property
    def requires_confirmation(self) -> bool:
        return self.email_confirmation is EmailConfirmation.REQUIRED

    @property
    def listening_port(self) -> int:
        """``PORT``, or ``API_PORT``, the name that the Node.js original used."""
        return self.api_port if self.port is None else self.port


class DevSettings(Settings):
    """The settings of ``serve --dev``, which only the command line can choose."""

    is_dev: ClassVar[bool] = True
    allowed_origins: Annotated[frozenset[Origin], COMMA_SEPARATED, AfterValidator(DevOrigins)] = (
        DevOrigins()
    )
    mail_from: NameEmail = NameEmail("graphql-auth", "graphql-auth@localhost")

    @model_validator(mode="after")
    def _check_reach(self) -> Self:
        forms = f"http://{self.host}", f"http://[{self.host}]"
        reach = {
            "HOST": not any(is_local(parse_origin(form)) for form in forms),
            "MONGO_URI": self.mongo_uri,
            "TRUSTED_PROXIES": self.trusted_proxies,
        }
        if names := " and ".join(name for name, value in reach.items() if value):
            raise StartError(
                "--dev is for this machine and its embedded MongoDB."
                f" Unset {names}, or start without --dev."
                " `make serve` passes it, `.venv/bin/graphql-auth serve` does not."
            )
        return self


def parse_app_url(text: str) -> str:
    """Return APP_URL as browsers write it. Raises StartError if it is not safe in a mail."""
    with suppress(ValueError):
        url = Url(text)
        is_safe = url.scheme == "https" or is_local(url)
        if is_safe and {url.username, url.password, url.fragment} == {None}:
            return str(url)
    raise StartError(f"Invalid APP_URL: expected {expected('app_url')}.")


def expected(name: str) -> str:
    """Return what a setting expects, in words."""
    metadata = Settings.model_fields[name].metadata
    if texts := [one for one in metadata if isinstance(one, str)]:
        return texts[0]
    low = next(one.ge for one in metadata if hasattr(one, "ge"))
    high = next(one.le for one in metadata if hasattr(one, "le"))
    if isinstance(low, timedelta) and isinstance(high, timedelta):
        form = "an integer and a unit (s, m, h or d)"
        return f"{form}, from {format_duration(low)} to {format_duration(high)}"
    return f"an integer from {low} to {high}"
