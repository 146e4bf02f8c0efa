"""What Strawberry checks beyond graphql-core, in the fields of an application."""

from typing import Any, cast

import httpx
import pytest
import strawberry

from graphql_auth.graphql_http.endpoint import EndpointConfig, GraphQLEndpoint
from graphql_auth.schema import Mutation, create_schema, sdl

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


SCHEMA = create_schema(mutation=ShopMutation)


async def ask(query: str, **variables: object) -> dict[str, Any]:
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
