from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from main import auth

from graphql_auth import Settings

pytestmark = pytest.mark.anyio

ADA = {
    "firstName": "Ada",
    "lastName": "Lovelace",
    "email": "ada@example.com",
    "password": "correct horse",
}
REGISTER = "mutation($input: MemberInput!) { register(input: $input) { token } }"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    auth.settings = Settings(data_dir=tmp_path, bcrypt_rounds=4)
    transport = httpx.ASGITransport(auth.app())
    async with auth.lifespan(), httpx.AsyncClient(transport=transport) as client:
        yield client


async def ask(
    client: httpx.AsyncClient, query: str, token: str = "", **variables: object
) -> dict[str, Any]:
    body = {"query": query, "variables": variables}
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    response = await client.post("http://test/graphql", json=body, headers=headers)
    return dict(response.json())


async def test_member_orders_tea(client: httpx.AsyncClient) -> None:
    token = (await ask(client, REGISTER, input=ADA))["data"]["register"]["token"]

    answer = await ask(client, 'mutation { order(text: "tea") }', token)

    assert answer == {"data": {"order": 2}}  # beside the voucher


async def test_orders_need_a_token(client: httpx.AsyncClient) -> None:
    answer = await ask(client, "{ orders }")

    assert answer["errors"][0]["extensions"]["reason"] == "TOKEN_MISSING"
