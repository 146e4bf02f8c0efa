import json
from typing import Any

import pytest
from graphql import GraphQLError, build_schema, execute_sync, parse
from hypothesis import assume, given
from hypothesis import strategies as st

from graphql_auth.errors import BadInput
from graphql_auth.graphql_http.variable_errors import variable_errors
from tests.client import LOGIN, Client

SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    "literal",
    [
        f'{{email: "a", password: "{SECRET}", extra: 1}}',
        f'{{emai: "a", password: "{SECRET}"}}',
        f'{{email: 1, password: "{SECRET}"}}',
        f'{{email: "a", password: {SECRET}}}',
        f'{{email: "a", password: ["{SECRET}"]}}',
        f'{{email: "a", password: {{value: "{SECRET}"}}}}',
        f'"{SECRET}"',
        f'["{SECRET}"]',
        f'{{email: "a", password: "{SECRET}" "{SECRET}"}}',
        f'{{email: "a", password: "{SECRET}}}',
        f"{{email: 'a', password: '{SECRET}'}}",
        f'{{email: "a", password: "{SECRET}\\q"}}',
        f'{{email: "a", password: """{SECRET}}}',
    ],
)
def test_error_never_repeats_a_literal(client: Client, literal: str) -> None:
    answer = client.ask(f"mutation {{ login(input: {literal}) {{ token }} }}")

    assert answer["errors"][0]["extensions"]["code"].startswith("GRAPHQL_")
    assert SECRET not in json.dumps(answer)


values = st.recursive(
    st.just(SECRET) | st.integers() | st.none() | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["email", "password", "extra"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(values)
def test_error_never_repeats_a_variable(client: Client, value: Any) -> None:
    assume(SECRET in json.dumps(value))

    assert SECRET not in json.dumps(client.ask(LOGIN, {"input": value}))


SCHEMA = build_schema("""
    type Query { f(i: I, j: [Int], k: K): Int }
    input I { a: String  b: Int!  c: Int = 1  d: I  e: [Int!]  k: K }
    input K @oneOf { a: Int  b: Int }
""")


def fields(document: str, variables: dict[str, Any]) -> list[tuple[str, str]]:
    result = execute_sync(SCHEMA, parse(document), variable_values=variables)
    assert result.errors
    (error,) = variable_errors(SCHEMA, result.errors, variables)
    assert isinstance(error.original_error, BadInput)
    return [(fault.field, fault.reason.value) for fault in error.original_error.fields]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, [("b", "REQUIRED")]),
        (
            {"a": 1, "b": "x", "c": None, "d": {"b": None}},
            [
                ("a", "WRONG_TYPE"),
                ("b", "WRONG_TYPE"),
                ("b", "REQUIRED"),
            ],
        ),
        ({"b": 1, "e": [1, "x"]}, [("e", "WRONG_TYPE")]),
        ({"b": 1, "e": [None]}, [("e", "WRONG_TYPE")]),
        (7, [("i", "WRONG_TYPE")]),
    ],
)
def test_each_invalid_field_has_name_and_reason(
    value: object, expected: list[tuple[str, str]]
) -> None:
    assert fields("query ($i: I) { f(i: $i) }", {"i": value}) == expected


@pytest.mark.parametrize("value", [{}, {"a": None}, {"a": 1, "b": 2}])
def test_input_with_one_field_of_several(value: object) -> None:
    assert fields("query ($k: K) { f(k: $k) }", {"k": value}) == [("k", "WRONG_TYPE")]
    assert fields("query ($i: I) { f(i: $i) }", {"i": {"k": value}}) == [
        ("b", "REQUIRED"),
        ("k", "WRONG_TYPE"),
    ]


def test_errors_of_all_variables_become_one() -> None:
    document = "query ($i: I!, $j: [Int]) { f(i: $i, j: $j) }"

    assert fields(document, {"j": "x"}) == [("i", "REQUIRED"), ("j", "WRONG_TYPE")]


def test_other_errors_stay_unchanged() -> None:
    errors = [GraphQLError("one"), GraphQLError("other", parse("{ f }").definitions[0])]

    assert variable_errors(SCHEMA, errors, {}) is errors
