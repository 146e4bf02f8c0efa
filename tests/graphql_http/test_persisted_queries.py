"""Persisted queries are refused so that clients send the query instead."""

import json

import pytest

from tests.client import Client, code
from tests.graphql_http.posts import MEDIA

PERSISTED = {"persistedQuery": {"version": 1, "sha256Hash": "ab" * 32}}


@pytest.mark.parametrize("query", [{}, {"query": None}, {"query": ""}])
def test_persisted_query_is_refused_in_the_words_of_clients(
    client: Client, query: dict[str, str | None]
) -> None:
    sent = {"operationName": "A", "extensions": PERSISTED} | query
    parameters = {"extensions": json.dumps(PERSISTED)} | query

    answers = [
        client.http.post(client.url, json=sent),
        client.http.get(client.url, params=parameters),
        client.http.post(client.url, json=sent, headers={"Accept": MEDIA}),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 400]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json() == {
            "errors": [
                {
                    "message": "PersistedQueryNotSupported",
                    "extensions": {"code": "PERSISTED_QUERY_NOT_SUPPORTED"},
                }
            ]
        }


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_query_with_persisted_query_extension_is_executed(client: Client, method: str) -> None:
    query = "{ __typename }"

    answer = (
        client.http.get(client.url, params={"query": query, "extensions": json.dumps(PERSISTED)})
        if method == "GET"
        else client.http.post(client.url, json={"query": query, "extensions": PERSISTED})
    )

    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("extensions", [{}, {"persistedQuery": None}, {"other": 1}, None])
def test_missing_query_without_persisted_query_is_a_bad_request(
    client: Client, extensions: object
) -> None:
    response = client.http.post(client.url, json={"extensions": extensions})

    assert response.status_code == 400
    assert code(response.json()) == "BAD_REQUEST"
