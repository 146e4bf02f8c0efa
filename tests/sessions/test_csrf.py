import logging

import pytest
from starlette.requests import Request

from graphql_auth.errors import Forbidden, ForbiddenReason
from graphql_auth.logs import LogRateLimit
from graphql_auth.sessions import csrf
from graphql_auth.sessions.csrf import PageOrigin

LISTED = {
    *("https://app.example.com", "https://other.example", "http://app.example.com"),
    *("http://localhost:5173", "http://127.0.0.1:5173", "http://192.168.1.5:5173"),
    *("capacitor://localhost", "https://localhost", "chrome-extension://abc"),
}

NOT_ALLOWED = ForbiddenReason.ORIGIN_NOT_ALLOWED.description


@pytest.fixture(autouse=True)
def no_earlier_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csrf, "_lines", LogRateLimit(csrf.SECONDS_BETWEEN_LINES))
    monkeypatch.setattr(csrf, "_logged_pages", set())


def page(server: str, origin: str | None, fetch_site: str | None = None) -> PageOrigin:
    scheme, _, host = server.partition("://")
    headers = {"host": host, "origin": origin, "sec-fetch-site": fetch_site}
    lines = [
        (name.encode(), value.encode()) for name, value in headers.items() if value is not None
    ]
    return PageOrigin(Request({"type": "http", "scheme": scheme, "headers": lines}), LISTED)


def reason(server: str, origin: str | None, fetch_site: str | None = None) -> str | None:
    try:
        page(server, origin, fetch_site).check()
    except Forbidden as refused:
        return str(refused.extensions["reason"])
    return None


@pytest.mark.parametrize(
    ("server", "origin"),
    [
        ("https://auth.example.com", "https://auth.example.com"),
        ("https://auth.example.com:443", "https://auth.example.com"),
        ("http://auth.example.com:443", "https://auth.example.com"),
        ("http://auth.example.com:80", "https://auth.example.com"),
        ("http://auth.example.com", "https://auth.example.com"),
        ("http://auth.example.com:8443", "https://auth.example.com:8443"),
        ("https://Auth.Example.COM", "https://auth.example.com"),
        ("https://auth.example.com.", "https://auth.example.com."),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("http://[0:0:0:0:0:0:0:1]:4001", "http://[::1]:4001"),
        ("http://localhost:4001", "http://localhost:4001"),
        ("http://app.localhost:4001", "http://app.localhost:4001"),
        ("http://127.0.0.2:4001", "http://127.0.0.2:4001"),
    ],
)
def test_own_origin_is_compared_by_scheme_host_and_port(server: str, origin: str) -> None:
    assert reason(server, origin) is None


@pytest.mark.parametrize(
    ("server", "origin"),
    [
        ("https://auth.example.com", "https://auth.example.com:8443"),
        ("https://auth.example.com:8443", "https://auth.example.com"),
        ("https://auth.example.com:80", "https://auth.example.com"),
        ("https://auth.example.com", "http://auth.example.com"),
        ("https://auth.example.com", "https://auth.example.com."),
        ("https://auth.example.com", "https://example.com"),
        ("https://auth.example.com", "https://auth.example.com.evil.example"),
        ("https://auth.example.com", "https://evil.example"),
        ("https://auth.example.com", "https://auth.example.com@evil.example"),
        ("https://auth.example.com", "https://auth.example.com, https://evil.example"),
        ("https://auth.example.com", "null"),
        ("https://auth.example.com", ""),
        ("http://", "https://"),
        ("http://auth.example.com/evil", "http://auth.example.com/evil"),
        ("http://localhost:4001", "http://localhost:5174"),
    ],
)
@pytest.mark.parametrize("fetch_site", [None, "same-origin", "same-site"])
def test_other_origin_is_not_allowed(server: str, origin: str, fetch_site: str | None) -> None:
    assert reason(server, origin, fetch_site) == "ORIGIN_NOT_ALLOWED"


@pytest.mark.parametrize("fetch_site", [None, "same-origin", "cross-site"])
def test_request_without_origin_is_refused(fetch_site: str | None) -> None:
    assert reason("https://auth.example.com", None, fetch_site) == "ORIGIN_MISSING"


@pytest.mark.parametrize(
    ("server", "origin"),
    [
        ("https://api.example.com", "https://app.example.com"),
        ("http://api.example.com", "https://app.example.com"),
        ("http://localhost:4001", "http://localhost:5173"),
        ("http://127.0.0.1:4001", "http://127.0.0.1:5173"),
        # Proxies that replace the Host header.
        ("http://localhost:4001", "https://app.example.com"),
        ("http://10.0.0.5:4001", "https://app.example.com"),
        ("http://[fd00::5]:4001", "https://app.example.com"),
        ("http://auth:4001", "https://app.example.com"),
        ("http://auth.default.svc.cluster.local:4001", "https://app.example.com"),
    ],
)
@pytest.mark.parametrize("fetch_site", [None, "same-origin", "same-site"])
def test_listed_origin_can_keep_cookies(server: str, origin: str, fetch_site: str | None) -> None:
    assert reason(server, origin, fetch_site) is None


