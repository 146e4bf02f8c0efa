import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.client import LOGIN, REGISTER, VIEWER, WELCOME, Client, new_email, registration
from tests.conftest import Start
from tests.process import ServerProcess

PASSWORD = "hunter2-the-password-of-this-test"
REFRESH = "mutation ($i: RefreshTokenInput) { refreshToken(input: $i) { refreshToken } }"
KEY = "hunter2-the-key-of-this-test-is-long-enough"


@pytest.fixture
def server(start_embedded: Start) -> ServerProcess:
    return start_embedded(TOKEN_KEY=KEY, TOKEN_SOURCES="authorization,x-access-token,query,body")


def bad_requests(token: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every way that we know to get a secret into an error."""
    values = registration(password=PASSWORD)
    login = {"email": values["email"], "password": PASSWORD}
    yield REGISTER, {"input": values | {"extra": PASSWORD}}
    yield REGISTER, {"input": values | {"email": PASSWORD}}
    yield REGISTER, {"input": values | {"firstName": {"x": PASSWORD}}}
    yield REGISTER, {"input": values | {"password": [PASSWORD]}}
    yield REGISTER, {"input": PASSWORD}
    yield LOGIN, {"input": login}
    yield LOGIN, {"input": login | {"token": token}}
    yield LOGIN, {"inputs": login}
    for literal in (f'"{PASSWORD}"', f"[{PASSWORD!r}]", f'{{email: 1, password: "{PASSWORD}"}}'):
        yield f"mutation {{ login(input: {literal}) {{ token }} }}", {}
    yield f'mutation {{ login(input: {{email: "a", password: "{PASSWORD}}}) {{ token }} }}', {}
    yield f'{{ node(id: "{token}" other: "{PASSWORD}") {{ id }} }}', {}
    yield REFRESH, {"i": {"refreshToken": token, "password": PASSWORD}}
    yield REFRESH, {"i": {"refreshToken": [token]}}
    yield f"mutation {{ refreshToken(input: {{refreshToken: {token}}}) {{ token }} }}", {}
    yield f'{{ welcome(token: "{token}") }}', {}


def test_no_secret_is_in_anything_that_the_server_prints_or_answers(
    server: ServerProcess, tmp_path: Path
) -> None:
    answers = []
    with Client(server.url) as client:
        email = new_email()
        registered = client.register(email=email, password=PASSWORD)
        logged_in = client.login(email, PASSWORD)
        tokens = [
            registered["data"]["register"]["token"],
            logged_in["data"]["login"]["token"],
        ]
        refresh_tokens = stolen_session(client, email)
        for token in (*tokens, *refresh_tokens):
            client.ask(WELCOME, token=token)
            bad = [*bad_requests(token), (WELCOME, {}), (VIEWER, {})]
            answers += [client.ask(query, variables, token=token + "x") for query, variables in bad]
            for query, variables in bad:
                parameters = {
                    "query": query,
                    "variables": json.dumps(variables),
                    "token": token,
                }
                answers.append(client.http.get(server.url, params=parameters).json())
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname, address.port)) as connection:
            connection.sendall(f"POST {tokens[0]} {PASSWORD}\r\n\r\n".encode())
            connection.recv(1000)
        server_dies_with_requests_under_way(server, client, email)

    log = (tmp_path / "graphql-auth-data" / "mongod.log").read_text(encoding="utf-8")
    printed = server.output + log + json.dumps(answers)
    signatures = [token.rpartition(".")[2] for token in tokens]
    for secret in (PASSWORD, KEY, *tokens, *signatures, *refresh_tokens, "$bcrypt-sha256$"):
        assert secret not in printed
    assert "refresh_token_reused" in server.output
    assert "Traceback" not in server.output


def stolen_session(client: Client, email: str) -> list[str]:
    """The refresh tokens of a session in which an old one was used again."""
    login = LOGIN.replace("token expiresAt", "refreshToken")
    answer = client.ask(login, {"input": {"email": email, "password": PASSWORD}})
    tokens = [answer["data"]["login"]["refreshToken"]]
    for _ in range(2):
        answer = client.ask(REFRESH, {"i": {"refreshToken": tokens[-1]}})
        tokens.append(answer["data"]["refreshToken"]["refreshToken"])
    assert "errors" in client.ask(REFRESH, {"i": {"refreshToken": tokens[0]}})
    return tokens


def server_dies_with_requests_under_way(server: ServerProcess, client: Client, email: str) -> None:
    """A stopped mongod makes a login fail by a time-out, the kind of error that is logged."""
    pid = server.mongod_pid()
    os.kill(pid, signal.SIGSTOP)
    answer = client.login(email, PASSWORD)
    os.kill(pid, signal.SIGCONT)

    assert answer["errors"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
    # With the id of this request, unless a background job noticed the outage first.
    assert "MongoDB does not answer" in server.output
