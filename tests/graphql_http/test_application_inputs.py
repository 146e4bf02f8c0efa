"""What Strawberry checks beyond graphql-core, in the fields of an application."""

from collections.abc import Iterable, Iterator
from typing import Any, cast

import httpx
import pytest
import strawberry
from strawberry import relay

from graphql_auth.context import Info
from graphql_auth.graphql_http.endpoint import EndpointConfig, GraphQLEndpoint
from graphql_auth.schema import Mutation, Query, create_schema, sdl

pytestmark = pytest.mark.anyio

counted: list[int] = []


@strawberry.input(one_of=True)
class By:
    id: strawberry.ID | None = strawberry.UNSET
    name: str | None = strawberry.UNSET


@strawberry.type
class ShopMutation(Mutation):
    @strawberry.mutation
    def count(self) -> int:
        counted.append(1)
        return len(counted)

    @strawberry.mutation
    def find(self, by: By | None) -> str:
        return (by and by.id) or "none"

    @strawberry.mutation
    def rename(self, name: strawberry.Maybe[str]) -> str:
        return name.value if name else "none"


@strawberry.type
class Note(relay.Node):
    number: relay.NodeID[int]

    @classmethod
    def resolve_nodes(cls, *, node_ids: Iterable[str], **_: Any) -> list["Note"]:
        return [cls(number=int(one)) for one in node_ids]


def make_notes() -> Iterator[Note]:
    yield Note(number=1)
    yield Note(number=2)


@strawberry.type
class ShopQuery(Query):
    note: Note = relay.node()
    some: list[Note] = relay.node()

    @relay.connection(relay.ListConnection[Note])  # type: ignore[untyped-decorator]
    def notes(self) -> Iterable[Note]:
        return [*make_notes()]

    @relay.connection(relay.ListConnection[Note])  # type: ignore[untyped-decorator]
    def generated(self) -> Iterable[Note]:
        return make_notes()

    @strawberry.field
    async def reference(self, info: Info) -> Note | None:
        return await relay.GlobalID("Gone", "1").resolve_node(info, ensure_type=Note)

    @relay.connection(relay.ListConnection[Note])  # type: ignore[untyped-decorator]
    def broken(self) -> Iterable[int]:
        return map(int, ["x"])


SCHEMA = create_schema(ShopQuery, ShopMutation)


async def ask(query: str, /, **variables: object) -> dict[str, Any]:
    counted.clear()
    endpoint = GraphQLEndpoint(SCHEMA.core, lambda *_: None, EndpointConfig(), None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(endpoint)) as client:
        asked = {"query": query, "variables": variables}
        answer = await client.post("http://test/graphql", json=asked)
    return cast("dict[str, Any]", answer.json())


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ('find(by: {id: "x", name: "y"})', "Within OneOf Input Object type 'By', exactly one"),
        ("find(by: {})", "Within OneOf Input Object type 'By', exactly one"),
        ("find(by: {id: null})", "Within OneOf Input Object type 'By', exactly one"),
        ("find(by: {name: $name})", "Variable '$name' is of type 'String' but must be non-nul"),
        ("rename(name: null)", "The document does not fit the schema."),
    ],
)
async def test_invalid_literal_executes_nothing(field: str, message: str) -> None:
    definition = "($name: String)" if "$" in field else ""

    answer = await ask(f"mutation {definition} {{ count {field} }}")

    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}
    assert error["message"].startswith(message)
    assert error["locations"]
    assert (counted, answer.get("data")) == ([], None)


