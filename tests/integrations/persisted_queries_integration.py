"""The persisted query links of Apollo Client and urql, which fall back to the document."""

import json

import pytest

from tests.integrations.processes import run_script
from tests.process import ServerProcess


# Apollo sends the document by POST; urql keeps the method.
@pytest.mark.parametrize(
    ("client", "method", "fallback"),
    [
        ("apollo", "POST", "POST"),
        ("apollo", "GET", "POST"),
        ("urql", "POST", "POST"),
        ("urql", "GET", "GET"),
    ],
)
def test_client_sends_the_document_once_persisted_queries_are_refused(
    shared_server: ServerProcess, client: str, method: str, fallback: str
) -> None:
    told = run_client(shared_server, client, method)

    assert told["answers"] == ["Query", "Query"]
    assert told["requests"] == [f"{method} hash", *[f"{fallback} document"] * 2]


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_document_that_is_sent_with_its_hash_is_executed(
    shared_server: ServerProcess, method: str
) -> None:
    told = run_client(shared_server, "apollo, always enabled", method)

    assert told["answers"] == ["Query", "Query"]
    assert told["requests"] == [f"{method} hash", "POST document and hash"] * 2


def run_client(server: ServerProcess, client: str, method: str) -> dict[str, list[str]]:
    told: dict[str, list[str]] = json.loads(
        run_script("persisted_queries.js", server.url, client, method)
    )
    return told
