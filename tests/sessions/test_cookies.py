from collections.abc import Iterator

import pytest

from tests.client import WELCOME, code, extensions, registration
from tests.conftest import Start
from tests.cookies import CHANGE, COOKIE_DOMAIN, FRONTEND, LOGGED_IN, REFRESH, REGISTERED, Browser
from tests.process import ServerProcess

EVIL = "https://evil.example"


@pytest.fixture(scope="module")
def server(start_shared: Start) -> ServerProcess:
    return start_shared(ALLOWED_ORIGINS=FRONTEND, TRUSTED_PROXIES="127.0.0.1")


@pytest.fixture
def browser(server: ServerProcess) -> Iterator[Browser]:
    browser = Browser(server.url)
    yield browser
    browser.http.close()


@pytest.fixture
def signed_in(browser: Browser) -> Browser:
    browser.values = registration(useCookie=True)
    assert "errors" not in browser.ask(REGISTERED, {"input": browser.values})
    return browser


def test_refresh_token_is_set_as_cookie_if_requested(browser: Browser) -> None:
    values = registration(useCookie=True)
    payloads = [browser.ask(REGISTERED, {"input": values})["data"]["register"]]
    login = {name: values[name] for name in ("email", "password", "useCookie")}
    payloads.append(browser.ask(LOGGED_IN, {"input": login})["data"]["login"])

    morsel = browser.set_cookie["refresh-token"]
    assert [payload["refreshToken"] for payload in payloads] == [None, None]
    assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "strict", "/")
    assert (morsel["secure"], morsel["domain"]) == ("", "")
    assert int(morsel["max-age"]) == pytest.approx(30 * 24 * 3600, abs=60)
    assert len(morsel.value) == 96


def test_device_token_is_set_as_cookie_for_a_year(signed_in: Browser) -> None:
    morsel = signed_in.set_cookie["device-token"]

    assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "strict", "/")
    assert int(morsel["max-age"]) == pytest.approx(365 * 24 * 3600, abs=60)


def test_device_cookie_survives_logout(signed_in: Browser) -> None:
    email = signed_in.values["email"]
    signed_in.ask("mutation { logout }")
    stranger = Browser(signed_in.url)
    for _ in range(5):
        wrong = {"email": email, "password": "wrong"}
        assert code(stranger.ask(LOGGED_IN, {"input": wrong})) == "INVALID_CREDENTIALS"
    right = {"email": email, "password": registration()["password"], "useCookie": True}
    assert code(stranger.ask(LOGGED_IN, {"input": right})) == "TOO_MANY_ATTEMPTS"

    assert "errors" not in signed_in.ask(LOGGED_IN, {"input": right})

    assert signed_in.kept
    stranger.http.close()


@pytest.mark.parametrize("use_cookie", [{}, {"useCookie": False}, {"useCookie": None}])
def test_no_cookie_is_set_unless_requested(
    browser: Browser, use_cookie: dict[str, bool | None]
) -> None:
    values = registration(**use_cookie)
    login = {"email": values["email"], "password": values["password"]} | use_cookie

    for query, given in ((REGISTERED, values), (LOGGED_IN, login)):
        (payload,) = browser.ask(query, {"input": given}, origin="")["data"].values()

        assert payload["refreshToken"]
        assert "set-cookie" not in browser.response.headers


@pytest.mark.parametrize("host", ["app.example.com", "localhost"])
def test_cookie_has_host_prefix_over_https(server: ServerProcess, host: str) -> None:
    browser = Browser(server.url, **{"X-Forwarded-Proto": "https", "Host": host})

    browser.ask(REGISTERED, {"input": registration(useCookie=True)}, origin=f"https://{host}")

    morsel = browser.set_cookie["__Host-refresh-token"]
    assert (morsel["secure"], morsel["httponly"], morsel["path"]) == (True, True, "/")
    browser.http.close()


@pytest.mark.parametrize("host", ["app.example.com", "localhost:4001"])
def test_cookie_is_secure_when_proxy_hides_https(server: ServerProcess, host: str) -> None:
    browser = Browser(server.url, Host=host)

    browser.ask(REGISTERED, {"input": registration(useCookie=True)}, origin=f"https://{host}")

    assert browser.set_cookie["__Host-refresh-token"]["secure"] is True
    browser.http.close()


def test_refresh_by_cookie_replaces_cookie(signed_in: Browser) -> None:
    before = signed_in.kept

    payload = signed_in.ask(REFRESH)["data"]["refreshToken"]

    assert payload["refreshToken"] is None
    assert before != signed_in.kept is not None
    signed_in.token = payload["token"]
    assert signed_in.ask(WELCOME)["data"]["welcome"]


def test_own_origin_can_use_cookie(signed_in: Browser, server: ServerProcess) -> None:
    own = server.url.removesuffix("/graphql")

    assert "errors" not in signed_in.ask(REFRESH, origin=own)


@pytest.mark.parametrize("origin", ["", "null", EVIL, f"{FRONTEND}0", "http://127.0.0.1:1"])
@pytest.mark.parametrize("query", [REFRESH, "mutation { logout }"])
def test_other_origin_cannot_use_cookie(signed_in: Browser, origin: str, query: str) -> None:
    before = signed_in.kept

    assert code(signed_in.ask(query, origin=origin)) == "FORBIDDEN"

    assert "set-cookie" not in signed_in.response.headers
    assert signed_in.kept == before
    assert "errors" not in signed_in.ask(REFRESH)


