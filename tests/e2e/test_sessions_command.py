import json
from pathlib import Path
from typing import Any

from tests.client import WELCOME, Client, new_email
from tests.conftest import Start
from tests.e2e.test_users_command import is_refused_soon
from tests.process import run_command


def log_in(client: Client, email: str, agent: str) -> str:
    """Begin a session with a user agent, and return its access token."""
    client.http.headers["user-agent"] = agent
    return str(client.login(email)["data"]["login"]["token"])


def list_sessions(directory: Path, email: str, settings: dict[str, str]) -> list[dict[str, Any]]:
    ended = run_command(directory, "sessions", "list", email, "--json", **settings)
    assert (ended.returncode, ended.stderr) == (0, "")
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_sessions_are_listed_and_ended_while_the_server_runs(
    start: Start, database_uri: str, tmp_path: Path
) -> None:
    email, settings = new_email(), {"MONGO_URI": database_uri}
    with Client(start().url) as client:
        other = client.register()["data"]["register"]["token"]
        client.http.headers["user-agent"] = "a browser"
        browser = client.register(email=email)["data"]["register"]["token"]
        phone = log_in(client, email, "a phone")
        tablet = log_in(client, email, "a tablet")

        listed = list_sessions(tmp_path, email.upper(), settings)

        assert [session["user_agent"] for session in listed] == ["a tablet", "a phone", "a browser"]
        assert [*listed[0]] == ["id", "created_at", "last_used_at", "ip_address", "user_agent"]
        assert {session["ip_address"] for session in listed} == {"127.0.0.1"}
        table = run_command(tmp_path, "sessions", "list", email, **settings).stdout.splitlines()
        assert table[0].split() == ["ID", "CREATED_AT", "LAST_USED_AT", "IP_ADDRESS", "USER_AGENT"]
        assert [line.split()[0] for line in table[1:]] == [session["id"] for session in listed]
        shown = run_command(tmp_path, "users", "show", email, **settings).stdout
        assert shown.endswith("sessions: 3\n")

        end = run_command(tmp_path, "sessions", "end", email, listed[1]["id"], **settings)

        assert end.stdout == f"The session {listed[1]['id']} of {email} has ended.\n"
        assert is_refused_soon(client, phone)
        assert "errors" not in client.ask(WELCOME, token=tablet)
        assert list_sessions(tmp_path, email, settings) == [listed[0], listed[2]]

        end = run_command(tmp_path, "sessions", "end", email, **settings)

        assert end.stdout == f"{email} is logged out everywhere.\n"
        assert is_refused_soon(client, tablet)
        assert is_refused_soon(client, browser)
        assert list_sessions(tmp_path, email, settings) == []
        assert "errors" not in client.ask(WELCOME, token=other)


def test_only_a_live_session_of_the_user_is_ended(
    start: Start, database_uri: str, tmp_path: Path
) -> None:
    email, bob, settings = new_email(), new_email(), {"MONGO_URI": database_uri}
    with Client(start().url) as client:
        client.register(email=email)
        of_bob = client.register(email=bob)["data"]["register"]["token"]
        (session,) = list_sessions(tmp_path, bob, settings)

        for wrong in (session["id"], "0" * 24, "x" * 24, "all", session["id"].upper() + "0", ""):
            end = run_command(tmp_path, "sessions", "end", email, wrong, **settings)
            said = f"graphql-auth: {email} has no live session with the id {wrong}.\n"
            assert (end.returncode, end.stdout, end.stderr) == (1, "", said)

        assert "errors" not in client.ask(WELCOME, token=of_bob)
        assert len(list_sessions(tmp_path, email, settings)) == 1
