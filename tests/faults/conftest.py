from collections.abc import Iterator

import pytest

from tests.conftest import Start
from tests.faults.machine import Machine, run_machine
from tests.faults.replica_set import ReplicaSet
from tests.faults.verdict import Faults


@pytest.fixture(scope="session")
def three_members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    members = ReplicaSet(tmp_path_factory.mktemp("members"))
    yield members
    members.stop()


@pytest.fixture(scope="module")
def with_an_arbiter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    members = ReplicaSet(tmp_path_factory.mktemp("members"), has_arbiter=True)
    yield members
    members.stop()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with run_machine(tmp_path_factory.mktemp("disk")) as machine:
        yield machine


@pytest.fixture(scope="module")
def with_a_machine(
    machine: Machine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ReplicaSet]:
    """A set whose first member is on a separate machine."""
    members = ReplicaSet(tmp_path_factory.mktemp("members"), machine=machine)
    yield members
    members.stop()


@pytest.fixture
def replica_set(three_members: ReplicaSet) -> Iterator[ReplicaSet]:
    """A set of three members that is whole, before the test and behind it."""
    yield three_members
    three_members.heal()


@pytest.fixture
def faults(replica_set: ReplicaSet, start_embedded: Start) -> Faults:
    return Faults(replica_set, start_embedded)
