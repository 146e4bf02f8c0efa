"""Cookie mode behind servers that change the Host header or add an origin: docs/running.md."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.client import PASSWORD, extensions, registration
from tests.conftest import Start
from tests.cookies import LOGGED_IN, REFRESH, REGISTERED, Browser
from tests.integrations.processes import HERE, free_port, run_nginx, running
from tests.process import ServerProcess

NGINX = """
server {{
    listen 127.0.0.1:{port};
    location /graphql {{ proxy_pass http://127.0.0.1:{api_port}; {lines} }}
}}
"""
FORWARDED = "proxy_set_header X-Forwarded-Host $http_host;"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


@contextmanager
def proxy(kind: str, port: int, api: str, directory: Path, *options: str) -> Iterator[None]:
    """Run a server between browser and API."""
    api_port = urlsplit(api).port
    if kind == "nginx":
        lines = FORWARDED if "forwarded" in options else ""
        with run_nginx(directory, NGINX.format(port=port, api_port=api_port, lines=lines)):
            yield
    else:
        script = HERE / "origins.js"
        command: list[str | Path] = [
            "node",
            script,
            kind,
            str(port),
            f"http://127.0.0.1:{api_port}",
            *options,
        ]
        with running(port, *command, directory=directory):
            yield


@contextmanager
def page_at(origin: str) -> Iterator[Browser]:
    browser = Browser(f"{origin}/graphql", **SAME_ORIGIN)
    yield browser
    browser.http.close()


def keep_session(browser: Browser, origin: str) -> None:
    """Register, log in and refresh in cookie mode."""
    values = registration(useCookie=True)
    login = {"email": values["email"], "password": PASSWORD, "useCookie": True}
    for query, variables in ((REGISTERED, values), (LOGGED_IN, login)):
        assert "errors" not in browser.ask(query, {"input": variables}, origin=origin)
    assert "errors" not in browser.ask(REFRESH, origin=origin)


def refusal(browser: Browser, origin: str) -> str:
    values = registration(useCookie=True)
    return str(extensions(browser.ask(REGISTERED, {"input": values}, origin=origin))["reason"])


@pytest.mark.parametrize("kind", ["nginx", "vite", "rewrites"])
def test_page_behind_proxy_that_replaces_host(kind: str, start: Start, tmp_path: Path) -> None:
    port, more = free_port(), tmp_path / "forwarded"
    more.mkdir()
    origin = f"http://localhost:{port}"
    unaware, listing, trusting = (
        start(**settings)
        for settings in ({}, {"ALLOWED_ORIGINS": origin}, {"TRUSTED_PROXIES": "127.0.0.1"})
    )

    with proxy(kind, port, unaware.url, tmp_path), page_at(origin) as browser:
        assert refusal(browser, origin) == "ORIGIN_NOT_ALLOWED"
        assert f"ORIGIN_NOT_ALLOWED: page {origin}, server " in unaware.output
    with proxy(kind, port, listing.url, tmp_path), page_at(origin) as browser:
        keep_session(browser, origin)
        assert refusal(browser, "http://localhost:1") == "ORIGIN_NOT_ALLOWED"
    with proxy(kind, port, trusting.url, more, "forwarded"), page_at(origin) as browser:
        keep_session(browser, origin)
        assert refusal(browser, "http://localhost:1") == "ORIGIN_NOT_ALLOWED"


def test_renderer_refreshes_with_forwarded_cookie(start: Start, tmp_path: Path) -> None:
    origin = "https://app.example.com"
    server = start(ALLOWED_ORIGINS=origin)
    cookie = register_behind_proxy(server, origin)

    for options in ((), (origin,)):
        port = free_port()
        with proxy("renderer", port, server.url, tmp_path, *options), page_at("") as browser:
            response = browser.http.get(f"http://127.0.0.1:{port}/", headers={"Cookie": cookie})
        if options:
            assert response.json()["data"]["refreshToken"]["token"]
            assert response.headers["set-cookie"].startswith("__Host-refresh-token=")
        else:
            assert extensions(response.json())["reason"] == "ORIGIN_MISSING"


def register_behind_proxy(server: ServerProcess, origin: str) -> str:
    """Register a page of a site with HTTPS; return the header Cookie of its browser."""
    browser = Browser(server.url, **SAME_ORIGIN)
    browser.ask(REGISTERED, {"input": registration(useCookie=True)}, origin=origin)
    browser.http.close()
    name = "__Host-refresh-token"
    return f"{name}={browser.set_cookie[name].value}"
