"""Queries by GET."""

import pytest

from tests.client import Client, code


@pytest.mark.parametrize("name", ["variables", "extensions"])
def test_null_in_a_get_counts_as_absent(client: Client, name: str) -> None:
    response = client.http.get(client.url, params={"query": "{ __typename }", name: "null"})

    assert response.json() == {"data": {"__typename": "Query"}}


def test_operation_can_be_named_null(client: Client) -> None:
    """In a GET, ``operationName`` is no JSON."""
    query = "query null { a: __typename } query B { __typename }"
    response = client.http.get(client.url, params={"query": query, "operationName": "null"})

    assert response.json() == {"data": {"a": "Query"}}


def test_get_executes_a_query(client: Client) -> None:
    parameters = {
        "query": "query Q($name: String!) { __type(name: $name) { name } }",
        "variables": '{"name": "User"}',
        "operationName": "Q",
    }

    response = client.http.get(client.url, params=parameters)

    assert response.json() == {"data": {"__type": {"name": "User"}}}


def test_get_ignores_empty_variables(client: Client) -> None:
    response = client.http.get(client.url, params={"query": "{ __typename }", "variables": ""})

    assert response.json() == {"data": {"__typename": "Query"}}


def test_get_takes_null_for_absent_parameters(client: Client) -> None:
    parameters = {"query": "{ __typename }", "variables": "null", "extensions": "null"}

    assert client.http.get(client.url, params=parameters).json() == {
        "data": {"__typename": "Query"}
    }


@pytest.mark.parametrize("variables", ["{", "1", '"x"', "[]", "[{}]"])
def test_get_with_broken_variables_is_a_400_with_code(client: Client, variables: str) -> None:
    parameters = {"query": "{ __typename }", "variables": variables}

    response = client.http.get(client.url, params=parameters)

    assert response.status_code == 400
    assert code(response.json()) == "BAD_REQUEST"


@pytest.mark.parametrize(
    "query",
    [
        'mutation { login(input: {email: "a", password: "b"}) { token } }',
        "mutation { ...F } fragment F on Mutation { logout: __typename }",
    ],
)
def test_get_refuses_a_mutation(client: Client, query: str) -> None:
    response = client.http.get(client.url, params={"query": query})

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert code(response.json()) == "BAD_REQUEST"


def test_browser_with_query_gets_json(client: Client) -> None:
    response = client.http.get(
        client.url,
        params={"query": "{ __typename }"},
        headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"},
    )

    assert response.json() == {"data": {"__typename": "Query"}}