def test_http_origin_cannot_use_cookie_of_https_site(server: ServerProcess) -> None:
    browser = Browser(server.url, **{"X-Forwarded-Proto": "https", "Host": "app.example.com"})
    values = registration(useCookie=True)

    answer = browser.ask(REGISTERED, {"input": values}, origin="http://app.example.com")

    assert code(answer) == "FORBIDDEN"
    browser.http.close()


@pytest.mark.parametrize("origin", ["", EVIL])
def test_other_origin_cannot_set_cookie(browser: Browser, origin: str) -> None:
    values = registration(useCookie=True)

    assert code(browser.ask(REGISTERED, {"input": values}, origin=origin)) == "FORBIDDEN"
    login = {name: values[name] for name in ("email", "password", "useCookie")}
    assert code(browser.ask(LOGGED_IN, {"input": login}, origin=origin)) == "FORBIDDEN"
    assert code(browser.ask(LOGGED_IN, {"input": login})) == "INVALID_CREDENTIALS"


def test_body_that_is_not_json_cannot_use_cookie(signed_in: Browser) -> None:
    response = signed_in.http.post(
        signed_in.url,
        content='{"query": "mutation { logout }"}',
        headers={"Content-Type": "text/plain", "Origin": FRONTEND},
    )

    assert response.status_code == 415
    assert "errors" not in signed_in.ask(REFRESH)


def test_logout_by_cookie_ends_session(signed_in: Browser) -> None:
    token = signed_in.ask(REFRESH)["data"]["refreshToken"]["token"]

    assert signed_in.ask("mutation { logout }") == {"data": {"logout": True}}

    assert signed_in.kept is None
    assert signed_in.set_cookie["refresh-token"]["max-age"] == "0"
    assert extensions(signed_in.ask(REFRESH))["reason"] == "TOKEN_MISSING"
    signed_in.token = token
    assert extensions(signed_in.ask(WELCOME))["reason"] == "TOKEN_REVOKED"


@pytest.mark.parametrize("mutation", ["logout", "logoutEverywhere"])
def test_logout_by_access_token_clears_cookie(signed_in: Browser, mutation: str) -> None:
    signed_in.token = signed_in.ask(REFRESH)["data"]["refreshToken"]["token"]

    assert signed_in.ask(f"mutation {{ {mutation} }}") == {"data": {mutation: True}}

    assert signed_in.kept is None


def test_no_cookie_is_cleared_without_one(browser: Browser) -> None:
    browser.token = browser.ask(REGISTERED, {"input": registration()})["data"]["register"]["token"]

    assert browser.ask("mutation { logout }") == {"data": {"logout": True}}

    assert "set-cookie" not in browser.response.headers


def test_failed_refresh_keeps_cookie(
    signed_in: Browser,
) -> None:
    signed_in.http.cookies.set("refresh-token", "A" * 96, domain=COOKIE_DOMAIN, path="/")

    assert extensions(signed_in.ask(REFRESH))["reason"] == "TOKEN_INVALID"

    assert "set-cookie" not in signed_in.response.headers


def test_logout_keeps_cookie_of_another_session(signed_in: Browser) -> None:
    other = Browser(signed_in.url)
    answer = other.ask(REGISTERED, {"input": registration()})
    signed_in.token = answer["data"]["register"]["token"]
    cookie = signed_in.kept

    assert signed_in.ask("mutation { logout }") == {"data": {"logout": True}}

    assert "set-cookie" not in signed_in.response.headers
    assert signed_in.kept == cookie
    assert extensions(signed_in.ask(WELCOME))["reason"] == "TOKEN_REVOKED"
    assert "errors" not in signed_in.ask(REFRESH)
    other.http.close()


def test_refresh_token_in_input_precedes_cookie(signed_in: Browser) -> None:
    query = 'mutation { refreshToken(input: {refreshToken: "garbled"}) { token } }'
    before = signed_in.kept

    assert extensions(signed_in.ask(query))["reason"] == "TOKEN_INVALID"

    assert signed_in.kept == before
    assert "set-cookie" not in signed_in.response.headers


def test_change_password_replaces_cookie(signed_in: Browser) -> None:
    signed_in.token = signed_in.ask(REFRESH)["data"]["refreshToken"]["token"]
    before = signed_in.kept
    values = {"currentPassword": registration()["password"], "newPassword": "new one of mine"}

    payload = signed_in.ask(CHANGE, {"i": values})["data"]["changePassword"]

    assert payload["refreshToken"] is None
    assert signed_in.kept not in {before, None}
    assert "errors" not in signed_in.ask(REFRESH)


@pytest.mark.parametrize("cookie", [None, "garbled"])
def test_change_password_keeps_cookie_of_another_user(
    signed_in: Browser, cookie: str | None
) -> None:
    if cookie:
        signed_in.http.cookies.set("refresh-token", cookie, domain=COOKIE_DOMAIN, path="/")
    other = Browser(signed_in.url)
    values = registration()
    signed_in.token = other.ask(REGISTERED, {"input": values})["data"]["register"]["token"]
    other.http.close()
    change = {"currentPassword": values["password"], "newPassword": "new one of mine"}

    payload = signed_in.ask(CHANGE, {"i": change})["data"]["changePassword"]

    assert payload["refreshToken"] is not None
    assert "set-cookie" not in signed_in.response.headers
