import re
from datetime import timedelta
from pathlib import Path

import pytest

from graphql_auth.errors import StartError
from graphql_auth.settings import TAKES, Settings, TokenSource, read_settings

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in TAKES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_defaults_are_those_of_the_contract() -> None:
    settings = read_settings()

    assert settings.mongo_uri is None
    assert settings.token_key is None
    assert settings.host == "127.0.0.1"
    assert settings.listening_port == 4001
    assert settings.token_ttl == timedelta(hours=2)
    assert settings.bcrypt_rounds == 12
    assert settings.token_sources == {TokenSource.AUTHORIZATION, TokenSource.X_ACCESS_TOKEN}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("2h", timedelta(hours=2)),
        (" 30d ", timedelta(days=30)),
    ],
)
def test_a_lifetime_is_a_number_and_a_unit(
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
        ("ALLOWED_ORIGINS", "*"),
        ("ALLOWED_ORIGINS", "app.example.com"),
        ("ALLOWED_ORIGINS", "https://app.example.com/"),
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
    ],
)
def test_a_wrong_value_is_refused_in_one_line_that_names_the_setting_and_not_the_value(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(StartError) as refused:
        read_settings()

    assert str(refused.value) == f"{name} is wrong: it takes {TAKES[name]}."
    assert refused.value.__cause__ is None


def test_a_key_of_32_bytes_is_long_enough_in_any_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_KEY", "ключ" * 4)

    assert read_settings().token_key is not None


def test_port_goes_before_the_name_of_the_original(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", "5001")
    assert read_settings().listening_port == 5001

    monkeypatch.setenv("PORT", "6001")
    assert read_settings().listening_port == 6001


def test_an_empty_value_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGO_URI", "")

    assert read_settings().mongo_uri is None


def test_the_environment_goes_before_the_file_and_an_argument_before_both(
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


def test_a_file_that_cannot_be_read_is_named() -> None:
    Path(".env").write_bytes(b"HOST=\xff")

    with pytest.raises(StartError, match=r"^\.env cannot be read; "):
        read_settings()


def test_secrets_show_in_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_KEY", "hunter2" * 5)
    monkeypatch.setenv("MONGO_URI", "mongodb://user:hunter2@host")

    assert "hunter2" not in repr(read_settings())


def test_the_example_file_shows_every_setting_and_its_default() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", text, re.MULTILINE))

    assert shown.keys() == TAKES.keys() == {name.upper() for name in Settings.model_fields}
    settings = read_settings(**{name.lower(): value for name, value in shown.items() if value})
    assert settings.model_dump(exclude={"port"}) == Settings().model_dump(exclude={"port"})
