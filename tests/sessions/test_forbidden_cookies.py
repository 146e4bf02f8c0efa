"""Where a browser would drop the cookie, or the page may not have it, the answer says why."""

from typing import Any

import pytest

from tests.client import PASSWORD, WELCOME, Client, extensions, registration
from tests.conftest import Start
from tests.cookies import CHANGE, COOKIE_DOMAIN, FRONTEND, LOGGED_IN, REFRESH, REGISTERED, Browser
from tests.process import ServerProcess

SITE = "https://app.example.com"
OTHER_SITE = "https://other.example"
LAN = "http://192.168.1.5:4001"


@pytest.fixture(scope="module")
def server(start_shared: Start) -> ServerProcess:
    allowed = ["HTTPS://App.Example.com:443", OTHER_SITE, FRONTEND, "http://127.0.0.1:5173"]
    return start_shared(ALLOWED_ORIGINS=",".join(allowed), TRUSTED_PROXIES="127.0.0.1")


def request_headers(host: str, **headers: str) -> dict[str, str]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"Host": host} | names


REFUSED = [
    ("auth.example.com", "", {}, "ORIGIN_MISSING"),
    ("auth.example.com", "https://evil.example", {}, "ORIGIN_NOT_ALLOWED"),
    ("auth.example.com", "null", {"Sec_Fetch_Site": "same-origin"}, "ORIGIN_NOT_ALLOWED"),
    ("auth.example.com", SITE, {"Sec_Fetch_Site": "cross-site"}, "COOKIE_CROSS_SITE"),
    ("auth.example.com", OTHER_SITE, {}, "COOKIE_CROSS_SITE"),
    ("localhost:4001", "http://127.0.0.1:5173", {}, "COOKIE_CROSS_SITE"),
    ("192.168.1.5:4001", LAN, {}, "COOKIE_NEEDS_HTTPS"),
]


@pytest.mark.parametrize(("host", "origin", "more", "reason"), REFUSED)
def test_refusal_comes_before_password_and_email(
    server: ServerProcess, host: str, origin: str, more: dict[str, str], reason: str
) -> None:
    browser = Browser(server.url, **request_headers(host, **more))
    blank = registration(email="", password="", useCookie=True)
    login = {"email": "nobody@example.com", "password": "wrong", "useCookie": True}
    asked: list[tuple[str, dict[str, Any]]] = [(REGISTERED, blank), (LOGGED_IN, login)]

    for query, values in asked:
        refused = extensions(browser.ask(query, {"input": values}, origin=origin))

        assert (refused["code"], refused["reason"]) == ("FORBIDDEN", reason)
        assert "set-cookie" not in browser.response.headers
    browser.http.close()


def test_client_that_is_no_browser_is_told_what_to_do(server: ServerProcess) -> None:
    with Client(server.url) as client:
        (error,) = client.register(useCookie=True)["errors"]

    assert error["message"].endswith("Elsewhere, leave out `useCookie`.")


@pytest.mark.parametrize(("host", "origin", "more", "reason"), REFUSED)
def test_refused_refresh_and_password_change_change_nothing(
    server: ServerProcess, host: str, origin: str, more: dict[str, str], reason: str
) -> None:
    browser = Browser(server.url)
    browser.ask(REGISTERED, {"input": registration(useCookie=True)})
    browser.token = browser.ask(REFRESH)["data"]["refreshToken"]["token"]
    token = browser.kept or ""
    for name in ("refresh-token", "__Host-refresh-token"):
        browser.http.cookies.set(name, token, domain=COOKIE_DOMAIN, path="/")
    change = {"currentPassword": PASSWORD, "newPassword": "new one of mine"}
    headers, kept = browser.http.headers.copy(), browser.kept
    browser.http.headers.update(request_headers(host, **more))
    # httpx chooses cookies by the Host header too.
    browser.http.headers["Cookie"] = f"refresh-token={token}; __Host-refresh-token={token}"

    for query in (REFRESH, CHANGE):
        answer = browser.ask(query, {"i": change} if query == CHANGE else None, origin=origin)

        assert (extensions(answer)["code"], extensions(answer)["reason"]) == ("FORBIDDEN", reason)
        assert "set-cookie" not in browser.response.headers
    browser.http.headers = headers
    assert browser.kept == kept
    assert browser.ask(WELCOME)["data"]["welcome"]
    assert "errors" not in browser.ask(REFRESH)
    change["newPassword"] = "another of mine"
    assert "errors" not in browser.ask(CHANGE, {"i": change})
    browser.http.close()


