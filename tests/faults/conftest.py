from collections.abc import Iterator

import pytest

from tests.faults.replica_set import ReplicaSet


@pytest.fixture(scope="module")
def three_members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    members = ReplicaSet(tmp_path_factory.mktemp("members"))
    yield members
    members.stop()


@pytest.fixture(scope="module")
def with_an_arbiter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    members = ReplicaSet(tmp_path_factory.mktemp("members"), has_arbiter=True)
    yield members
    members.stop()


@pytest.fixture
def replica_set(three_members: ReplicaSet) -> Iterator[ReplicaSet]:
    """A set of three members that is whole, before the test and behind it."""
    yield three_members
    three_members.heal()
