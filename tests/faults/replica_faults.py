"""One fault of a replica set or a worker at a time, under load.

Nobody is signed out, nothing that was acknowledged is lost, nothing that ended comes back, every
answer is JSON with a code, and all goes on without a hand.
"""

import asyncio
import os
import signal
import time
from collections import Counter

import httpx
import pytest
from pymongo import MongoClient

from tests.client import PASSWORD, Client, RequestsSent, registration
from tests.conftest import Start
from tests.faults.load import LOGIN, REGISTER, Load, load
from tests.faults.replica_set import ReplicaSet
from tests.faults.verdict import SECONDS_WITHOUT_NEWS, Faults, verify
from tests.process import ServerProcess

pytestmark = pytest.mark.anyio

LOGINS = 90


async def test_kill_of_the_primary(faults: Faults) -> None:
    server = faults.serve()
    async with load(server.url) as clients:
        await asyncio.sleep(5)
        primary = await asyncio.to_thread(faults.members.primary)
        faults.members.kill(primary)
        await asyncio.to_thread(faults.members.primary)
        await asyncio.sleep(4)
        faults.members.start(primary)

    verify(clients, server, SECONDS_WITHOUT_NEWS)


async def test_stop_of_the_primary_for_20_s(faults: Faults) -> None:
    server = faults.serve()
    async with load(server.url) as clients:
        await asyncio.sleep(5)
        primary = await asyncio.to_thread(faults.members.primary)
        faults.members.pause(primary)
        await asyncio.sleep(20)
        faults.members.resume(primary)
        await asyncio.sleep(4)

    verify(clients, server, SECONDS_WITHOUT_NEWS)


async def test_primary_that_steps_down(faults: Faults) -> None:
    server = faults.serve()
    async with load(server.url) as clients:
        await asyncio.sleep(5)
        primary = await asyncio.to_thread(faults.members.primary)
        await asyncio.to_thread(faults.members.step_down, primary)
        await asyncio.sleep(10)

    verify(clients, server)


async def test_stop_of_a_secondary_for_15_s(faults: Faults) -> None:
    server = faults.serve()
    async with load(server.url) as clients:
        await asyncio.sleep(5)
        secondary, _ = await asyncio.to_thread(faults.members.others_with_data)
        faults.members.pause(secondary)
        await asyncio.sleep(15)
        faults.members.resume(secondary)

    verify(clients, server)


async def test_majority_down_for_45_s(
    faults: Faults, with_an_arbiter: ReplicaSet, start_embedded: Start
) -> None:
    """Two of three members; and at the same time, in another set, one of two with data.

    There, an arbiter keeps the primary in office, but holds no data: no write has a majority.
    """
    async with asyncio.TaskGroup() as both:
        both.create_task(no_majority(faults))
        both.create_task(no_majority(Faults(with_an_arbiter, start_embedded)))


async def no_majority(faults: Faults) -> None:
    server = await asyncio.to_thread(faults.serve)
    async with load(server.url) as clients:
        await asyncio.sleep(5)
        others = await asyncio.to_thread(faults.members.others_with_data)
        faults.members.kill(*others)
        await asyncio.sleep(45)
        for member in others:
            faults.members.start(member)
        await asyncio.to_thread(faults.members.wait_until_healthy)

    verify(clients, server, SECONDS_WITHOUT_NEWS)


async def test_worker_killed_while_there_is_no_majority(faults: Faults) -> None:
    server = faults.serve()
    async with load(server.url) as clients:
        await asyncio.sleep(5)
        others = await asyncio.to_thread(faults.members.others_with_data)
        faults.members.kill(*others)
        await asyncio.sleep(2)
        killed, healthy = server.workers()
        os.kill(killed, signal.SIGKILL)
        await asyncio.sleep(15)
        assert server.process.poll() is None, server.output
        assert healthy in server.workers()
        for member in others:
            faults.members.start(member)
        await asyncio.to_thread(faults.members.wait_until_healthy)

    workers = server.workers()
    verify(clients, server, SECONDS_WITHOUT_NEWS)
    assert len(workers) == 2
    assert killed not in workers
    assert healthy in workers


async def test_index_of_ended_sessions_dropped(faults: Faults) -> None:
    server = faults.serve(REVOCATION_MAX_STALENESS="5s")
    async with load(server.url) as clients:
        await asyncio.sleep(4)
        with MongoClient[dict[str, object]](faults.uri) as mongo:
            mongo.get_default_database()["graphql_auth_sessions"].drop_index(
                "ended_at_1_expires_at_1__id_1"
            )
        await asyncio.sleep(15)

    verify(clients, server)
    assert clients.welcome_codes == {}


async def test_unique_index_of_addresses_dropped(faults: Faults) -> None:
    """Nobody registers until it is made again. All else goes on, and no address has two users."""
    server = faults.serve()
    twin = registration()
    async with load(server.url) as clients:
        await asyncio.sleep(4)
        with MongoClient[dict[str, object]](faults.uri) as mongo:
            users = mongo.get_default_database()["users"]
            users.drop_index("email_1")
            replies = await asyncio.gather(*[clients.ask(REGISTER, twin) for _ in range(4)])
            await asyncio.sleep(2)
            stored = users.count_documents({"email": twin["email"]})
            if stored > 1:
                users.delete_many({"email": twin["email"]})
            users.create_index("email", name="email_1", unique=True)
        registered, _ = await clients.insist(REGISTER, registration())

    codes = [reply.code for reply in replies]
    print(f"four registrations of one address without the index: {codes}, {stored} stored")
    verify(clients, server)
    assert stored <= 1
    assert codes.count("") <= 1
    assert not registered.code


async def test_sigterm_with_90_logins_in_flight(faults: Faults) -> None:
    server = faults.serve()
    people = [registration() for _ in range(LOGINS)]
    with Client(server.url) as client:
        for person in people:
            assert "errors" not in client.register(**person)
    server.stop()

    # Slow hashes: most logins wait in the queue when the signal comes.
    server = faults.serve(BCRYPT_ROUNDS="12")
    replies, seconds = await sign_in_until_terminated(server, people)

    print(f"{LOGINS} logins and SIGTERM: {dict(Counter(replies))}, ended after {seconds:.1f} s")
    assert set(replies) <= {"", "SERVICE_UNAVAILABLE"}
    assert seconds < 10
    # An attempt that was given up has not been counted as a wrong guess, and blocks nobody.
    with Client(faults.serve().url) as client:
        answers = [client.login(person["email"]) for person in people]
    assert [answer for answer in answers if "errors" in answer] == []


async def sign_in_until_terminated(
    server: ServerProcess, people: list[dict[str, str]]
) -> tuple[list[str], float]:
    """What everyone is answered, and how long the server takes to end."""
    limits = httpx.Limits(max_connections=LOGINS, max_keepalive_connections=LOGINS)
    async with httpx.AsyncClient(timeout=60, limits=limits) as http:
        clients = Load(http, server.url, renews_connections=False)
        # A connection for each, which the server has accepted.
        await asyncio.gather(*[clients.ask("{ done: __typename }") for _ in people])
        inputs = [{"email": person["email"], "password": PASSWORD} for person in people]
        sent = RequestsSent(LOGINS)
        waiting = [asyncio.create_task(clients.ask(LOGIN, values, sent=sent)) for values in inputs]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        await sent.wait()
        begin = time.monotonic()
        assert await asyncio.to_thread(server.stop) == 0
        seconds = time.monotonic() - begin
        replies = [(await one).code for one in waiting]
    return replies, seconds
