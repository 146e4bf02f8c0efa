import itertools
from collections.abc import Sequence

import pytest
from graphql import GraphQLError, GraphQLSyntaxError
from hypothesis import given
from hypothesis import strategies as st

from graphql_auth.graphql_http.document_cache import MAX_ERRORS, DocumentCache
from graphql_auth.graphql_http.limits import Limits
from graphql_auth.graphql_http.messages import (
    INVALID,
    UNREADABLE,
    syntax_message,
    validation_message,
)
from graphql_auth.graphql_http.query_cost import TooComplex
from graphql_auth.schema import create_schema
from tests.client import Client

SECRET = "hunter2"
UNKNOWN_FIELD = "Expected value of type 'I' not to include unknown field 'b'. Did you mean 'a'?"
CORE = create_schema().core

# Each breaks a rule of the validation, so that together they show every message.
INVALID_DOCUMENTS = [
    "{ welcom }",
    "{ viewer }",
    "{ welcome { x } }",
    '{ node(i: "x") { id } }',
    "{ node { id } }",
    "{ node(id: 1.5) { id } }",
    '{ node(id: "x") { email } }',
    '{ node(id: "x", id: "y") { id } }',
    "query ($a: Strin) { welcome }",
    "query ($a: User) { welcome }",
    "query ($a: Int, $a: Int) { welcome }",
    "query Q($a: Int) { welcome }",
    "query Q { node(id: $x) { id } }",
    "{ node(id: $x) { id } }",
    "query ($i: Int) { node(id: $i) { id } }",
    "{ welcome @nope }",
    "{ welcome @skip(if: true) @skip(if: false) }",
    "{ welcome @skip }",
    "{ welcome @skip(i: true) }",
    "query @skip(if: true) { welcome }",
    '{ welcome @include(if: "x") }',
    "{ ...F }",
    "fragment F on User { id } { welcome }",
    "fragment F on User { ...F } { viewer { ...F } }",
    "fragment F on User { ...G } fragment G on User { ...F } { viewer { ...F } }",
    "fragment F on String { id } { viewer { ...F } }",
    "{ viewer { ... on String { id } } }",
    "{ viewer { ... on Session { id } } }",
    "fragment F on Session { id } { viewer { ...F } }",
    "{ ... on Nope { id } }",
    "{ a: welcome a: __typename }",
    "{ viewer { a: id a: email } viewer { a: firstName } }",
    "{ viewer { sessions(first: 1) { __typename } sessions(first: 2) { __typename } } }",
    '{ viewer { sessions(first: "x") { pageInfo { hasNextPage } } } }',
    "{ viewer { sessions(first: 99999999999) { pageInfo { hasNextPage } } } }",
    "{ welcome } query A { welcome }",
    "query A { welcome } query A { welcome }",
    "fragment F on User { id } fragment F on User { id } { viewer { ...F } }",
    "subscription { x }",
    "type A { b: Int }",
    "schema { query: A }",
    "extend schema { query: A }",
    'mutation { login(input: {email: "a"}) { token } }',
    'mutation { login(input: {email: "a", passwor: "hunter2"}) { token } }',
    'mutation { login(input: {email: "a", email: "b", password: "p"}) { token } }',
    'mutation { login(input: "hunter2") { token } }',
    "mutation { login(input: null) { token } }",
    "mutation { login(input: {email: null, password: hunter2}) { token } }",
    'mutation { login(input: {email: 1, password: "x", useCookie: "hunter2"}) { token } }',
    'query ($a: Int = "hunter2") { welcome }',
    "{" + " ".join(f"x{number}: nothing" for number in range(MAX_ERRORS + 1)) + "}",
]


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (
            "Syntax Error: Expected Name, found String 'x'.",
            "Syntax Error: Expected Name, found String.",
        ),
        (
            "Syntax Error: Expected '$', found Name 'x'.",
            "Syntax Error: Expected '$', found Name.",
        ),
        ("Syntax Error: Expected 'on', found '}'.", "Syntax Error: Expected 'on', found '}'."),
        ("Syntax Error: Expected Name, found <EOF>.", "Syntax Error: Expected Name, found <EOF>."),
        ("Syntax Error: Unexpected Name 'x\n'.", "Syntax Error: Unexpected Name."),
        ("Syntax Error: Unterminated string.", "Syntax Error: Unterminated string."),
        ("Syntax Error: Unexpected hunter2.", UNREADABLE),
        ("Syntax Error: Expected Name, found hunter2.", UNREADABLE),
        ("Syntax Error: Expected 'hunter2', found Name 'x'.", UNREADABLE),
        ("Syntax Error: Expected hunter2, found Name 'x'.", UNREADABLE),
        ("Syntax Error: Expected Name, but found String 'hunter2'.", UNREADABLE),
        ("Syntax Error: String 'hunter2' instead of Name.", UNREADABLE),
        ("Syntax Error: Expected Name.", UNREADABLE),
    ],
)
def test_syntax_error_says_what_was_expected_and_found(message: str, told: str) -> None:
    assert syntax_message(message) == told


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (
            "Expected value of type 'I' to include required field 'a', found: { b: 1 }.",
            "Expected value of type 'I' to include required field 'a'.",
        ),
        (
            f"{UNKNOWN_FIELD} Found: {{ b: \n1 }}.",
            UNKNOWN_FIELD,
        ),
        (
            "String cannot represent a non string value: x",
            "String cannot represent a non string value.",
        ),
        (
            "Expected value of type 'DateTime', but encountered error 'x'; found: 'x'.",
            "Expected value of type 'DateTime'.",
        ),
        ("Cannot query field 'a' on type 'B'.", "Cannot query field 'a' on type 'B'."),
    ],
)
def test_validation_error_loses_only_the_value(message: str, told: str) -> None:
    assert validation_message(message) == told


