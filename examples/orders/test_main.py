from pathlib import Path

import httpx
import pytest
from main import auth

from graphql_auth import Settings


@pytest.mark.anyio
async def test_orders_need_a_token(tmp_path: Path) -> None:
    auth.settings = Settings(data_dir=tmp_path, bcrypt_rounds=4)
    transport = httpx.ASGITransport(auth.app())
    async with auth.lifespan(), httpx.AsyncClient(transport=transport) as client:
        answer = await client.post("http://test/graphql", json={"query": "{ orders }"})

    assert answer.json()["errors"][0]["extensions"]["reason"] == "TOKEN_MISSING"
