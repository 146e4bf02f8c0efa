"""Values and names in the environment and in .env that are not settings, or not readable."""

import os
import re
import socket
import threading
from pathlib import Path

import pytest

from graphql_auth.environment import read_log_format, read_settings
from graphql_auth.errors import StartError
from graphql_auth.logs import LogFormat
from graphql_auth.runtime import files
from graphql_auth.settings import Settings

# What shells, platforms and other programs set.
USUAL_NAMES = Path(__file__).with_name("usual_environment.txt").read_text(encoding="utf-8").split()
KUBERNETES = "tcp://10.96.0.10:80"


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def set_environment(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def write_env_file(content: str | bytes) -> None:
    Path(".env").write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.mark.parametrize(
    "value", [KUBERNETES, "udp://10.96.0.10:53", "sctp://10.0.0.1:36412", "tcp://[fd00::1]:80"]
)
def test_port_of_a_kubernetes_service_counts_as_unset(
    value: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_environment(monkeypatch, API_PORT=value)

    assert read_settings() == Settings()
    assert caplog.messages == [
        "API_PORT counts as unset: its value is the URL of a service, as Kubernetes sets it"
    ]


@pytest.mark.parametrize("api_port", [KUBERNETES, "http"])
def test_api_port_is_not_looked_at_when_port_is_set(
    api_port: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_environment(monkeypatch, API_PORT=api_port)
    assert read_settings(port="8080").listening_port == 8080

    write_env_file("PORT=8081")
    assert read_settings().listening_port == 8081

    set_environment(monkeypatch, PORT="8082")
    assert read_settings().listening_port == 8082
    assert caplog.messages == []


def test_foreign_port_uncovers_api_port_and_the_file(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_environment(monkeypatch, PORT=KUBERNETES, API_PORT="5001")
    assert read_settings().listening_port == 5001

    write_env_file("PORT=6001")
    assert read_settings().listening_port == 6001
    assert {message.split()[0] for message in caplog.messages} == {"PORT"}


def test_port_of_a_kubernetes_service_in_the_file_is_refused() -> None:
    write_env_file(f"API_PORT={KUBERNETES}")

    with pytest.raises(StartError, match=r"^Invalid API_PORT: expected an integer"):
        read_settings()


@pytest.mark.parametrize(
    "triplet",
    [
        "x86_64-conda-linux-gnu",
        "x86_64-conda_cos6-linux-gnu",
        "aarch64-conda-linux-gnu",
        "powerpc64le-conda-linux-gnu",
        "armv7l-conda_cos7-linux-gnueabihf",
        "x86_64-unknown-linux-musl",
        "aarch64-linux-gnu",
        "x86_64-apple-darwin13.4.0",
        "arm64-apple-darwin20.0.0",
        "aarch64-apple-darwin20.0.0",
        "x86_64-w64-mingw32",
    ],
)
def test_host_of_a_compiler_counts_as_unset(
    triplet: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_environment(monkeypatch, HOST=triplet)

    assert read_settings().host == "127.0.0.1"
    assert caplog.messages == [
        "HOST counts as unset: its value is a platform, as conda sets it for compilers"
    ]

    caplog.clear()
    assert read_settings(host="0.0.0.0").host == "0.0.0.0"
    assert caplog.messages == []


@pytest.mark.parametrize("machine", ["box", "box.example.com"])
def test_host_that_a_shell_exports_counts_as_unset(
    machine: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: machine)
    set_environment(monkeypatch, HOST="box")
    assert read_settings().host == "box"

    set_environment(monkeypatch, HOSTTYPE="x86_64", MACHTYPE="x86_64-suse-linux", OSTYPE="linux")
    assert read_settings().host == "127.0.0.1"
    assert caplog.messages == [
        "HOST counts as unset: its value is the name of this machine, as csh and openSUSE set it"
    ]

    set_environment(monkeypatch, HOST="other.example")
    assert read_settings().host == "other.example"


@pytest.mark.parametrize(
    "host", ["::1", "0.0.0.0", "localhost", "api-1.example.com", "ci-linux-01", "my-apple-darwin-x"]
)
def test_name_of_a_machine_is_a_host(
    host: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_environment(monkeypatch, HOST=host)

    assert read_settings().host == host
    assert caplog.messages == []


TYPOS = {
    "ALLOWED_ORIGIN": "ALLOWED_ORIGINS",
    "ALOWED_ORIGINS": "ALLOWED_ORIGINS",
    "TOKEN_TLL": "TOKEN_TTL",
    "TOEKN_TTL": "TOKEN_TTL",
    "TOKENS_TTL": "TOKEN_TTL",
    "TOKEN-TTL": "TOKEN_TTL",
    "token_tll": "TOKEN_TTL",
    "MONGO_URL": "MONGO_URI",
    "TOKEN_KEY_": "TOKEN_KEY",
    "DATADIR": "DATA_DIR",
    "PROT": "PORT",
    "HOTS": "HOST",
}


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [
        ("MONGODB_URI", "MONGO_URI", "mongodb://localhost"),
        ("SMTP_URI", "SMTP_URL", "smtps://localhost"),
        ("TRUSTED_PROXY", "TRUSTED_PROXIES", "10.0.0.1"),
    ],
)
def test_name_in_the_file_that_other_servers_use_is_a_warning(
    name: str,
    setting: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    write_env_file(f"{name}={value}")
    read_settings()
    assert caplog.messages == [f"{name} is not a setting; did you mean {setting}?"]

    caplog.clear()
    set_environment(monkeypatch, **{setting: value})
    read_settings()
    assert caplog.messages == []


@pytest.mark.parametrize("is_in_file", [False, True])
@pytest.mark.parametrize("name", TYPOS)
def test_name_one_typo_away_from_a_setting_is_a_warning(
    name: str,
    is_in_file: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if is_in_file:
        write_env_file(f"{name}=hunter2")
    else:
        set_environment(monkeypatch, **{name: "hunter2"})

    assert read_settings() == Settings()
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", f"{name.upper()} is not a setting; did you mean {TYPOS[name]}?")
    ]


@pytest.mark.parametrize("name", [name.upper() for name in Settings.model_fields])
def test_missing_or_swapped_letter_in_any_setting_is_a_warning(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    typos = {name[:-1], name[:-2] + name[-1] + name[-2]} - {name}
    set_environment(monkeypatch, **dict.fromkeys(typos, "1"))

    read_settings()

    assert [message.split()[-1] for message in caplog.messages] == [f"{name}?"] * len(typos)


def test_invisible_character_in_a_name_is_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_environment(monkeypatch, **{"TOKEN_TTL\u200b": "2h", "TOKEN_KEY\udcff": "x"})

    read_settings()

    assert caplog.messages == [
        r"TOKEN_KEY\udcff is not a setting; did you mean TOKEN_KEY?",
        r"TOKEN_TTL\u200b is not a setting; did you mean TOKEN_TTL?",
    ]


def test_usual_names_cause_no_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert len(USUAL_NAMES) > 300
    set_environment(monkeypatch, **dict.fromkeys(USUAL_NAMES, "1"))

    read_settings()

    assert caplog.messages == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("HOST=a.example", "a.example"),
        ("\ufeffHOST=a.example\r\n", "a.example"),
        ("# A comment\n\nexport HOST='a.example' # another", "a.example"),
        ('host="a.example"', "a.example"),
        ("NAME=x\nHOST=a$b${NAME}", "a$b${NAME}"),
        ("HOST=a\nHOST=b", "b"),
        ("HOST=a\nHOST=", "127.0.0.1"),
        ("$env:OTHER=1\nserver.host=b\nHOST=a.example", "a.example"),
        ("FOREIGN\nexport OTHER\nHOST=a.example\n\x1a", "a.example"),
        ("ÜMLAUT=größe\nHOST=a.example", "a.example"),
        ("", "127.0.0.1"),
    ],
)
def test_env_file_is_read_without_interpolation(content: str, expected: str) -> None:
    write_env_file(content)

    assert read_settings().host == expected


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("HOST=a\nTOKEN_KEY='hunter2\nPORT=1\n", 2),
        ('HOST=a\n\n\n  TOKEN_KEY="hunter2\n', 4),
        ("HOST=a\r\n\r\n=hunter2\r\n", 3),
        ("TOKEN_KEY: hunter2", 1),
        ("TOKEN_KEY:hunter2", 1),
        ("HOST=a\nTOKEN_KEY hunter2", 2),
        ("TOKEN_KEY='hunter2' or", 1),
        ("set TOKEN_KEY=hunter2", 1),
        ("HOST=a\nTOKEN_KEY", 2),
        ("PORT=1\nexport PORT", 2),
        ('"PORT"=hunter2', 1),
        ("HOST=a\n$env:PORT=hunter2", 2),
        ("\u200bPORT=hunter2", 1),
        ("PORT\u200b=hunter2", 1),
        ("HOST='a\nb'\n\nfoo bar", 4),
    ],
)
def test_line_that_cannot_be_parsed_ends_the_start(content: str, line: int) -> None:
    write_env_file(content)

    with pytest.raises(StartError) as refused:
        read_settings()

    assert (
        str(refused.value)
        == f"Cannot read .env: line {line} is not NAME=value, or its quote is not closed."
    )


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("# größe\nHOST=a".encode("latin-1"), 1),
        (b"HOST=a\n# \xff\n", 2),
        ("HOST=a".encode("utf-16"), 1),
        ("HOST=a".encode("utf-16-le"), 1),
        ("HOST=a".encode("utf-16-be"), 1),
        ("HOST=a".encode("utf-32"), 1),
        (b"HOST=a\nPORT=1\0\n", 2),
    ],
)
def test_other_encoding_than_utf_8_is_refused(content: bytes, line: int) -> None:
    write_env_file(content)

    with pytest.raises(StartError) as refused:
        read_settings()

    assert str(refused.value) == f"Cannot read .env: line {line} is not UTF-8."


def test_what_cannot_be_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.mkdir()
    with pytest.raises(StartError, match=r"^Cannot read \.env: Is a directory\.$"):
        read_settings()

    file.rmdir()
    file.symlink_to(file)
    with pytest.raises(StartError, match=r"^Cannot read \.env: Too many levels of symbolic links"):
        read_settings()

    file.unlink()
    file.symlink_to("missing")
    with pytest.raises(StartError, match=r"^Cannot read \.env: No such file or directory\.$"):
        read_settings()

    file.unlink()
    file.symlink_to("a" * 256)
    assert read_log_format() is LogFormat.LINE
    with pytest.raises(StartError, match=r"^Cannot read \.env: File name too long\.$"):
        read_settings()


@pytest.mark.skipif(os.getuid() == 0, reason="root reads every file")
def test_file_of_another_user_is_refused() -> None:
    write_env_file("HOST=a")
    Path(".env").chmod(0)

    with pytest.raises(StartError, match=r"^Cannot read \.env: Permission denied\.$"):
        read_settings()


def test_virtual_environment_and_null_device_count_as_no_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.mkdir()
    (file / "pyvenv.cfg").touch()
    assert read_settings() == Settings()

    (file / "pyvenv.cfg").unlink()
    file.rmdir()
    file.symlink_to(os.devnull)
    assert read_settings() == Settings()


def test_fifo_is_read_to_its_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".env")
    content = "# padding\n" * 10_000 + "HOST=a.example"
    writer = threading.Thread(target=write_env_file, args=[content])
    writer.start()

    assert read_settings().host == "a.example"
    writer.join()


def test_fifo_without_a_writer_does_not_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / ".env")
    monkeypatch.setattr(files, "FIFO_TIMEOUT", 0)

    with pytest.raises(StartError, match=r"^Cannot read \.env: no data for 0 seconds\.$"):
        read_settings()


@pytest.mark.parametrize("name", ["MONGO_URI", "TOKEN_KEY", "HOST", "TRUSTED_PROXIES"])
def test_value_that_is_not_utf_8_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, os.fsdecode(b"mongodb://hunter2-hunter2-hunter2-hunter2\xff"))

    with pytest.raises(StartError, match=rf"^Invalid {re.escape(name)}: expected ") as refused:
        read_settings()
    assert "hunter2" not in str(refused.value)
