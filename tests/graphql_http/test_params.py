import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from graphql_auth.graphql_http.params import MAX_HEAD_SIZE, BadRequest, read_params

pytestmark = pytest.mark.anyio


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


def post_request(**headers: str) -> Request:
    pairs = {"content-type": "application/json"} | headers
    encoded = [(name.encode(), value.encode()) for name, value in pairs.items()]
    scope = {"type": "http", "method": "POST", "query_string": b"", "headers": encoded}
    return Request(scope, never)


async def test_body_that_does_not_arrive_is_a_408() -> None:
    with pytest.raises(BadRequest, match=r"within 0\.01 seconds") as raised:
        await read_params(post_request(), 100, 0.01)

    assert raised.value.status == 408
    assert raised.value.headers == {"Connection": "close"}


async def test_headers_above_max_head_size_are_a_431() -> None:
    with pytest.raises(BadRequest) as raised:
        await read_params(post_request(cookie="x" * MAX_HEAD_SIZE), 100, 10)

    assert raised.value.status == 431
    assert raised.value.headers == {"Connection": "close"}
