"""`serve --dev`: pages of this machine may read answers and use the cookie."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graphql_auth.environment import read_settings
from graphql_auth.errors import StartError
from graphql_auth.settings import DevSettings, Settings
from tests.client import Client, extensions, registration
from tests.conftest import KEY, Start
from tests.cookies import FRONTEND, REFRESH, REGISTERED, Browser
from tests.process import ServerProcess, run_command, start_server

MONGO_URI = "mongodb://localhost"


@pytest.fixture(scope="module")
def dev_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = start_server(tmp_path_factory.mktemp("dev"), "--dev")
    yield server
    server.stop()


def allowed_origin(url: str, origin: str) -> Any:
    """The origin whose pages may read answers, according to the response to a preflight."""
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    with Client(url) as client:
        return client.http.options(url, headers=headers).headers.get("access-control-allow-origin")


@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        ("http://localhost:5173", None),
        ("http://localhost:3000", None),
        ("http://localhost", None),
        ("http://app.localhost:8080", "COOKIE_CROSS_SITE"),
        ("http://127.0.0.1:5173", "COOKIE_CROSS_SITE"),
        ("http://127.1.2.3:5173", "COOKIE_CROSS_SITE"),
        ("http://[::1]:5173", "COOKIE_CROSS_SITE"),
    ],
)
def test_page_of_this_machine_may_read_answers(
    dev_server: ServerProcess, origin: str, reason: str | None
) -> None:
    browser = Browser(dev_server.url)

    answer = browser.ask(REGISTERED, {"input": registration(useCookie=True)}, origin=origin)

    assert allowed_origin(dev_server.url, origin) == origin
    assert browser.response.headers["access-control-allow-origin"] == origin
    assert browser.response.headers["access-control-allow-credentials"] == "true"
    if reason:
        assert extensions(answer)["reason"] == reason
    else:
        assert browser.ask(REFRESH, origin=origin)["data"]["refreshToken"]["token"]
    browser.http.close()


@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.example", "http://localhost.evil.example", "http://evillocalhost"),
        *("http://192.168.1.5:5173", "http://10.0.0.1", "http://128.0.0.1", "http://0.0.0.0:5173"),
        *("https://localhost:5173", "tauri://localhost", "null", "http://[::2]:5173"),
    ],
)
def test_any_other_page_is_refused(dev_server: ServerProcess, origin: str) -> None:
    browser = Browser(dev_server.url)

    answer = browser.ask(REGISTERED, {"input": registration(useCookie=True)}, origin=origin)

    assert allowed_origin(dev_server.url, origin) is None
    assert "access-control-allow-origin" not in browser.response.headers
    assert extensions(answer)["reason"] == "ORIGIN_NOT_ALLOWED"
    browser.http.close()


@pytest.mark.parametrize("arguments", [("--reload",), ("--workers", "2")])
def test_every_process_is_in_dev_mode(start_embedded: Start, arguments: tuple[str, ...]) -> None:
    server = start_embedded("--dev", *arguments)

    assert allowed_origin(server.url, FRONTEND) == FRONTEND


def test_listed_origins_are_allowed_too(start_embedded: Start) -> None:
    listed = "http://192.168.1.5:5173"
    server = start_embedded("--dev", ALLOWED_ORIGINS=listed)

    for origin in (listed, FRONTEND):
        assert allowed_origin(server.url, origin) == origin


def test_banner_names_pages(dev_server: ServerProcess, shared_server: ServerProcess) -> None:
    line = "such as http://localhost:5173 or http://localhost:3000, may read answers and use the"

    assert line in dev_server.output
    assert line not in shared_server.output


def test_nothing_but_the_command_line_turns_it_on(start: Start) -> None:
    server = start(DEV="on", IS_DEV="on", _DEV="on", MODE="dev", HOST="localhost")

    assert allowed_origin(server.url, FRONTEND) is None
    line = server.wait_for_output(rf"ORIGIN_NOT_ALLOWED: page {FRONTEND}, server http://.*")
    assert "ALLOWED_ORIGINS. For development, start with --dev." in line
    browser = Browser(server.url)
    for _ in range(3):
        allowed_origin(server.url, FRONTEND)
        browser.ask(REGISTERED, {"input": registration(useCookie=True)})
    browser.http.close()
    assert server.output.count(FRONTEND) == 1


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"MONGO_URI": MONGO_URI, "TOKEN_KEY": KEY}, "MONGO_URI"),
        ({"MONGO_URI": MONGO_URI}, "MONGO_URI"),
        ({"TRUSTED_PROXIES": "127.0.0.1"}, "TRUSTED_PROXIES"),
        ({"HOST": "0.0.0.0"}, "HOST"),
        ({"HOST": "::", "MONGO_URI": MONGO_URI}, "HOST and MONGO_URI"),
    ],
)
def test_start_with_wider_reach_is_refused(
    tmp_path: Path, settings: dict[str, str], names: str
) -> None:
    ended = run_command(tmp_path, "serve", "--dev", **settings)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "graphql-auth: --dev is for this machine and its embedded MongoDB."
        f" Unset {names}, or start without --dev."
        " `make serve` passes it, `.venv/bin/graphql-auth serve` does not.\n"
    )


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        *(("127.0.0.1", True), ("127.8.9.10", True), ("::1", True), ("0:0:0:0:0:0:0:1", True)),
        *(("localhost", True), ("LocalHost", True), ("app.localhost", True), ("127.1", True)),
        *(("0.0.0.0", False), ("::", False), ("0", False), ("192.168.1.5", False)),
        *(("fd00::1", False), ("::ffff:10.0.0.1", False), ("127.0.0.1.example.com", False)),
        *(("localhost.example.com", False), ("localhost/a", False), ("a@localhost", False)),
    ],
)
def test_host_has_to_be_loopback(host: str, *, is_loopback: bool) -> None:
    assert not Settings(host=host).is_dev
    if is_loopback:
        assert read_settings(DevSettings, host=host).is_dev
    else:
        with pytest.raises(StartError, match="Unset HOST, or start without --dev"):
            read_settings(DevSettings, host=host)
