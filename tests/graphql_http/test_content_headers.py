"""The headers Accept, Content-Type and Content-Encoding, and the type of the answer."""

import json

import pytest

from tests.client import Client, code
from tests.graphql_http.posts import JSON, MEDIA, TWO, post


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "application/jsonfoo",
    ],
)
def test_other_content_types_are_refused(client: Client, media_type: str) -> None:
    response = post(client, b'{"query": "{ welcome }"}', **{"Content-Type": media_type})

    assert response.status_code == 415
    assert code(response.json()) == "BAD_REQUEST"


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_content_type_ignores_case_and_parameters(client: Client, media_type: str) -> None:
    response = post(client, b'{"query": "{ viewer { id } }"}', **{"Content-Type": media_type})

    assert response.json() == {"data": {"viewer": None}}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("{ viewer { id } }", 200),
        ("{ welcome }", 200),
        ("{", 400),
        ("{ nothing }", 400),
        ("query ($id: ID!) { node(id: $id) { id } }", 400),
        (TWO, 400),
    ],
)
def test_status_depends_on_media_type(client: Client, query: str, status: int) -> None:
    body = json.dumps({"query": query}).encode()

    as_json, as_graphql = post(client, body), post(client, body, Accept=MEDIA)

    assert as_json.json() == as_graphql.json()
    assert (as_json.status_code, as_graphql.status_code) == (200, status)
    assert as_json.headers["content-type"] == "application/json; charset=utf-8"
    assert as_graphql.headers["content-type"] == f"{MEDIA}; charset=utf-8"


def test_accept_without_json_is_a_406(client: Client) -> None:
    response = post(client, b'{"query": "{ __typename }"}', Accept="image/png")

    assert response.status_code == 406
    assert code(response.json()) == "BAD_REQUEST"


def test_accept_in_several_lines_is_one_list(client: Client) -> None:
    lines = [("Accept", "image/png"), ("Accept", MEDIA), *JSON.items()]
    response = client.http.post(client.url, content=b'{"query": "{ welcome }"}', headers=lines)

    assert response.headers["content-type"] == f"{MEDIA}; charset=utf-8"


@pytest.mark.parametrize("second", ["text/plain", "application/json", ""])
@pytest.mark.parametrize("first", ["application/json", "application/json; x=y"])
def test_second_content_type_is_refused(client: Client, first: str, second: str) -> None:
    lines = [("Content-Type", first), ("Content-Type", second)]
    response = client.http.post(client.url, content=b'{"query": "{ welcome }"}', headers=lines)

    assert response.status_code == 415
    assert code(response.json()) == "BAD_REQUEST"


@pytest.mark.parametrize("lines", [["gzip"], ["identity, br"], ["identity", "Deflate"], ["x"]])
def test_content_encoding_is_a_415(client: Client, lines: list[str]) -> None:
    headers = [*JSON.items(), *(("Content-Encoding", line) for line in lines)]
    response = client.http.post(client.url, content=b'{"query": "{ welcome }"}', headers=headers)

    assert response.status_code == 415
    assert response.headers["accept-encoding"] == "identity"
    assert code(response.json()) == "BAD_REQUEST"


@pytest.mark.parametrize("coding", ["", "identity", "Identity, identity"])
def test_content_encoding_identity_is_accepted(client: Client, coding: str) -> None:
    response = post(client, b'{"query": "{ viewer { id } }"}', **{"Content-Encoding": coding})

    assert response.json() == {"data": {"viewer": None}}
