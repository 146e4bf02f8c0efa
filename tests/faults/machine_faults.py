"""One fault of a machine at a time, under load; what has to hold is as in replica_faults.py."""

import asyncio
import signal
import socket

import pytest

from tests.conftest import Start
from tests.faults.load import load
from tests.faults.machine import Machine
from tests.faults.replica_set import ReplicaSet
from tests.faults.verdict import SECONDS_WITHOUT_NEWS, Faults, verify
from tests.process import has_ended
from tests.wall_clock import WallClock

pytestmark = pytest.mark.anyio

HOUR = 3600


@pytest.fixture
def primary_on_a_machine(with_a_machine: ReplicaSet, start_embedded: Start) -> Faults:
    """A set whose primary is the member on the machine."""
    with_a_machine.heal()
    with_a_machine.make_primary(0)
    return Faults(with_a_machine, start_embedded)


async def test_primary_without_network_for_20_s(
    primary_on_a_machine: Faults, machine: Machine
) -> None:
    faults = primary_on_a_machine
    server = faults.serve()
    async with load(server.url) as clients:
        await asyncio.sleep(5)
        machine.disconnect()
        await asyncio.sleep(20)
        assert await asyncio.to_thread(faults.members.primary) != 0
        machine.connect()
        await asyncio.to_thread(faults.members.wait_until_healthy)

    verify(clients, server, SECONDS_WITHOUT_NEWS)


async def test_full_disk_of_the_primary(primary_on_a_machine: Faults, machine: Machine) -> None:
    """Its mongod ends, and the two others go on."""
    faults = primary_on_a_machine
    server = faults.serve()
    async with load(server.url) as clients:
        await asyncio.sleep(5)
        await asyncio.to_thread(machine.fill_disk)
        await asyncio.to_thread(faults.members.wait_until_ended, 0)
        await asyncio.sleep(5)
        machine.empty_disk()
        faults.members.start(0)
        await asyncio.to_thread(faults.members.wait_until_healthy)

    verify(clients, server, SECONDS_WITHOUT_NEWS)


async def test_clock_of_the_server_an_hour_ahead_and_behind(
    faults: Faults, wall_clock: WallClock
) -> None:
    # libfaketime stops workers, which have inherited its shared memory; and it would read the file
    # of the offset for each look at the clock.
    cached = {"FAKETIME_NO_CACHE": "0", "FAKETIME_CACHE_DURATION": "1"}
    server = faults.serve(1, 0, **wall_clock.settings | cached)
    async with load(server.url) as clients:
        for seconds in (0, HOUR, -HOUR, 0):
            wall_clock.set(seconds)
            await asyncio.sleep(5)

    verify(clients, server)


async def test_kill_of_the_supervisor(faults: Faults) -> None:
    """Its workers end with it, and the next server goes on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    killed = faults.serve(port=port)
    async with load(killed.url) as clients:
        await asyncio.sleep(5)
        workers = killed.workers()
        killed.process.send_signal(signal.SIGKILL)
        for worker in workers:
            assert await asyncio.to_thread(has_ended, worker)
        server = await asyncio.to_thread(faults.serve, port=port)
        await asyncio.sleep(5)

    verify(clients, server)
