import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.client import REGISTER, Client, registration
from tests.conftest import Start

REGISTRATIONS = 200
KILLED_AFTER = 80


def test_no_answered_registration_is_lost_when_server_and_mongod_are_killed(
    start_embedded: Start,
) -> None:
    server = start_embedded()
    answered: list[str] = []
    enough = threading.Event()

    def register(_number: int) -> None:
        values = registration()
        try:
            with Client(server.url) as client:
                payload = client.ask(REGISTER, {"input": values})
        except httpx.HTTPError:
            return
        if "errors" not in payload:
            answered.append(values["email"])
        if len(answered) >= KILLED_AFTER:
            enough.set()

    mongod = server.mongod_pid()
    with ThreadPoolExecutor(16) as pool:
        work = [pool.submit(register, number) for number in range(REGISTRATIONS)]
        assert enough.wait(60)
        os.kill(mongod, signal.SIGKILL)
        server.stop(signal.SIGKILL)
        for done in work:
            done.result()

    assert KILLED_AFTER <= len(answered) < REGISTRATIONS
    with Client(start_embedded().url) as client:
        lost = [email for email in answered if "errors" in client.login(email)]
    assert lost == []
