import httpx
import pytest
from graphql import DocumentNode, GraphQLScalarType, build_schema

from graphql_auth.graphql_http.document_cache import MAX_ERRORS, DocumentCache
from graphql_auth.graphql_http.endpoint import EndpointConfig
from graphql_auth.graphql_http.errors import format_error
from graphql_auth.graphql_http.limits import Limits, parse_within
from graphql_auth.graphql_http.messages import validation_message
from graphql_auth.graphql_http.query_cost import TooComplex
from tests.graphql_http.test_overload import Slow
from tests.services import endpoint_for

SCHEMA = build_schema("type Query { a: Int  b: Int }")


def test_valid_document_is_cached() -> None:
    documents = DocumentCache(SCHEMA, Limits())

    assert documents.get("{ a }") is documents.get("{ a }")
    assert documents.get("{ a }").errors == ()


def test_invalid_document_is_cached() -> None:
    documents = DocumentCache(SCHEMA, Limits())

    for text in ("{", "{ nothing }"):
        assert len(documents.get(text).errors) == 1
        assert documents.get(text) is documents.get(text)


@pytest.mark.parametrize("text", ["{ a", "{ a nothing }", "{ a a a }", "{ a" + " a" * 9 + " }"])
def test_cached_errors_do_not_keep_the_document(text: str) -> None:
    document = DocumentCache(SCHEMA, Limits(root_fields=2, tokens=9)).get(text)

    assert document.node.definitions == ()
    for error in document.errors:
        for kept in (error, error.original_error or error):
            assert (kept.__traceback__, kept.__context__) == (None, None)
        assert error.locations or isinstance(error.original_error, TooComplex)
        assert (error.nodes, error.source) == (None, None)


def test_literal_refused_by_a_scalar_is_a_validation_error() -> None:
    def refuse(value: object) -> None:
        raise ValueError(value)

    schema = build_schema("scalar Odd  type Query { a(b: Odd): Int }")
    scalar = schema.type_map["Odd"]
    assert isinstance(scalar, GraphQLScalarType)
    scalar.coerce_input_value = refuse
    (error,) = DocumentCache(schema, Limits()).get('{ a(b: "hunter2") }').errors

    formatted = format_error(error)

    assert formatted["message"] == "Expected value of type 'Odd'."
    assert formatted["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}


def test_cached_document_has_no_token_cycle() -> None:
    location = DocumentCache(SCHEMA, Limits()).get("{ a b }").node.loc

    assert location is not None
    assert location.start_token.next is location.end_token.prev is None


def test_least_recently_used_document_is_evicted() -> None:
    documents = DocumentCache(SCHEMA, Limits(), size=515)
    first, second = documents.get("{ a }"), documents.get("{ b }")
    assert documents.get("{ a }") is first

    documents.get("{ a b }")

    assert documents.get("{ a }") is first
    assert documents.get("{ b }") is not second


def test_document_larger_than_cache_is_not_cached() -> None:
    documents = DocumentCache(SCHEMA, Limits(), size=260)
    small = documents.get("{ a }")
    large = documents.get("{ a a a a a a }")

    assert documents.get("{ a a a a a a }") is not large
    assert documents.get("{ a }") is small


def test_many_small_documents_are_evicted() -> None:
    documents = DocumentCache(SCHEMA, Limits())
    first = documents.get("x")

    for number in range(1_000):
        documents.get(f"x{number}")

    assert documents.get("x") is not first


def test_validation_stops_after_max_errors() -> None:
    wrong = "{" + " ".join(f"x{number}" for number in range(99)) + "}"

    document = DocumentCache(SCHEMA, Limits(root_fields=99)).get(wrong)

    assert len(document.errors) == MAX_ERRORS + 1


MISTYPED = [
    "{ aa }",
    "{ a(cc: 1) }",
    "query ($x: Strin) { a(c: $x) }",
    "{ ... on Querry { a } }",
    "{ a(d: {ee: 1}) }",
]


@pytest.mark.parametrize("text", MISTYPED)
def test_no_suggestions_without_introspection(text: str) -> None:
    schema = build_schema("type Query { a(c: String, d: I): Int } input I { e: Int }")

    with_it = DocumentCache(schema, Limits()).get(text).errors
    without = DocumentCache(schema, Limits(), introspection=False).get(text).errors

    assert [error for error in with_it if "Did you mean" in error.message]
    assert len(without) == len(with_it)
    assert not [error for error in without if "Did you mean" in error.message]


@pytest.mark.parametrize(
    "text", ["{ __schema { types { name } } }", '{ __type(name: "I") { name } }']
)
def test_schema_is_hidden_without_introspection(text: str) -> None:
    documents = DocumentCache(SCHEMA, Limits(), introspection=False)

    assert documents.get(text).errors
    assert not DocumentCache(SCHEMA, Limits()).get(text).errors
    assert not documents.get("{ __typename }").errors


@pytest.mark.parametrize(
    "text",
    [
        "{ _service { sdl } }",
        "{ a: _service { sdl } }",
        "{ ...F } fragment F on Query { _service { ...G } } fragment G on _Service { sdl }",
    ],
)
def test_schema_of_subgraph_is_hidden_without_introspection(text: str) -> None:
    schema = build_schema("type Query { _service: _Service! } type _Service { sdl: String! }")

    (error,) = DocumentCache(schema, Limits(), introspection=False).get(text).errors

    assert "introspection has been disabled" in error.message
    assert validation_message(error.message) == error.message
    assert not DocumentCache(schema, Limits()).get(text).errors


@pytest.mark.anyio
async def test_document_is_parsed_once_for_many_requests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[str] = []

    def parse_and_note(limits: Limits, text: str) -> DocumentNode:
        read.append(text)
        return parse_within(limits, text)

    monkeypatch.setattr("graphql_auth.graphql_http.document_cache.parse_within", parse_and_note)
    endpoint = endpoint_for(Slow(), EndpointConfig())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(endpoint)) as client:
        for number in range(1_000):
            query = f"query Q($name: String!) {{ a{number % 10}: __type(name: $name) {{ name }} }}"
            asked = {"query": query, "variables": {"name": f"User{number}"}}
            response = await client.post("http://test/graphql", json=asked)
            assert "errors" not in response.json()

    assert 1 - len(read) / 1_000 == 0.99
