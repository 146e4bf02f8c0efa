"""The wall clock of a server jumps by hours; nothing that counts follows it."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.client import PASSWORD, WELCOME, Client, code, extensions, new_email, registration
from tests.conftest import Start
from tests.process import ServerProcess
from tests.wall_clock import WallClock

HOURS = 3 * 3600
# The server looks at the database four times a second.
POLLS = 1.5
REGISTER = """
mutation Register($input: RegisterInput!) {
  register(input: $input) { token refreshToken expiresAt user { createdAt } }
}
"""
REFRESH = """
mutation Refresh($token: String!) {
  refreshToken(input: {refreshToken: $token}) { token refreshToken expiresAt }
}
"""


@pytest.fixture(scope="module")
def server(start_shared: Start, wall_clock: WallClock) -> ServerProcess:
    return start_shared(**wall_clock.settings)


@pytest.fixture
def client(server: ServerProcess, wall_clock: WallClock) -> Iterator[Client]:
    wall_clock.set(0)
    with Client(server.url) as client:
        yield client


def signed_in(client: Client) -> dict[str, Any]:
    answer = client.ask(REGISTER, {"input": registration()})
    return dict(answer["data"]["register"])


def is_now(text: str, later: timedelta = timedelta()) -> bool:
    difference = datetime.fromisoformat(text) - datetime.now(UTC) - later
    return abs(difference) < timedelta(minutes=5)


@pytest.mark.parametrize("step", [HOURS, -HOURS])
def test_revoked_token_stays_revoked(client: Client, wall_clock: WallClock, step: int) -> None:
    token = signed_in(client)["token"]
    assert client.ask("mutation { logout }", token=token) == {"data": {"logout": True}}

    for offset in (step, 0, step):
        wall_clock.set(offset)
        time.sleep(POLLS)
        refused = extensions(client.ask(WELCOME, token=token))
        assert refused["reason"] == "TOKEN_REVOKED"


@pytest.mark.parametrize("step", [HOURS, -HOURS])
def test_tokens_and_sessions_go_on(client: Client, wall_clock: WallClock, step: int) -> None:
    before = signed_in(client)
    wall_clock.set(step)
    time.sleep(POLLS)

    assert client.ask(WELCOME, token=before["token"])["data"]
    refreshed = client.ask(REFRESH, {"token": before["refreshToken"]})["data"]["refreshToken"]
    during = signed_in(client)
    for one in (refreshed, during):
        assert is_now(one["expiresAt"], timedelta(hours=2))
        assert client.ask(WELCOME, token=one["token"])["data"]
    assert is_now(during["user"]["createdAt"])

    wall_clock.set(0)
    for one in (refreshed, during):
        assert client.ask(WELCOME, token=one["token"])["data"]
        assert client.ask(REFRESH, {"token": one["refreshToken"]})["data"]


@pytest.mark.parametrize("step", [HOURS, -HOURS])
def test_wait_of_a_throttled_account_stays(
    client: Client, wall_clock: WallClock, step: int
) -> None:
    email = new_email()
    wall_clock.set(step)
    for _ in range(5):
        assert code(client.login(email)) == "INVALID_CREDENTIALS"
    wall_clock.set(0)

    refused = extensions(client.login(email, PASSWORD))

    assert refused["code"] == "TOO_MANY_ATTEMPTS"
    # 30 seconds, rounded up.
    assert 0 < refused["retryAfter"] <= 31


def test_difference_is_logged_once(start: Start, wall_clock: WallClock) -> None:
    wall_clock.set(0)
    server = start(**wall_clock.settings)
    assert "clock of this machine" not in server.output
    for offset in (HOURS, 0, HOURS):
        wall_clock.set(offset)
        time.sleep(POLLS)

    assert server.output.count("clock of this machine differs") == 1
