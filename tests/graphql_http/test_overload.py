"""Requests that take long, or are too many, get a 503."""

import asyncio
from typing import NoReturn

import httpx
import pytest
import strawberry

from graphql_auth.errors import InvalidCredentials
from graphql_auth.graphql_http.endpoint import EndpointConfig, GraphQLEndpoint
from tests.client import LOGIN, code, extensions
from tests.services import endpoint_for

LOGIN_REQUEST = {"query": LOGIN, "variables": {"input": {"email": "a", "password": "b"}}}


class Slow:
    """A service that answers when it is told to."""

    def __init__(self) -> None:
        self.begun = asyncio.Semaphore(0)
        self.go_on = asyncio.Event()

    async def login(self, *_: object) -> NoReturn:
        self.begun.release()
        await self.go_on.wait()
        raise InvalidCredentials


@pytest.mark.anyio
async def test_request_timeout_is_a_503() -> None:
    endpoint = endpoint_for(Slow(), EndpointConfig(request_timeout=0.05))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(endpoint)) as client:
        response = await client.post("http://test/graphql", json=LOGIN_REQUEST)

    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert code(response.json()) == "SERVICE_UNAVAILABLE"


@pytest.mark.anyio
async def test_cancelled_request_is_a_503() -> None:
    slow = Slow()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(endpoint_for(slow))) as client:
        request = asyncio.create_task(client.post("http://test/graphql", json=LOGIN_REQUEST))
        await slow.begun.acquire()
        request.cancel()
        response = await request

    assert response.status_code == 503
    assert extensions(response.json())["retryAfter"] == 1


@pytest.mark.anyio
async def test_resolver_that_awaits_a_cancelled_task_has_a_bug(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        async def cancelled(self) -> int:
            task = asyncio.create_task(asyncio.sleep(60, 1))
            task.cancel()
            return await task

    schema = strawberry.Schema(Query)._schema  # noqa: SLF001
    endpoint = GraphQLEndpoint(schema, lambda *_: None, EndpointConfig(), None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(endpoint)) as client:
        response = await client.post("http://test/graphql", json={"query": "{ cancelled }"})

    assert response.status_code == 500
    assert code(response.json()) == "INTERNAL_SERVER_ERROR"
    (record,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert "CancelledError at " in record.getMessage()


@pytest.mark.anyio
async def test_too_many_concurrent_requests_are_a_503() -> None:
    slow = Slow()
    endpoint = endpoint_for(slow, EndpointConfig(max_concurrent_requests=2))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(endpoint)) as client:
        accepted = [
            asyncio.create_task(client.post("http://test/graphql", json=LOGIN_REQUEST))
            for _ in range(2)
        ]
        for _ in accepted:
            await slow.begun.acquire()
        refused = await client.post("http://test/graphql", json=LOGIN_REQUEST)
        slow.go_on.set()
        answers = [await answer for answer in accepted]
        later = await client.post("http://test/graphql", json=LOGIN_REQUEST)

    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert extensions(refused.json())["retryAfter"] == 1
    for answer in (*answers, later):
        assert code(answer.json()) == "INVALID_CREDENTIALS"
