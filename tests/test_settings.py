import ast
import inspect
import re
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import pytest
from pydantic import ValidationError, model_validator

from graphql_auth import settings
from graphql_auth.environment import read_settings
from graphql_auth.errors import StartError
from graphql_auth.setting_types import format_duration
from graphql_auth.settings import (
    Settings,
    TokenSource,
    expected,
)

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_defaults_are_those_of_the_contract() -> None:
    settings = read_settings()

    assert settings.mongo_uri is None
    assert settings.token_key is None
    assert settings.host == "127.0.0.1"
    assert settings.listening_port == 4001
    assert settings.token_ttl == timedelta(hours=2)
    assert settings.bcrypt_rounds == 12
    assert settings.keep_alive_timeout == timedelta(seconds=75)
    assert settings.token_sources == {TokenSource.AUTHORIZATION, TokenSource.X_ACCESS_TOKEN}


def test_refresh_whose_answer_times_out_can_be_retried() -> None:
    settings = read_settings()

    assert settings.request_timeout < settings.refresh_grace


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("2h", timedelta(hours=2)),
        (" 30d ", timedelta(days=30)),
    ],
)
def test_duration_is_a_number_and_a_unit(
    text: str, expected: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN_TTL", text)

    assert read_settings().token_ttl == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKEN_TTL", "2"),
        ("TOKEN_TTL", "2 hours"),
        ("TOKEN_TTL", "0s"),
        ("TOKEN_TTL", "31d"),
        ("TOKEN_TTL", "-1h"),
        ("TOKEN_TTL", "٢h"),
        ("TOKEN_KEY", "x" * 31),
        ("MONGO_URI", "localhost:27017"),
        ("MONGO_URI", "postgres://localhost"),
        ("PORT", "http"),
        ("PORT", "65536"),
        ("API_PORT", "-1"),
        ("BCRYPT_ROUNDS", "3"),
        ("BCRYPT_ROUNDS", "17"),
        ("BCRYPT_ROUNDS", "twelve"),
        ("TOKEN_SOURCES", "cookie"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "proxy.example"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("MAX_BODY_SIZE", "128k"),
        ("MAX_QUERY_DEPTH", "0"),
        ("MAX_SESSIONS_PER_USER", "0"),
        ("MAX_SESSIONS_PER_USER", "never"),
        ("REQUEST_TIMEOUT", "2h"),
        ("REQUEST_READ_TIMEOUT", "0s"),
        ("TOKEN_SOURCES", "authorization,,body"),
        *(("SMTP_URL", f"{scheme}://relay.example") for scheme in ("http", "smtp+tls", "SMTP ")),
        ("SMTP_URL", "relay.example:587"),
        ("SMTP_URL", "smtp://"),
        ("SMTP_URL", "smtp://relay.example:0"),
        ("SMTP_URL", "smtp://relay.example:65536"),
        ("SMTP_URL", "smtp://relay.example:smtp"),
        ("SMTP_URL", "smtp://ada@relay.example"),
        ("SMTP_URL", "smtp://:secret@relay.example"),
        ("SMTP_URL", "smtp://ada:sec/ret@relay.example"),
        ("SMTP_URL", "smtp://ada:sec#ret@relay.example"),
        ("SMTP_URL", "smtp://ada:sec?ret@relay.example"),
        ("SMTP_URL", "smtp://ada:sec[ret@relay.example"),
        ("SMTP_URL", "smtp://relay.example/path"),
        ("MAIL_FROM", "example.com"),
        ("MAIL_FROM", "a@example.com, b@example.com"),
        ("MAIL_FROM", "a@example.com\r\nBcc: b@example.com"),
        ("MAIL_FROM", "A\nB <a@example.com>"),
        ("MAIL_PER_MINUTE", "0"),
    ],
)
def test_invalid_value_is_refused_without_repeating_it(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(StartError) as refused:
        read_settings()

    assert str(refused.value) == f"Invalid {name}: expected {expected(name.lower())}."
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("name", ["data_dir", "token_key_file", "signing_keys", "mail_templates"])
def test_path_begins_in_the_home_directory(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither .env nor a service manager expands it, as a shell does."""
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv(name.upper(), "~/a~b/~c")

    assert getattr(read_settings(), name) == Path("/home/ada/a~b/~c")


class ShopSettings(Settings):
    stripe: str

    @model_validator(mode="after")
    def refuse(self) -> Self:
        raise ValueError("shop_url is missing")


@pytest.mark.parametrize("given", [{}, {"stripe": "x"}, {"stripe": 3}])
def test_secret_is_not_in_an_error_of_a_subclass(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        ShopSettings.model_validate({"token_key": "hunter2" * 9, **given})
    with pytest.raises(ValidationError) as invalid:
        ShopSettings.model_validate_json('{"token_key": "hunter2')

    assert "hunter2" not in f"{refused.value} {refused.value!r} {invalid.value}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"prt": 3}, "Settings has no 'prt'; did you mean 'port'?"),
        ({"TOKEN_TTL": "15m"}, "Settings has no 'TOKEN_TTL'; did you mean 'token_ttl'?"),
        ({"colour": "red"}, "Settings has no 'colour'."),
        ({"token_ttl": "15"}, f"Invalid TOKEN_TTL: expected {expected('token_ttl')}."),
    ],
)
def test_invalid_setting_of_an_application_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(StartError) as refused:
        Settings(**given)

    assert str(refused.value) == said
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("SMTP_URL", "smtps://ada%40example.com:s%2Fe@relay.example:4465", "**********"),
        ("SMTP_URL", "smtp+plain://localhost:1025/", "**********"),
        ("MAIL_FROM", "a@example.com", "a <a@example.com>"),
        ("MAIL_FROM", "Example <a@example.com>", "Example <a@example.com>"),
    ],
)
def test_setting_of_mail_is_accepted(
    name: str, value: str, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    assert str(getattr(read_settings(), name.lower())) == kept


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        *(("*", "*"), ("app.example.com", "app.example.com"), ("", "")),
        ("https://app.example.com/", "https://app.example.com/"),
        ("https://*.example.com", "https://*.example.com"),
        ("https://ada:secret@app.example.com", "https:…app.example.com"),
        ("https://app.example.com/?token=secret", "https://app.example.com/…"),
        ("https://app.example.com/#secret", "https://app.example.com/…"),
    ],
)
def test_wrong_origin_is_named_without_its_secrets(
    entry: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", f"https://right.example,{entry}")

    with pytest.raises(StartError) as refused:
        read_settings()

    assert str(refused.value) == (
        "Invalid ALLOWED_ORIGINS: expected origins such as https://app.example.com, separated by"
        f" commas, not '{shown}'."
    )
    assert refused.value.__cause__ is None


def test_allowed_origins_are_normalized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://App.Example.com:443, capacitor://localhost")

    assert read_settings().allowed_origins == {"https://app.example.com", "capacitor://localhost"}


def test_token_key_of_32_bytes_is_long_enough_in_any_script(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOKEN_KEY", "ключ" * 4)

    assert read_settings().token_key is not None


@pytest.mark.parametrize(
    ("playground", "introspection", "expected"),
    [
        ("", "", True),
        ("", "off", False),
        ("off", "on", False),
        ("on", "off", True),
    ],
)
def test_playground_is_off_without_introspection_unless_asked_for(
    playground: str, introspection: str, *, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAYGROUND", playground)
    monkeypatch.setenv("INTROSPECTION", introspection)

    assert read_settings().has_playground is expected


def test_port_takes_precedence_over_api_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", "5001")
    assert read_settings().listening_port == 5001

    monkeypatch.setenv("PORT", "6001")
    assert read_settings().listening_port == 6001


def test_empty_value_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGO_URI", "")

    assert read_settings().mongo_uri is None


def test_argument_overrides_environment_overrides_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("HOST=file.example\nPORT=1\nUNKNOWN=kept\n", encoding="utf-8")
    monkeypatch.setenv("HOST", "environment.example")

    settings = read_settings(port=2)

    assert settings.host == "environment.example"
    assert settings.listening_port == 2


def test_token_sources_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_SOURCES", "Authorization, query ,body")

    assert read_settings().token_sources == {
        TokenSource.AUTHORIZATION,
        TokenSource.QUERY,
        TokenSource.BODY,
    }


def test_secrets_show_in_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_KEY", "hunter2" * 5)
    monkeypatch.setenv("MONGO_URI", "mongodb://user:hunter2@host")

    assert "hunter2" not in repr(read_settings())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("port", "an integer from 0 to 65535"),
        ("max_query_depth", "an integer from 1 to 1000000"),
        ("refresh_grace", "an integer and a unit (s, m, h or d), from 0s to 5m"),
        ("token_ttl", "an integer and a unit (s, m, h or d), from 1s to 30d"),
        ("max_body_size", "a number of bytes from 1000 to 10000000"),
        ("introspection", "on or off"),
        (
            "trusted_proxies",
            "IP addresses, or networks such as 10.0.0.0/8, not 10.0.0.5/8; separated by commas",
        ),
        ("mongo_uri", "a URI, mongodb://… or mongodb+srv://…"),
    ],
)
def test_expected_value_is_said_in_words(name: str, words: str) -> None:
    assert expected(name) == words


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_expects(name: str) -> None:
    assert expected(name)


def descriptions() -> dict[str, str]:
    """Return the descriptions of the settings, which are the strings below them."""
    tree = ast.parse(inspect.getsource(settings))
    (body,) = (
        one.body for one in tree.body if isinstance(one, ast.ClassDef) and one.name == "Settings"
    )
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        if isinstance(text.value.value, str)
    }


def default(name: str) -> str:
    """Return the default of a setting, as the environment has it."""
    value = Settings.model_fields[name].default
    match value:
        case None:
            return ""
        case bool():
            return "on" if value else "off"
        case timedelta():
            return format_duration(value)
        case frozenset():
            return ",".join(sorted(value))
    return str(value)


def test_every_setting_is_described() -> None:
    assert descriptions().keys() == Settings.model_fields.keys()


def test_example_file_shows_every_setting_and_its_default() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^#([A-Z_]+)=(.*)$", text, re.MULTILINE))
    comments = re.sub(r"\n# ", " ", text)

    # PORT has no default of its own; the example shows the one of API_PORT.
    assert shown == {name.upper(): default(name) for name in Settings.model_fields} | {
        "PORT": default("api_port")
    }
    for description in descriptions().values():
        assert description in comments


@pytest.mark.parametrize("name", Settings.model_fields)
def test_default_is_read_back_from_its_text(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name.upper(), default(name))

    assert read_settings() == Settings()
