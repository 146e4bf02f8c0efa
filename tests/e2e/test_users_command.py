import time
from pathlib import Path

import pytest

from tests.client import WELCOME, Client, code, extensions, new_email
from tests.conftest import KEY, Start
from tests.process import ServerProcess, run_command

ROLES = "{ viewer { roles } }"


def is_refused_soon(client: Client, token: str) -> bool:
    deadline = time.monotonic() + 20
    while "errors" not in (answer := client.ask(WELCOME, token=token)):
        if time.monotonic() > deadline:
            return False
    return bool(extensions(answer)["reason"] == "TOKEN_REVOKED")


def users(directory: Path, change: str, email: str, settings: dict[str, str], *more: str) -> str:
    ended = run_command(directory, "users", change, email, *more, **settings)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(params=["embedded", "own"])
def settings(request: pytest.FixtureRequest, database_uri: str) -> dict[str, str]:
    """The settings of a server with its own MongoDB, and of one with another."""
    return {} if request.param == "embedded" else {"MONGO_URI": database_uri, "TOKEN_KEY": KEY}


@pytest.fixture
def server(start_embedded: Start, settings: dict[str, str]) -> ServerProcess:
    return start_embedded(**settings)


def test_a_user_is_disabled_enabled_and_deleted_while_the_server_runs(
    server: ServerProcess, settings: dict[str, str], tmp_path: Path
) -> None:
    email = new_email()
    with Client(server.url) as client:
        token = client.register(email=email)["data"]["register"]["token"]

        assert "is disabled" in users(tmp_path, "disable", email.upper(), settings)
        assert is_refused_soon(client, token)
        assert code(client.login(email)) == "INVALID_CREDENTIALS"

        assert "can log in again" in users(tmp_path, "enable", email, settings)
        assert extensions(client.ask(WELCOME, token=token))["reason"] == "TOKEN_REVOKED"
        token = client.login(email)["data"]["login"]["token"]

        assert "is deleted" in users(tmp_path, "delete", email, settings, "--yes")
        assert is_refused_soon(client, token)
        assert code(client.login(email)) == "INVALID_CREDENTIALS"
        assert "errors" not in client.register(email=email)


def test_role_is_granted_and_revoked_while_workers_run(
    start: Start, database_uri: str, tmp_path: Path
) -> None:
    email = new_email()
    settings = {"MONGO_URI": database_uri, "TOKEN_KEY": KEY}
    with Client(start("--workers", "2").url) as client:
        client.register(email=email)
        assert "has the role admin" in users(tmp_path, "grant", email, settings, "admin")
        token = client.login(email)["data"]["login"]["token"]
        assert client.ask(ROLES, token=token) == {"data": {"viewer": {"roles": ["admin"]}}}

        assert "does not have the role" in users(tmp_path, "revoke", email, settings, "admin")

        # Each connection is served by any of the workers.
        for _ in range(8):
            with Client(client.url) as other:
                assert is_refused_soon(other, token)
        token = client.login(email)["data"]["login"]["token"]
        assert client.ask(ROLES, token=token) == {"data": {"viewer": {"roles": []}}}


def test_a_user_is_disabled_while_no_server_runs(start_embedded: Start, tmp_path: Path) -> None:
    email = new_email()
    server = start_embedded()
    with Client(server.url) as client:
        client.register(email=email)
    server.stop()

    assert "is disabled" in users(tmp_path, "disable", email, {})

    with Client(start_embedded().url) as client:
        assert code(client.login(email)) == "INVALID_CREDENTIALS"


def test_what_cannot_be_done_is_said_in_one_line(start_embedded: Start, tmp_path: Path) -> None:
    nowhere = run_command(tmp_path, "users", "disable", "ada@example.com")
    assert (nowhere.returncode, nowhere.stderr.count("\n")) == (1, 1)
    assert "There is no data in DATA_DIR" in nowhere.stderr

    start_embedded()
    nobody = run_command(tmp_path, "users", "delete", "ada@example.com", "--yes")
    assert nobody.returncode == 1
    assert nobody.stderr == "graphql-auth: There is no user with the e-mail ada@example.com.\n"
