import contextlib
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    GraphQLSyntaxError,
    Source,
    get_introspection_query,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

from graphql_auth.graphql_http.limits import Limits, parse_within
from graphql_auth.graphql_http.query_cost import TooComplex
from tests.client import Client, extensions

SMALL = Limits(
    tokens=40,
    directives=2,
    depth=3,
    aliases=2,
    root_fields=3,
    fields=5,
    field_merge_checks=9,
    variables=10,
)


def passed(text: str, limits: Limits = SMALL) -> str | None:
    """The name of the limit that a document passes."""
    try:
        limits.check_document(parse_within(limits, text))
    except TooComplex as error:
        return str(error.extensions["limit"])
    return None


def doubling(levels: int, last: str) -> str:
    """A document of a few bytes that holds ``last`` 2**levels times."""
    fragments = [f"fragment F{n} on T {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels)]
    return " ".join(["{ ...F0 }", *fragments, f"fragment F{levels} on T {{ {last} }}"])


@pytest.mark.parametrize(
    ("allowed", "too_much", "limit"),
    [
        ("{ " + "a(b: 1) " * 3 + "}", "{ " + "a(b: [1 2 3 4 5 6]) " * 3 + "}", "tokens"),
        ("{ a #x\n}", "{ a " + "#x\n" * 41 + "}", "tokens"),
        ("{ a @x @x }", "{ a @x b @x ...F } fragment F on T @x { c }", "directives"),
        ("{ a { b { c } } }", "{ a { b { c { d } } } }", "depth"),
        ("{ a { ... { b { c } } } }", "{ a { ...F } } fragment F on T { b { c { d } } }", "depth"),
        ("{ x: a y: b }", "{ x: a y: b z: c }", "aliases"),
        ("{ a { ...F } } fragment F on T { x: b }", doubling(2, "x: a"), "aliases"),
        ("{ a b c }", "{ a b c d }", "rootFields"),
        ("{ ...F } fragment F on T { a b c }", "{ ... { a b } ... { c d } }", "rootFields"),
        ("{ a { b c d e } }", "{ a { b c d e f } }", "fields"),
        ("{ a a a }", "{ a { b b b b } }", "comparisons"),
        ("{ a } fragment F on T { b b b }", "{ a } fragment F on T { b b b b }", "comparisons"),
        ("{ a { b } a { b } }", "{ a { b b } ... { a { b } } }", "comparisons"),
        (
            "{ ...F ...F ...F } fragment F on T { a }",
            "{ a { ...F b b b } } fragment F on T { b }",
            "comparisons",
        ),
    ],
)
def test_each_limit_is_exact(allowed: str, too_much: str, limit: str) -> None:
    assert passed(allowed) is None
    assert passed(too_much) == limit


def test_graphiql_introspection_fits_default_limits() -> None:
    query = get_introspection_query(
        descriptions=True,
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )

    assert passed(query, Limits()) is None


@pytest.mark.parametrize("levels", [24, 200])
def test_fragment_is_measured_once(levels: int) -> None:
    limits = Limits(tokens=10_000, field_merge_checks=100_000)

    assert passed(doubling(levels, "a"), limits) == "rootFields"
    assert passed(doubling(levels, "...Missing"), limits) is None


@pytest.mark.parametrize(
    "text",
    [
        "{ ...A } fragment A on T { ...A }",
        "{ ...A } fragment A on T { ...B ...B } fragment B on T { ...A ...A }",
        "{ ...A } fragment A on T { a { ...A } }",
        "{ ...Missing }",
        "fragment A on T { a }",
        "type A { b: Int }",
        "query A { a } query B { a }",
    ],
)
def test_invalid_document_is_measured(text: str) -> None:
    assert passed(text, Limits()) in {None, "depth"}


def test_every_operation_is_measured() -> None:
    assert passed("query A { a } query B { a b c d }") == "rootFields"


def test_nesting_beyond_the_parser_is_too_deep() -> None:
    assert passed("{ a(b: " + "[" * 300 + "]" * 300 + ") }", Limits()) == "depth"


def test_nested_fragments_are_too_deep() -> None:
    assert passed(doubling(2_000, "a"), Limits(tokens=100_000)) == "depth"


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("{ a" + " a" * 40 + " }", "tokens"),
        ("{ a " + "#x\n" * 41 + "}", "tokens"),
        ("{ a(b: " + "[" * 300 + "]" * 300 + ") }", "depth"),
    ],
)
def test_limits_do_not_depend_on_error_messages(
    monkeypatch: pytest.MonkeyPatch, text: str, limit: str
) -> None:
    class Reworded(GraphQLSyntaxError):
        def __init__(self, source: Source, position: int, _description: str) -> None:
            super().__init__(source, position, "In other words.")

    monkeypatch.setattr("graphql.language.parser.GraphQLSyntaxError", Reworded)
    monkeypatch.setattr("graphql.language.lexer.GraphQLSyntaxError", Reworded)

    assert passed(text, SMALL if limit == "tokens" else Limits()) == limit


def test_parse_within_raises_syntax_errors() -> None:
    with pytest.raises(GraphQLSyntaxError):
        parse_within(Limits(), "{")


@pytest.mark.parametrize(
    "variables",
    [
        {"a": "x" * 10},
        {"a" * 10: 1},
        {"a": [0] * 10},
        {"a": {"b": [{"c": [[]]}], "d": {"e": {"f": None}}}},
    ],
)
def test_variables_count_characters_and_values(variables: dict[str, Any]) -> None:
    SMALL.check_variables({"a": 1, "b": [1, True, None]})

    with pytest.raises(TooComplex) as raised:
        SMALL.check_variables(variables)

    assert raised.value.extensions == {"limit": "variables", "allowed": 10}


names = st.sampled_from("abc")
selections = st.recursive(
    names | st.sampled_from(["...F", "...G", "...H", "x: a", "a @skip(if: true)"]),
    lambda inner: (
        st.builds("{} {{ {} }}".format, names | st.just("..."), inner)
        | st.lists(inner, min_size=1, max_size=4).map(" ".join)
    ),
    max_leaves=12,
)


@given(selections, selections, selections)
def test_any_document_can_be_measured(operation: str, first: str, second: str) -> None:
    document = parse(
        f"{{ {operation} }} fragment F on T {{ {first} }} fragment G on T {{ {second} }}"
    )
    assert isinstance(document, DocumentNode)

    for limits in (Limits(), SMALL):
        with contextlib.suppress(TooComplex):
            limits.check_document(document)


@pytest.mark.parametrize(
    ("query", "limit", "allowed"),
    [
        ("{" + "welcome " * 2001 + "}", "tokens", 2000),
        ("{" + " ".join(f"a{n}: welcome" for n in range(21)) + "}", "rootFields", 20),
        (doubling(24, "welcome"), "rootFields", 20),
        ("{ viewer {" + "id " * 200 + "} }", "comparisons", 10_000),
    ],
)
def test_error_has_limit_and_allowed(client: Client, query: str, limit: str, allowed: int) -> None:
    assert extensions(client.ask(query)) == {
        "code": "QUERY_TOO_COMPLEX",
        "limit": limit,
        "allowed": allowed,
    }


def test_error_has_limit_of_variables(client: Client) -> None:
    answer = client.ask("{ viewer { id } }", {"unused": "x" * 20_001})

    assert extensions(answer)["limit"] == "variables"
