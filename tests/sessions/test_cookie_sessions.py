"""A cookie and its session begin and end together, and nobody touches the one of somebody else."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.client import PASSWORD, WELCOME, code, extensions, registration
from tests.conftest import Start
from tests.cookies import CHANGE, COOKIE_DOMAIN, FRONTEND, LOGGED_IN, REFRESH, REGISTERED, Browser
from tests.process import ServerProcess

REVOKE = "mutation ($id: ID!) { revokeSession(input: {id: $id}) }"
SESSIONS = "{ viewer { sessions { edges { node { id current } } } } }"
INPUT = "($a: LoginInput!)"


@pytest.fixture(scope="module")
def server(start_shared: Start) -> ServerProcess:
    return start_shared(ALLOWED_ORIGINS=FRONTEND)


@pytest.fixture
def browser(server: ServerProcess) -> Iterator[Browser]:
    browser = Browser(server.url)
    yield browser
    browser.http.close()


class Person:
    """Somebody with an account, and the tokens of a session outside of any browser."""

    def __init__(self, browser: Browser) -> None:
        values = registration()
        self.email = values["email"]
        self.payload = self._ask(browser, REGISTERED, values)["data"]["register"]
        self.token = self.payload["token"]

    def credentials(self, **more: Any) -> dict[str, Any]:
        return {"email": self.email, "password": PASSWORD, "useCookie": True} | more

    def _ask(self, browser: Browser, query: str, values: dict[str, Any]) -> Any:
        body = {"query": query, "variables": {"input": values}}
        return httpx.post(browser.url, json=body, timeout=30).json()


@pytest.fixture
def ada(browser: Browser) -> Person:
    return Person(browser)


@pytest.fixture
def bob(browser: Browser) -> Person:
    return Person(browser)


def sign_in(browser: Browser, person: Person) -> str:
    """Sign in by a cookie; return the access token."""
    answer = browser.ask(LOGGED_IN, {"input": person.credentials()})
    return str(answer["data"]["login"]["token"])


def is_live(browser: Browser, token: str) -> bool:
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.post(browser.url, json={"query": WELCOME}, headers=headers, timeout=30).json()
    if "errors" in answer:
        assert extensions(answer)["reason"] == "TOKEN_REVOKED"
    return "errors" not in answer


def test_login_ends_session_of_replaced_cookie(browser: Browser, ada: Person, bob: Person) -> None:
    of_ada = sign_in(browser, ada)
    of_bob = sign_in(browser, bob)
    answer = browser.ask(REGISTERED, {"input": registration(useCookie=True)})
    of_carol = answer["data"]["register"]["token"]

    assert [is_live(browser, token) for token in (of_ada, of_bob, of_carol)] == [False, False, True]
    assert is_live(browser, ada.token)
    assert "errors" not in browser.ask(REFRESH)


def test_failed_login_or_login_without_cookie_keeps_cookie(
    browser: Browser, ada: Person, bob: Person
) -> None:
    of_ada, kept = sign_in(browser, ada), browser.kept

    browser.ask(LOGGED_IN, {"input": bob.credentials(password="wrong")})
    browser.ask(LOGGED_IN, {"input": bob.credentials(useCookie=False)}, origin="")

    assert is_live(browser, of_ada)
    assert browser.kept == kept


@pytest.mark.parametrize("is_known", [True, False])
def test_login_ends_no_session_of_forged_cookie(
    browser: Browser, ada: Person, bob: Person, *, is_known: bool
) -> None:
    of_ada = sign_in(browser, ada)
    kept = browser.kept or ""
    # The ids of user and session are the first 24 bytes; the rest is secret.
    forged = kept if is_known else kept[:32] + "A" * 64
    browser.http.cookies.set("refresh-token", forged, domain=COOKIE_DOMAIN, path="/")

    sign_in(browser, bob)

    assert is_live(browser, of_ada) is not is_known


def test_second_login_in_one_request_replaces_first(
    browser: Browser, ada: Person, bob: Person
) -> None:
    query = (
        "mutation ($a: LoginInput!, $b: LoginInput!)"
        " { a: login(input: $a) { token } b: login(input: $b) { token } }"
    )

    data = browser.ask(query, {"a": ada.credentials(), "b": bob.credentials()})["data"]

    assert [is_live(browser, data[name]["token"]) for name in "ab"] == [False, True]
    refreshed = browser.ask("mutation { refreshToken { user { email } } }")["data"]
    assert refreshed["refreshToken"]["user"]["email"] == bob.email


@pytest.mark.parametrize("with_token", [True, False])
def test_logout_after_login_in_one_request_ends_own_session(
    browser: Browser, ada: Person, bob: Person, *, with_token: bool
) -> None:
    """That of the access token; without one, that of the cookie. The cookie goes with its own."""
    sign_in(browser, bob)
    browser.token = bob.token if with_token else ""

    query = f"mutation {INPUT} {{ login(input: $a) {{ token }} logout }}"
    data = browser.ask(query, {"a": ada.credentials()})["data"]

    assert data["logout"] is True
    assert is_live(browser, data["login"]["token"]) is with_token
    assert is_live(browser, bob.token) is not with_token
    assert (browser.kept is not None) is with_token


def test_refresh_after_login_in_one_request_uses_new_session(
    browser: Browser, ada: Person, bob: Person
) -> None:
    sign_in(browser, bob)

    query = (
        f"mutation {INPUT} {{ login(input: $a) {{ token }} refreshToken {{ user {{ email }} }} }}"
    )
    data = browser.ask(query, {"a": ada.credentials()})["data"]

    assert data["refreshToken"]["user"]["email"] == ada.email
    assert "errors" not in browser.ask(REFRESH)


def test_logout_everywhere_keeps_cookie_of_another_user(
    browser: Browser, ada: Person, bob: Person
) -> None:
    of_bob, kept = sign_in(browser, bob), browser.kept
    browser.token = ada.token

    assert browser.ask("mutation { logoutEverywhere }") == {"data": {"logoutEverywhere": True}}

    assert not is_live(browser, ada.token)
    assert is_live(browser, of_bob)
    assert browser.kept == kept
    assert "set-cookie" not in browser.response.headers


@pytest.mark.parametrize("mutation", ["logoutEverywhere", "changePassword", "revokeSession"])
def test_ending_session_of_cookie_clears_cookie(
    browser: Browser, ada: Person, mutation: str
) -> None:
    of_cookie = sign_in(browser, ada)
    browser.token = ada.token

    ask(browser, mutation)

    assert not is_live(browser, of_cookie)
    assert browser.kept is None


@pytest.mark.parametrize("origin", ["", "https://evil.example"])
@pytest.mark.parametrize("mutation", ["logoutEverywhere", "changePassword", "revokeSession"])
def test_cookie_is_not_cleared_for_another_origin(
    browser: Browser, ada: Person, mutation: str, origin: str
) -> None:
    of_cookie = sign_in(browser, ada)
    browser.token = ada.token

    ask(browser, mutation, origin)

    assert not is_live(browser, of_cookie)
    assert "set-cookie" not in browser.response.headers


def ask(browser: Browser, mutation: str, origin: str = FRONTEND) -> None:
    """End the session of the cookie by the access token of another session of the same user."""
    if mutation == "logoutEverywhere":
        answer = browser.ask("mutation { logoutEverywhere }", origin=origin)
    elif mutation == "changePassword":
        values = {"currentPassword": PASSWORD, "newPassword": "new one of mine"}
        answer = browser.ask(CHANGE, {"i": values}, origin=origin)
        assert answer["data"]["changePassword"]["refreshToken"]
    else:
        edges = browser.ask(SESSIONS)["data"]["viewer"]["sessions"]["edges"]
        (other,) = (edge["node"]["id"] for edge in edges if not edge["node"]["current"])
        answer = browser.ask(REVOKE, {"id": other}, origin=origin)
        assert answer["data"]["revokeSession"] is True
    assert "errors" not in answer


def test_revoking_another_session_keeps_cookie(browser: Browser, ada: Person) -> None:
    browser.token, kept = sign_in(browser, ada), browser.kept

    ask(browser, "revokeSession")

    assert not is_live(browser, ada.token)
    assert is_live(browser, browser.token)
    assert browser.kept == kept
    assert "set-cookie" not in browser.response.headers


@pytest.mark.parametrize("stale", ["garbled", "A" * 64, ""])
def test_stale_device_token_does_not_hide_device_cookie(
    browser: Browser, ada: Person, stale: str
) -> None:
    sign_in(browser, ada)
    for _ in range(5):
        wrong = ada.credentials(password="wrong", useCookie=False)
        httpx.post(
            browser.url, json={"query": LOGGED_IN, "variables": {"input": wrong}}, timeout=30
        )
    lock = {"query": LOGGED_IN, "variables": {"input": ada.credentials(useCookie=False)}}
    assert code(httpx.post(browser.url, json=lock, timeout=30).json()) == "TOO_MANY_ATTEMPTS"

    answer = browser.ask(LOGGED_IN, {"input": ada.credentials(deviceToken=stale)})

    assert "errors" not in answer


def test_device_token_counts_beside_cookie_of_another_user(
    browser: Browser, ada: Person, bob: Person
) -> None:
    sign_in(browser, bob)
    token = ada.payload["deviceToken"]

    answer = browser.ask(LOGGED_IN, {"input": ada.credentials(deviceToken=token, useCookie=False)})

    assert answer["data"]["login"]["deviceToken"] == token


def test_cookie_with_other_prefix_is_cleared_when_replaced(browser: Browser, ada: Person) -> None:
    of_ada = sign_in(browser, ada)
    browser.http.cookies.set("__Host-refresh-token", browser.kept or "", domain=COOKIE_DOMAIN)
    del browser.http.cookies["refresh-token"]

    sign_in(browser, ada)

    assert not is_live(browser, of_ada)
    lifetimes = {name: morsel["max-age"] for name, morsel in browser.set_cookie.items()}
    assert lifetimes["__Host-refresh-token"] == "0"
    assert int(lifetimes["refresh-token"]) > 0
    assert "errors" not in browser.ask(REFRESH)
