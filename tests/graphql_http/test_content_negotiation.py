import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphql_auth.graphql_http.content_negotiation import GRAPHQL, JSON, choose_media_type, is_json


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", JSON),
        (" , ", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL, GRAPHQL),
        ("Application/GraphQL-Response+JSON", GRAPHQL),
        (f"{GRAPHQL}; charset=utf-8", GRAPHQL),
        (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
        (f"{GRAPHQL}, {JSON}", GRAPHQL),
        (f"{JSON}, {GRAPHQL}", JSON),
        (f"{JSON};q=0.8, {GRAPHQL};q=0.9", GRAPHQL),
        (f"*/*, {GRAPHQL}", GRAPHQL),
        (f"*/*, {GRAPHQL};q=0.9", JSON),
        ("text/html,application/xhtml+xml,*/*;q=0.8", JSON),
        (f'{JSON};x="a, {GRAPHQL};q=1";q=0.5', JSON),
        (f'text/html;x="\\", {JSON}", {GRAPHQL}', GRAPHQL),
        (f'text/html;x=", {JSON}', None),
        (f'{GRAPHQL};x="a;q=0"', GRAPHQL),
        ("text/html", None),
        ("image/*", None),
        (f"{JSON};q=0", None),
        (f"{JSON};q=0, */*", None),
        (f"{JSON};q=high", None),
        (f"{JSON};charset=utf-16", None),
        ("application/jsonfoo", None),
    ],
)
def test_accept_with_highest_weight_wins(accept: str, expected: str | None) -> None:
    assert choose_media_type(accept) == expected


@pytest.mark.parametrize(
    "content_type",
    [
        JSON,
        "Application/JSON",
        f"{JSON}; charset=utf-8",
        f'{JSON};charset="UTF-8"',
        f"{JSON} ;x=y",
        f'{JSON};x="y, z"',
    ],
)
def test_content_type_json_with_parameters_is_json(content_type: str) -> None:
    assert is_json(content_type)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/jsonfoo",
        "application/json-patch+json",
        "text/application/json",
        f"{JSON}, text/plain",
        f"{JSON}, {JSON}",
        f"{JSON},",
        f"{JSON}; x=y, text/plain",
        f"; {JSON}",
        f"{JSON}; charset=utf-16",
        f"{JSON}; charset=latin-1",
        f"{JSON}\xa0",
        f"\xa0{JSON}",
        f"\x85{JSON}",
        f"{JSON}; charset\xa0=utf-8; charset=\xa0utf-8",
        GRAPHQL,
    ],
)
def test_content_type_similar_to_json_is_not_json(content_type: str) -> None:
    assert not is_json(content_type)


@given(st.text())
def test_any_header_value_is_parsed(text: str) -> None:
    assert choose_media_type(text) in {JSON, GRAPHQL, None}
    assert is_json(text) in {True, False}
