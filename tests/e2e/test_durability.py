import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx

from tests.client import REGISTER, Client, registration
from tests.conftest import Start

CLIENTS = 16
KILLED_AFTER = 80


def test_no_answered_registration_is_lost_when_server_and_mongod_are_killed(
    start_embedded: Start,
) -> None:
    server = start_embedded()
    answered: list[str] = []
    enough = threading.Event()

    def register_until_killed() -> None:
        with suppress(httpx.HTTPError), Client(server.url) as client:
            while True:
                values = registration()
                if "errors" not in client.ask(REGISTER, {"input": values}):
                    answered.append(values["email"])
                if len(answered) >= KILLED_AFTER:
                    enough.set()

    mongod = server.mongod_pid()
    with ThreadPoolExecutor(CLIENTS) as pool:
        work = [pool.submit(register_until_killed) for _ in range(CLIENTS)]
        assert enough.wait(60)
        os.kill(mongod, signal.SIGKILL)
        server.stop(signal.SIGKILL)
        for done in work:
            done.result()

    with Client(start_embedded().url) as client:
        lost = [email for email in answered if "errors" in client.login(email)]
    assert lost == []