@pytest.mark.parametrize(
    ("host", "origin", "reason"),
    [
        ("localhost:4001", FRONTEND, "TOKEN_MISSING"),
        ("localhost:4001", "", "TOKEN_MISSING"),
        ("auth.example.com", OTHER_SITE, "COOKIE_CROSS_SITE"),
        ("192.168.1.5:4001", LAN, "COOKIE_NEEDS_HTTPS"),
    ],
)
def test_refresh_without_cookie_says_why_browser_withholds_it(
    server: ServerProcess, host: str, origin: str, reason: str
) -> None:
    browser = Browser(server.url, Host=host)

    assert extensions(browser.ask(REFRESH, origin=origin))["reason"] == reason

    browser.http.close()


@pytest.mark.parametrize("origin", ["", "https://evil.example", LAN])
def test_page_without_cookie_can_log_out(server: ServerProcess, origin: str) -> None:
    browser = Browser(server.url)
    answer = browser.ask(REGISTERED, {"input": registration()}, origin=origin)
    browser.token = answer["data"]["register"]["token"]

    assert browser.ask("mutation { logout }", origin=origin) == {"data": {"logout": True}}

    browser.http.close()


@pytest.mark.parametrize(
    ("host", "origin", "more"),
    [
        ("Auth.Example.com:443", "https://auth.example.com", {"X_Forwarded_Proto": "https"}),
        ("127.0.0.1:4001", "https://auth.example.org", {"X_Forwarded_Host": "auth.example.org"}),
        ("127.0.0.1:4001", SITE, {}),
        ("auth.example.com", SITE, {"Sec_Fetch_Site": "same-site"}),
        ("auth.example.net", SITE, {"Sec_Fetch_Site": "same-origin"}),
    ],
)
def test_page_behind_proxy_gets_secure_cookie(
    server: ServerProcess, host: str, origin: str, more: dict[str, str]
) -> None:
    browser = Browser(server.url, **request_headers(host, **more))

    answer = browser.ask(REGISTERED, {"input": registration(useCookie=True)}, origin=origin)

    assert "errors" not in answer
    assert browser.set_cookie["__Host-refresh-token"]["secure"] is True
    browser.http.close()


@pytest.mark.parametrize("host", ["app.localhost:4001", "127.0.0.2:4001", "[::1]:4001"])
def test_local_page_gets_cookie_without_https(server: ServerProcess, host: str) -> None:
    browser = Browser(server.url, Host=host)
    values = registration(useCookie=True)

    answer = browser.ask(REGISTERED, {"input": values}, origin=f"http://{host}")

    assert "errors" not in answer
    assert browser.set_cookie["refresh-token"]["secure"] == ""
    browser.http.close()


def test_log_names_both_origins(start: Start) -> None:
    server = start(ALLOWED_ORIGINS=OTHER_SITE)
    browser = Browser(server.url, Host="auth.example.com")

    browser.ask(REGISTERED, {"input": registration(useCookie=True)}, origin=OTHER_SITE)
    browser.http.close()

    server.wait_for_output(
        r"WARNING graphql_auth\.sessions\.csrf: request \w+: COOKIE_CROSS_SITE: page"
        rf" {OTHER_SITE}, server https://auth\.example\.com\. "
    )
