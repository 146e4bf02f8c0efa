"""Honest users of one IP address, and a server that is killed, use up nobody's budget."""

import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from graphql_auth.settings import Settings
from tests.client import PASSWORD, Client, code, new_email, registration
from tests.conftest import Start

DEFAULTS = {
    name.upper(): str(Settings.model_fields[name].default)
    for name in ("max_failures_per_address", "max_registrations_per_address")
}
# So many people, of whom every tenth mistypes, and every twentieth has an account already.
PEOPLE = 300


def test_office_of_300_users_passes_with_the_defaults(start: Start) -> None:
    with Client(start(**DEFAULTS).url) as client:
        people = [registration() for _ in range(PEOPLE)]
        with ThreadPoolExecutor(8) as pool:
            registered = list(pool.map(lambda person: client.register(**person), people))
            again = list(pool.map(lambda person: client.register(**person), people[::20]))
            wrong = list(pool.map(lambda person: client.login(person["email"], "x"), people[::10]))
            answers = list(pool.map(lambda person: client.login(person["email"]), people))

    assert [answer for answer in registered if "errors" in answer] == []
    assert Counter(map(code, again)) == {"EMAIL_TAKEN": PEOPLE // 20}
    assert Counter(map(code, wrong)) == {"INVALID_CREDENTIALS": PEOPLE // 10}
    assert [answer for answer in answers if "errors" in answer] == []


def test_taken_addresses_cannot_be_listed_without_end(start: Start) -> None:
    with Client(start(MAX_FAILURES_PER_ADDRESS="3").url) as client:
        person = registration()
        client.register(**person)
        answers = [code(client.register(**person)) for _ in range(5)]
        free = code(client.register())
        refused = client.http.post(client.url, json=login(person["email"]))

    assert answers == ["EMAIL_TAKEN"] * 3 + ["TOO_MANY_ATTEMPTS"] * 2
    # It does not tell whether the next one is taken. The wait is also told by a header.
    assert int(refused.headers["retry-after"]) == pytest.approx(3600 / 3, abs=10)
    assert free == "TOO_MANY_ATTEMPTS"


def test_owner_signs_in_after_a_server_was_killed_with_their_logins_in_flight(
    start: Start,
) -> None:
    email = new_email()
    server = start(BCRYPT_ROUNDS="14")
    with Client(server.url) as client, ThreadPoolExecutor(5) as pool:
        assert "errors" not in client.register(email=email)
        logins = [pool.submit(client.http.post, server.url, json=login(email)) for _ in range(5)]
        # The first one is answered after a second; so all of them are in the database now.
        time.sleep(0.5)
        server.stop(signal.SIGKILL)
    assert all(one.exception() for one in logins)

    with Client(start().url) as client:
        begin = time.monotonic()
        answers = [client.login(email) for _ in range(6)]

    assert [answer for answer in answers if "errors" in answer] == []
    assert time.monotonic() - begin < 60


def login(email: str) -> dict[str, object]:
    query = "mutation($input: LoginInput!) { login(input: $input) { token } }"
    return {"query": query, "variables": {"input": {"email": email, "password": PASSWORD}}}
