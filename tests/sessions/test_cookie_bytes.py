"""The header Cookie, byte for byte: no neighbouring host can set what counts."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from graphql_auth.sessions.cookies import find_cookie
from tests.client import extensions, registration
from tests.conftest import Start
from tests.cookies import REFRESH, REGISTERED, Browser
from tests.process import ServerProcess

NAME = "__Host-refresh-token"
SITE = {"X-Forwarded-Proto": "https", "Host": "app.example.com"}
ORIGIN = "https://app.example.com"


@pytest.fixture(scope="module")
def server(start_shared: Start) -> ServerProcess:
    return start_shared(TRUSTED_PROXIES="127.0.0.1")


@pytest.fixture(scope="module")
def token(server: ServerProcess) -> str:
    browser = Browser(server.url, **SITE)
    browser.ask(REGISTERED, {"input": registration(useCookie=True)}, origin=ORIGIN)
    value = browser.set_cookie[NAME].value
    browser.http.close()
    return value


def refresh(server: ServerProcess, *cookies: bytes) -> str | None:
    """Refresh by the cookies of these header lines; return why it is refused."""
    headers = [
        (name.encode(), value.encode()) for name, value in (*SITE.items(), ("Origin", ORIGIN))
    ]
    headers += [(b"Cookie", cookie) for cookie in cookies]
    answer = httpx.post(server.url, json={"query": REFRESH}, headers=headers, timeout=30).json()
    return str(extensions(answer)["reason"]) if "errors" in answer else None


FORGED = [
    *(blank + NAME.encode() for blank in (b"\xa0", b"\x85", b"\xc2\xa0", b"\xe2\x80\x80")),
    *(NAME.encode() + blank for blank in (b"\xa0", b"\x85")),
    *(b"=" + NAME.encode(), NAME.upper().encode(), NAME.lower().encode(), b"refresh-token"),
    b'"' + NAME.encode() + b'"',
]


@pytest.mark.parametrize("name", FORGED)
def test_similar_cookie_name_is_ignored(server: ServerProcess, token: str, name: bytes) -> None:
    assert refresh(server, b"a=b; %s=%s" % (name, token.encode())) == "TOKEN_MISSING"


@pytest.mark.parametrize("value", [b'"%s"', b"\xa0%s", b"%s\x85", b"%s%%20", b"=%s"])
def test_cookie_value_is_read_byte_for_byte(
    server: ServerProcess, token: str, value: bytes
) -> None:
    cookie = NAME.encode() + b"=" + value % token.encode()

    assert refresh(server, cookie) == "TOKEN_INVALID"


def test_two_different_values_are_ignored(server: ServerProcess, token: str) -> None:
    ours, other = f"{NAME}={token}".encode(), f"{NAME}={'A' * 96}".encode()

    assert refresh(server, ours + b"; " + other) == "TOKEN_MISSING"
    assert refresh(server, other + b"; " + ours) == "TOKEN_MISSING"
    assert refresh(server, ours, other) == "TOKEN_MISSING"
    assert refresh(server, f"{NAME}=; ".encode() + ours) == "TOKEN_MISSING"


def test_same_value_twice_is_accepted(server: ServerProcess, token: str) -> None:
    ours = f"{NAME}={token}".encode()

    assert refresh(server, b"foo; =bar; x=y;" + ours + b" ;\t" + ours, ours) is None


values = st.text('abc="\xa0\x85 \t', max_size=6)


@given(st.lists(st.tuples(st.sampled_from([NAME, f"\xa0{NAME}", "a", ""]), values), max_size=4))
def test_find_cookie_needs_the_exact_name(cookies: list[tuple[str, str]]) -> None:
    line = "; ".join(f"{name}={value}" for name, value in cookies).encode("latin-1")
    found = find_cookie(Request({"type": "http", "headers": [(b"cookie", line)]}), NAME)

    ours = {value.strip(" \t") for name, value in cookies if name == NAME}
    assert found == (ours.pop() if len(ours) == 1 else None)
