import socket
from collections.abc import Iterator

import pytest

from tests.conftest import Start
from tests.process import ServerProcess
from tests.server.connections import connect


@pytest.fixture(scope="module")
def impatient(start_shared: Start) -> ServerProcess:
    return start_shared(REQUEST_READ_TIMEOUT="1s")


@pytest.fixture
def connection(impatient: ServerProcess) -> Iterator[socket.socket]:
    with connect(impatient) as connection:
        yield connection