@pytest.mark.parametrize("by", [{}, {"id": None}, {"id": "x", "name": "y"}])
async def test_variable_of_a_one_of_input_has_exactly_one_field(by: dict[str, object]) -> None:
    answer = await ask("mutation ($by: By!) { count find(by: $by) }", by=by)

    (error,) = answer["errors"]
    (field,) = error["extensions"]["fields"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert (field["field"], field["reason"]) == ("by", "WRONG_TYPE")
    assert error["locations"] == [{"line": 1, "column": 11}]
    assert counted == []


async def test_valid_inputs_are_executed() -> None:
    query = 'mutation ($by: By!) { find(by: $by) other: find(by: {name: "y"}) rename(name: "z") }'

    answer = await ask(query, by={"id": "x"})

    assert answer == {"data": {"find": "x", "other": "none", "rename": "z"}}


def test_sdl_shows_inputs_with_exactly_one_field() -> None:
    assert "input By @oneOf {" in sdl(SCHEMA)


async def test_field_of_relay_has_its_arguments() -> None:
    one, other = relay.to_base64("Note", 1), relay.to_base64("Note", 2)

    answer = await ask(
        "query ($one: ID!, $ids: [ID!]!) { note(id: $one) { id } some(ids: $ids) { id } }",
        one=one,
        ids=[one, other],
    )

    assert answer == {"data": {"note": {"id": one}, "some": [{"id": one}, {"id": other}]}}


@pytest.mark.parametrize(
    ("id_", "code"),
    [
        ("hunter2", "GRAPHQL_VALIDATION_FAILED"),
        (relay.to_base64("hunter2", 1), "BAD_USER_INPUT"),
        (relay.to_base64("By", 1), "BAD_USER_INPUT"),
    ],
)
@pytest.mark.parametrize("field", ["note(id: $id)", "some(ids: [$id])"])
async def test_made_up_global_id_is_no_bug(
    field: str, id_: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await ask(f"query ($id: ID!) {{ {field} {{ id }} }}", id=id_)

    assert answer["errors"][0]["extensions"]["code"] == code
    assert "hunter2" not in str(answer)
    assert caplog.records == []


async def test_stored_reference_to_nothing_is_a_bug() -> None:
    answer = await ask("{ reference { id } }")

    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"


def cursor(text: str) -> str:
    return relay.to_base64("arrayconnection", text)


@pytest.mark.parametrize(
    ("arguments", "field", "reason"),
    [
        ({"first": -1}, "first", "OUT_OF_RANGE"),
        ({"first": 101}, "first", "OUT_OF_RANGE"),
        ({"last": -1}, "last", "OUT_OF_RANGE"),
        ({"last": 101}, "last", "OUT_OF_RANGE"),
        ({"after": "hunter2"}, "after", "INVALID_CURSOR"),
        ({"after": relay.to_base64("hunter2", 1)}, "after", "INVALID_CURSOR"),
        ({"after": cursor("hunter2")}, "after", "INVALID_CURSOR"),
        ({"after": cursor("9" * 5_000)}, "after", "INVALID_CURSOR"),
        ({"before": "hunter2"}, "before", "INVALID_CURSOR"),
        ({"before": cursor("hunter2")}, "before", "INVALID_CURSOR"),
    ],
)
@pytest.mark.parametrize("name", ["notes", "generated"])
async def test_page_that_strawberry_refuses_is_bad_user_input(
    name: str,
    arguments: dict[str, object],
    field: str,
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = await ask_page(name, arguments)

    (error,) = answer["errors"]
    (fault,) = error["extensions"]["fields"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert (fault["field"], fault["reason"], error["path"]) == (field, reason, [name])
    assert "hunter2" not in str(answer)
    assert caplog.records == []


@pytest.mark.parametrize("number", ["-5", str(10**30)])
async def test_forged_cursor_of_a_generator_is_bad_user_input(
    number: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await ask_page("generated", {"after": cursor(number)})

    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert caplog.records == []


async def test_bug_in_a_connection_is_masked_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    answer = await ask_page("broken", {"first": 1})

    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert len(caplog.records) == 1


async def test_valid_page_is_executed() -> None:
    answer = await ask_page("generated", {"first": 1, "after": cursor("0")})

    assert answer == {"data": {"generated": {"edges": [{"cursor": cursor("1")}]}}}


async def ask_page(field: str, arguments: dict[str, object]) -> dict[str, Any]:
    query = """query ($first: Int, $last: Int, $after: String, $before: String) {
        %s(first: $first, last: $last, after: $after, before: $before) { edges { cursor } }
    }"""
    return await ask(query % field, **arguments)