@pytest.mark.parametrize(
    ("server", "origin"),
    [
        ("https://auth.example.com", "https://other.example"),
        ("http://auth.example.com", "https://other.example"),
        ("https://api.example.com", "http://app.example.com"),
        ("https://api.example.com", "http://localhost:5173"),
        ("https://api.example.com", "https://localhost"),
        ("http://localhost:4001", "http://127.0.0.1:5173"),
        ("http://127.0.0.1:4001", "http://localhost:5173"),
        ("http://app.localhost:4001", "http://localhost:5173"),
        ("http://192.168.1.7:4001", "http://192.168.1.5:5173"),
        ("http://localhost:4001", "http://192.168.1.5:5173"),
        ("https://api.example.com", "capacitor://localhost"),
        ("http://localhost:4001", "capacitor://localhost"),
    ],
)
@pytest.mark.parametrize("fetch_site", [None, "cross-site"])
def test_page_of_another_site_is_refused(server: str, origin: str, fetch_site: str | None) -> None:
    assert reason(server, origin, fetch_site) == "COOKIE_CROSS_SITE"


def test_sec_fetch_site_decides() -> None:
    assert reason("https://app.example.com", "https://app.example.com", "cross-site") is not None
    assert reason("https://api.example.org", "https://other.example", "same-origin") is None
    # An extension with permission for the server.
    assert reason("https://api.example.com", "chrome-extension://abc", "none") is None


@pytest.mark.parametrize(
    ("server", "origin"),
    [
        ("http://192.168.1.7:4001", "http://192.168.1.7:4001"),
        ("http://192.168.1.5:4001", "http://192.168.1.5:5173"),
        ("http://auth.example.com", "http://auth.example.com"),
        ("http://api.example.com", "http://app.example.com"),
        ("http://auth:4001", "http://auth:4001"),
        ("http://0.0.0.0:4001", "http://0.0.0.0:4001"),
        ("http://[fd00::5]:4001", "http://[fd00::5]:4001"),
    ],
)
def test_http_of_another_machine_is_refused(server: str, origin: str) -> None:
    assert reason(server, origin) == "COOKIE_NEEDS_HTTPS"


@pytest.mark.parametrize(
    ("server", "origin", "fetch_site", "seen"),
    [
        ("http://auth.example.com", "https://auth.example.com", None, "https://auth.example.com/"),
        ("http://localhost:4001", "https://app.example.com", None, "https://localhost:4001/"),
        *[
            (server, "http://localhost:5173", "same-origin", "http://localhost:5173/")
            for server in ("http://localhost:4001", "https://api.example.com")
        ],
        (
            "https://api.example.com",
            "https://evil.example",
            "same-origin",
            "https://api.example.com/",
        ),
        ("https://api.example.com", None, None, "https://api.example.com/"),
    ],
)
def test_server_has_the_origin_that_the_browser_sees(
    server: str, origin: str | None, fetch_site: str | None, seen: str
) -> None:
    assert str(page(server, origin, fetch_site).server) == seen


def test_one_line_names_both_origins(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        assert reason("http://localhost:4001", "http://127.0.0.1:5173")
        assert reason("https://auth.example.com", None)
        assert reason("https://auth.example.com", "http://[secret")

    shown = [
        ("COOKIE_CROSS_SITE", "http://127.0.0.1:5173", "http://localhost:4001"),
        ("ORIGIN_MISSING", "unknown", "https://auth.example.com"),
        ("ORIGIN_NOT_ALLOWED", "unknown", "https://auth.example.com"),
    ]
    assert [record.getMessage() for record in caplog.records] == [
        f"{reason}: page {page}, server {server}. {ForbiddenReason[reason].description}"
        for reason, page, server in shown
    ]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_each_refused_page_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    for port in (*range(3000, 3000 + csrf.MAX_LOGGED_PAGES), 3000, 4000):
        page("http://localhost:4001", f"http://localhost:{port}").log_if_refused()

    lines = [record.getMessage() for record in caplog.records]
    # A client can make up any number of origins.
    assert len(set(lines)) == len(lines) == csrf.MAX_LOGGED_PAGES
    assert all(line.endswith(f"{NOT_ALLOWED} For development, start with --dev.") for line in lines)


@pytest.mark.parametrize(
    ("server", "origin", "fetch_site", "is_logged"),
    [
        ("https://auth.example.com", "https://evil.example", "cross-site", True),
        ("https://auth.example.com", "null", None, True),
        ("http://localhost:4001", "http://localhost:4001", None, False),
        ("http://auth.example.com", "https://auth.example.com", None, False),
        ("http://localhost:4001", "http://127.0.0.1:5173", None, False),
        # A proxy has replaced the Host header, so only the cookie is refused.
        ("http://10.0.0.5:4001", "https://www.example.com", "same-origin", False),
    ],
)
def test_page_is_logged_unless_it_is_own_or_allowed(
    server: str,
    origin: str,
    fetch_site: str | None,
    caplog: pytest.LogCaptureFixture,
    *,
    is_logged: bool,
) -> None:
    page(server, origin, fetch_site).log_if_refused()

    lines = [record.getMessage() for record in caplog.records]
    assert [line.endswith(f". {NOT_ALLOWED}") for line in lines] == [True] * is_logged


def test_two_origins_are_not_allowed() -> None:
    own = [(b"host", b"auth.example.com"), (b"origin", b"https://auth.example.com")]
    lines = [*own, (b"origin", b"https://evil.example")]
    request = Request({"type": "http", "scheme": "https", "headers": lines})

    assert not PageOrigin(request, LISTED).is_allowed
