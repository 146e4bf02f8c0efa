"""Resolvers of an application that make an operation fail as a whole."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import strawberry

from graphql_auth import ApplicationError, GraphQLAuth, Mutation, Settings
from tests.client import REGISTER, code, registration
from tests.library.caller import Caller, running

pytestmark = pytest.mark.anyio

PAGE = "http://localhost"
SECRET = "hunter2hunter2"


@strawberry.type
class Failing(Mutation):
    @strawberry.mutation
    async def wait(self) -> bool:
        await asyncio.sleep(60)
        return True

    @strawberry.mutation
    def no_json(self) -> bool:
        raise ApplicationError("No.", code="NO", at=datetime.now(UTC))

    @strawberry.mutation
    def exit(self) -> bool:
        raise SystemExit(SECRET)

    @strawberry.mutation
    async def interrupt(self) -> bool:
        raise KeyboardInterrupt(SECRET)


@pytest.fixture
def auth(settings: Settings) -> GraphQLAuth:
    changed = settings.model_copy(update={"request_timeout": timedelta(seconds=1)})
    return GraphQLAuth(mutation=Failing, settings=changed)


async def post(caller: Caller, query: str, **variables: object) -> httpx.Response:
    """Post as a page of the server itself, with the cookies that a browser keeps."""
    body = {"query": query, "variables": variables}
    return await caller.http.post(f"{PAGE}/graphql", json=body, headers={"Origin": PAGE})


@pytest.mark.parametrize(
    ("field", "expected"), [("wait", "SERVICE_UNAVAILABLE"), ("noJson", "INTERNAL_SERVER_ERROR")]
)
async def test_failed_operation_keeps_the_cookie_of_a_refresh(
    auth: GraphQLAuth, field: str, expected: str
) -> None:
    async with running(auth) as caller:
        await post(caller, REGISTER, input=registration(useCookie=True))
        first = caller.http.cookies["refresh-token"]
        failed = await post(caller, f"mutation {{ refreshToken {{ token }} {field} }}")
        second = caller.http.cookies["refresh-token"]

    assert code(failed.json()) == expected
    assert second != first


@pytest.mark.parametrize(("field", "error"), [("exit", "SystemExit"), ("interrupt", "Interrupt")])
async def test_resolver_that_ends_the_process_is_an_internal_error(
    auth: GraphQLAuth, field: str, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(auth) as caller:
        failed = await post(caller, f"mutation {{ {field} }}")
        later = await post(caller, "{ __typename }")

    assert (failed.status_code, later.status_code) == (500, 200)
    assert code(failed.json()) == "INTERNAL_SERVER_ERROR"
    (line,) = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert line.startswith("failed: ")
    assert error in line
    assert SECRET not in caplog.text + failed.text
