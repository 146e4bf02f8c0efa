"""Calls an application in this process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI
from pymongo.asynchronous.database import AsyncDatabase
from starlette.types import ASGIApp

from graphql_auth import GraphQLAuth
from tests.client import registration

REGISTER = "mutation($i: MemberInput!) { register(input: $i) { token user { nickname } } }"
Database = AsyncDatabase[dict[str, Any]]


class Caller:
    """Calls an application in this process."""

    def __init__(self, client: httpx.AsyncClient, path: str) -> None:
        self.http = client
        self.path = path

    async def ask(self, query: str, token: str = "", **variables: Any) -> dict[str, Any]:
        answer = await self.http.post(
            self.path,
            json={"query": query, "variables": variables},
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )
        return dict(answer.json())

    async def register(self, **changes: Any) -> str:
        person = registration(nickname="ada") | changes
        answer = await self.ask(REGISTER, i=person)
        return str(answer["data"]["register"]["token"])


@asynccontextmanager
async def running(
    auth: GraphQLAuth, app: ASGIApp | None = None, path: str = "/graphql"
) -> AsyncIterator[Caller]:
    if app is None:
        app = FastAPI()
        auth.mount(app)
    transport = httpx.ASGITransport(app)
    async with auth.lifespan(app), httpx.AsyncClient(transport=transport) as client:
        yield Caller(client, f"http://test{path}")