@pytest.mark.parametrize(
    "reworded",
    [
        'String cannot represent hunter2, a non string value: "x"',
        'The value "hunter2" is no String.',
        "Expected value of type 'I' to include required field 'a'; got { b: \"hunter2\" }.",
        "Expected value of type 'I' instead of \"hunter2\", found: 1.",
        "Expected value of type 'I', found hunter2.",
        "Cannot query field 'a' on type 'B'. The query was: hunter2",
        "Cannot query field 'a' on type 'B'. Did you mean 'hunter 2'?",
        "Cannot query field 'hunter2\n' on type 'B'.",
        "Unknown argument 'a' with the value 'hunter2' on field 'B.c'.",
        "hunter2: Unknown type 'A'.",
        "Fields 'a' conflict because 'x' and 'y' have the values 'hunter2' and 'z'.",
        "hunter2",
        "",
    ],
)
def test_reworded_message_is_replaced(reworded: str) -> None:
    assert validation_message(reworded) == INVALID
    assert syntax_message(f"Syntax Error: {reworded}") == UNREADABLE


def errors(document: str, *, introspection: bool) -> Sequence[GraphQLError | TooComplex]:
    limits = Limits(root_fields=99, aliases=99)
    return DocumentCache(CORE, limits, introspection=introspection).get(document).errors


@pytest.mark.parametrize("introspection", [True, False])
def test_every_validation_message_is_listed(*, introspection: bool) -> None:
    found = [errors(text, introspection=introspection) for text in INVALID_DOCUMENTS]

    assert all(found)
    messages = [error.message for error in itertools.chain(*found)]
    unknown = {message for message in messages if validation_message(message) == INVALID}
    assert not unknown, (
        "graphql-core has new messages: list them in graphql_auth/graphql_http/messages.py"
    )
    assert not [message for message in map(validation_message, messages) if SECRET in message]


def test_error_says_that_introspection_is_off() -> None:
    (error, *_) = errors("{ __schema { types { name } } }", introspection=False)

    assert validation_message(error.message) == error.message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{ a( }", "Expected Name, found '}'."),
        ("query Q( { a }", "Expected '$', found '{'."),
        ("fragment F hunter2 { id }", "Expected 'on', found Name."),
        ("{ viewer {} }", "Expected Name, found '}'."),
        ("{ viewer", "Expected Name, found <EOF>."),
        ("{ viewer { id }", "Expected Name, found <EOF>."),
        ('{ a(b "hunter2") }', "Expected ':', found String."),
        ('{ a(b """hunter2""") }', "Expected ':', found BlockString."),
        ("{ a(b: hunter2 1 }", "Expected Name, found Int."),
        ("{ a } hunter2", "Unexpected Name."),
        ("{ a } }", "Unexpected '}'."),
        ("", "Unexpected <EOF>."),
        ("{ a(b: 1.5.5) }", "Invalid number, expected digit."),
        ("{ a(b: .5) }", "Invalid number, expected digit."),
        ("{ a(b: 1e) }", "Invalid number, expected digit."),
        ("{ a(b: 07) }", "Invalid number, unexpected digit after 0."),
        ('{ a(b: "hunter2) }', "Unterminated string."),
        ('{ a(b: """hunter2) }', "Unterminated string."),
        ('{ a(b: "\ud800hunter2") }', "Invalid character within String."),
        ('{ a(b: """\ud800hunter2""") }', "Invalid character within String."),
        (r'{ a(b: "\uhunter2") }', "Invalid Unicode escape sequence."),
        (r'{ a(b: "\u{hunter2}") }', "Invalid Unicode escape sequence."),
        (r'{ a(b: "\hunter2") }', "Invalid character escape sequence."),
        (
            "{ a(b: 'hunter2') }",
            "Unexpected single quote character ('), did you mean to use a double quote (\")?",
        ),
        ("{ ..F }", "Unexpected '..', did you mean '...'?"),
        ("{ a(b: ?hunter2) }", "Unexpected character."),
        ("{ a(b: \ud800) }", "Invalid character."),
        ("query ($a: ID = $hunter2) { a }", "Unexpected variable."),
        ('"hunter2" { a }', "Unexpected description."),
        ('"hunter2" extend type A { b: C }', "Unexpected description."),
    ],
)
def test_every_syntax_error_is_listed(text: str, told: str) -> None:
    (error,) = errors(text, introspection=True)

    assert isinstance(error, GraphQLSyntaxError)
    assert syntax_message(error.message) == f"Syntax Error: {told}"


def test_null_variable_of_non_null_argument_is_named(client: Client) -> None:
    query = 'query ($i: ID = "x") { node(id: $i) { id } }'

    (error,) = client.ask(query, {"i": None}, token=client.token())["errors"]

    assert error["message"].startswith("Argument 'id' has invalid value: Expected variable '$i'")


values = st.text(st.characters(), min_size=1).map(lambda text: f"hunter2{text}")


@given(values, st.sampled_from(["{}", "Unknown type '{}'.", "{}: x", "x: {}", "found: {}"]))
def test_no_text_around_a_value_passes_it(value: str, around: str) -> None:
    told = validation_message(around.format(value))

    assert told == INVALID or (told == f"Unknown type '{value}'." and value.isascii())
