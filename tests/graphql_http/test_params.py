import pytest

from graphql_auth.graphql_http.params import HttpRequest

HEADERS = [(b"host", b"x"), (b"x-access-token", b"a"), (b"x-access-token", b"\xfc"), (b"x", b"")]


@pytest.fixture
def request_() -> HttpRequest:
    return HttpRequest({"type": "http", "headers": HEADERS})


@pytest.mark.parametrize("name", ["x-access-token", "X-Access-Token", "X-ACCESS-TOKEN"])
def test_a_header_is_found_by_its_name_in_any_case(request_: HttpRequest, name: str) -> None:
    assert name in request_.headers
    assert request_.headers[name] == "a"
    assert request_.headers.get(name) == "a"
    assert request_.headers.get(name, "other") == "a"
    assert request_.headers.getlist(name) == ["a", "\u00fc"]


def test_a_header_of_nothing_is_a_header(request_: HttpRequest) -> None:
    assert request_.headers.get("x", "other") == ""
    assert request_.headers.getlist("x") == [""]


def test_a_header_that_is_not_there_is_told_from_one_that_is(request_: HttpRequest) -> None:
    assert "cookie" not in request_.headers
    assert request_.headers.get("cookie") is None
    assert request_.headers.get("cookie", "other") == "other"
    assert request_.headers.getlist("cookie") == []
    with pytest.raises(KeyError):
        request_.headers["cookie"]


def test_all_headers_are_there_in_their_order(request_: HttpRequest) -> None:
    assert request_.headers.keys() == ["host", "x-access-token", "x-access-token", "x"]
    assert request_.headers is request_.headers
