"""Resolvers of an application that would end the process."""

from pathlib import Path

import pytest

from tests.client import Client, code
from tests.conftest import Start

ENDING = """
import asyncio
import strawberry
from graphql_auth import GraphQLAuth, Query

@strawberry.type
class EndingQuery(Query):
    @strawberry.field
    async def wait(self) -> bool:
        await asyncio.sleep(0)
        return True

    @strawberry.field
    async def exit(self) -> bool:
        await asyncio.sleep(0)
        raise SystemExit("hunter2")

    @strawberry.field
    async def interrupt(self) -> bool:
        raise KeyboardInterrupt("hunter2")

auth = GraphQLAuth(query=EndingQuery)
"""


@pytest.mark.parametrize("query", ["{ exit wait }", "{ wait interrupt }", "{ exit interrupt }"])
def test_async_resolver_that_raises_system_exit_beside_another_does_not_end_the_server(
    start: Start, tmp_path: Path, query: str
) -> None:
    (tmp_path / "ending.py").write_text(ENDING)
    server = start("ending:auth")

    with Client(server.url) as client:
        for _ in range(3):
            assert code(client.ask(query)) == "INTERNAL_SERVER_ERROR"
        assert client.ask("{ wait }") == {"data": {"wait": True}}

    assert server.stop() == 0
    assert server.output.count("ERROR graphql_auth.graphql_http.errors: ") == 3
    assert "hunter2" not in server.output
    assert "Traceback" not in server.output
