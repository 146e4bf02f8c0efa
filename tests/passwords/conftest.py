from collections.abc import Iterator

import pytest

from graphql_auth.passwords.hash_queue import HashQueue


@pytest.fixture
def queue() -> Iterator[HashQueue]:
    queue = HashQueue(threads=1, max_waiting=2)
    queue.start()
    yield queue
    queue.close()
