"""A sharded cluster with the shard keys of docs/scale.md: all operations, and a lost shard."""

import os
import signal
import time
from base64 import b64decode
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from bson import ObjectId

from graphql_auth.services import ServiceContainer
from tests.accounts.signed_in import Database
from tests.client import VIEWER, WELCOME, Client, code, extensions, registration
from tests.conftest import Start
from tests.faults.shards import DATABASE, OTHER, PRIMARY, ShardedCluster
from tests.outages import until
from tests.process import ServerProcess
from tests.test_shard_keys import (  # noqa: F401 - fixtures
    SHARD_KEYS,
    Caller,
    caller,
    services,
    use_links,
    use_passwords,
    use_sessions,
)

STALENESS = 2
TOKENS = "{ token refreshToken user { id } }"
REGISTER = f"mutation ($input: RegisterInput!) {{ register(input: $input) {TOKENS} }}"
REFRESH = f"mutation ($input: RefreshTokenInput!) {{ refreshToken(input: $input) {TOKENS} }}"
LOGOUT = "mutation { logout }"
SESSIONS = "{ viewer { sessions { edges { node { id current } } } } }"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShardedCluster]:
    cluster = ShardedCluster(tmp_path_factory.mktemp("cluster"), SHARD_KEYS)
    yield cluster
    cluster.stop()


@pytest.fixture
def database_uri(cluster: ShardedCluster) -> str:
    return cluster.uri


@pytest.mark.anyio
async def test_all_operations_on_shards(
    services: ServiceContainer,  # noqa: F811 - a fixture
    caller: Caller,  # noqa: F811 - a fixture
    database: Database,
) -> None:
    await use_passwords(caller)
    await use_sessions(caller)
    await use_links(caller, services, database)


def session_of(user: dict[str, Any]) -> dict[str, Any]:
    """The query for the sessions of a user."""
    global_id = b64decode(user["user"]["id"]).decode()
    return {"user_id": ObjectId(global_id.partition(":")[2])}


def find_shard(cluster: ShardedCluster, user: dict[str, Any]) -> str:
    """The shard that has the sessions of a user."""
    with cluster.client(PRIMARY) as client:
        stored = client[DATABASE]["graphql_auth_sessions"].find_one(session_of(user))
    return PRIMARY if stored else OTHER


def register_on_both(cluster: ShardedCluster, client: Client) -> dict[str, list[dict[str, Any]]]:
    """Two users or more whose sessions are on each shard."""
    found: dict[str, list[dict[str, Any]]] = {PRIMARY: [], OTHER: []}
    while min(map(len, found.values())) < 2:
        user = client.ask(REGISTER, {"input": registration()})["data"]["register"]
        found[find_shard(cluster, user)].append(user)
    return found


def refresh(client: Client, user: dict[str, Any]) -> dict[str, Any]:
    return client.ask(REFRESH, {"input": {"refreshToken": user["refreshToken"]}})


def is_revoked(client: Client, user: dict[str, Any]) -> bool:
    answer = client.ask(WELCOME, token=user["token"])
    return "errors" in answer and extensions(answer).get("reason") == "TOKEN_REVOKED"


def replace_workers(server: ServerProcess) -> None:
    """Kill all workers, and wait for those that the server starts."""
    killed = server.workers()
    for worker in killed:
        os.kill(worker, signal.SIGKILL)
    until(lambda: len(set(server.workers()) - set(killed)) == len(killed), server)


def test_loss_of_a_shard_for_longer_than_the_staleness(
    cluster: ShardedCluster, start: Start
) -> None:
    servers = [start("--workers", "2", REVOCATION_MAX_STALENESS=f"{STALENESS}s") for _ in range(2)]
    with Client(servers[0].url) as client:
        users = register_on_both(cluster, client)
        (here, leaving, *_), (lost, ended, *_) = users[PRIMARY], users[OTHER]
        cluster.kill(OTHER)
        time.sleep(2 * STALENESS)

        verify_service(client, here, lost)
        assert "errors" not in client.ask(LOGOUT, token=leaving["token"])
        with Client(servers[1].url) as other:
            until(partial(is_revoked, other, leaving), servers[1])
        replace_workers(servers[1])
        with Client(servers[1].url) as other:
            assert is_revoked(other, leaving)
            verify_service(other, here, lost)

            cluster.restart(OTHER)
            until(lambda: "errors" not in refresh(client, lost), servers[0])
            end_unpublished(cluster, ended)
            for one, server in ((client, servers[0]), (other, servers[1])):
                until(partial(is_revoked, one, ended), server)


def verify_service(client: Client, here: dict[str, Any], lost: dict[str, Any]) -> None:
    """The first user has everything, and the one of the lost shard what needs no session."""
    for user in (here, lost):
        assert "errors" not in client.ask(WELCOME, token=user["token"])
        assert "errors" not in client.ask(VIEWER, token=user["token"])
    assert "errors" not in client.ask(SESSIONS, token=here["token"])
    here |= refresh(client, here)["data"]["refreshToken"]
    assert code(refresh(client, lost)) == "SERVICE_UNAVAILABLE"


def end_unpublished(cluster: ShardedCluster, user: dict[str, Any]) -> None:
    """End the sessions of a user as version 0.3.0 does, or a process that crashes then."""
    end = [{"$set": {"ended_at": "$$NOW", "expires_at": "$access_until"}}]
    with cluster.client(OTHER) as shard:
        sessions = shard[DATABASE]["graphql_auth_sessions"]
        assert sessions.update_one(session_of(user), end).modified_count == 1
