"""Clients that batch show their user why a batch is refused."""

import json

import pytest
from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXTransport

from tests.integrations.processes import run_script
from tests.process import ServerProcess

MESSAGE = "Batches are not supported: send each operation in a request of its own."


@pytest.mark.parametrize("version", ["3", "4"])
def test_apollo_client_shows_that_batches_are_refused(
    shared_server: ServerProcess, version: str
) -> None:
    printed = run_script("batches.js", shared_server.url, version)

    assert json.loads(printed) == [MESSAGE, MESSAGE]


@pytest.mark.parametrize("size", [1, 2])
def test_gql_shows_that_batches_are_refused(shared_server: ServerProcess, size: int) -> None:
    client = Client(transport=HTTPXTransport(url=shared_server.url))

    with pytest.raises(TransportQueryError, match=MESSAGE):
        client.execute_batch([GraphQLRequest("{ __typename }")] * size)
