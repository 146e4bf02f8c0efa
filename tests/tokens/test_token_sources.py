import pytest
from starlette.requests import Request

from graphql_auth.settings import TokenSource
from graphql_auth.tokens.token_sources import find_tokens

HEADERS = ("authorization", "x-access-token")


def request(*headers: tuple[str, str], query: str = "", method: str = "POST") -> Request:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": "http", "method": method, "headers": raw, "query_string": query.encode()}
    return Request(scope)


@pytest.mark.parametrize("source", TokenSource)
def test_every_source_of_the_settings_can_be_read(source: TokenSource) -> None:
    everywhere = request(("Authorization", "Bearer a"), ("x-access-token", "a"), query="token=a")

    assert list(find_tokens(everywhere, {"token": "a"}, [source])) == ["a"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_may_be_in_any_case(scheme: str) -> None:
    assert list(find_tokens(request(("Authorization", f"{scheme} abc")), {}, HEADERS)) == ["abc"]


@pytest.mark.parametrize(
    "header",
    [
        ("Authorization", "Basic abc"),
        ("Authorization", "abc"),
        ("Authorization", "Bearer"),
        ("Authorization", "Bearer "),
        ("Authorization", ""),
        ("X-Access-Token", ""),
        ("X-Access-Token", "  "),
        ("Authorization", "\xa0Bearer abc"),
        ("Authorization", "\x85Bearer abc"),
        ("Authorization", "Bearer\xa0abc"),
    ],
)
def test_another_scheme_and_an_empty_header_carry_no_token(header: tuple[str, str]) -> None:
    assert list(find_tokens(request(header), {}, HEADERS)) == []


@pytest.mark.parametrize("blank", ["\xa0", "\x85", "\x1f", "\x0b"])
def test_only_spaces_and_tabs_are_blanks_around_a_token(blank: str) -> None:
    bearer = request(("Authorization", f" \tBearer \t{blank}abc{blank}\t"))
    plain = request(("X-Access-Token", f" \t{blank}abc{blank} "))

    assert list(find_tokens(bearer, {}, HEADERS)) == [f"{blank}abc{blank}"]
    assert list(find_tokens(plain, {}, HEADERS)) == [f"{blank}abc{blank}"]


def test_every_header_is_read_however_often_it_stands() -> None:
    several = request(
        ("Authorization", "Bearer a"), ("Authorization", "Bearer b"), ("x-access-token", " c ")
    )

    assert list(find_tokens(several, {}, HEADERS)) == ["a", "b", "c"]


def test_only_the_given_sources_are_read() -> None:
    everywhere = request(
        ("Authorization", "Bearer a"), ("x-access-token", "b"), query="token=c&token=d"
    )

    assert list(find_tokens(everywhere, {"token": "e"}, ["authorization"])) == ["a"]
    assert list(find_tokens(everywhere, {"token": "e"}, ["x-access-token"])) == ["b"]
    assert list(find_tokens(everywhere, {"token": "e"}, ["query"])) == ["c", "d"]
    assert list(find_tokens(everywhere, {"token": "e"}, ["body"])) == ["e"]


def test_the_query_string_is_not_the_body() -> None:
    by_get = request(query="token=a", method="GET")

    assert list(find_tokens(by_get, {"token": "a"}, ["body"])) == []


def test_a_body_may_hold_anything_at_all() -> None:
    assert list(find_tokens(request(), {"token": {"$ne": 1}}, ["body"])) == []
