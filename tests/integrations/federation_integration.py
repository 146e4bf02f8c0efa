"""examples/federation: graphql-auth and a second subgraph behind Apollo's gateway."""

import json
import shutil
import subprocess
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from strawberry.relay import from_base64, to_base64

from tests.client import REGISTER, VIEWER, Client, all_errors, code, extensions, registration
from tests.conftest import KEY
from tests.integrations.processes import SECONDS_FOR_A_SCRIPT, free_port, running
from tests.process import ROOT, ServerProcess, start_server

EXAMPLE = ROOT / "examples" / "federation"
AUTHORS = "{ notes { edges { node { author { id email } } } } }"
SESSIONS = "{ viewer { sessions { edges { node { ipAddress userAgent } } } } }"

User = dict[str, Any]


@pytest.fixture(scope="module")
def start_accounts(
    shared_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., ServerProcess]]:
    with ExitStack() as stack:

        def start(**settings: str) -> ServerProcess:
            settings |= {"MONGO_URI": shared_uri, "TOKEN_KEY": KEY}
            server = start_server(copy_example(tmp_path_factory), "main:auth", **settings)
            stack.callback(server.stop)
            return server

        yield start


@pytest.fixture(scope="module")
def developed(start_accounts: Callable[..., ServerProcess]) -> ServerProcess:
    """The subgraph on the machine of a developer, whose schema is composed."""
    return start_accounts()


@pytest.fixture(scope="module")
def accounts(start_accounts: Callable[..., ServerProcess]) -> Iterator[ServerProcess]:
    """The subgraph that the gateway asks."""
    server = start_accounts(INTROSPECTION="off", TRUSTED_PROXIES="127.0.0.1")
    yield server
    assert "ERROR" not in server.output


@pytest.fixture(scope="module")
def users(accounts: ServerProcess) -> list[User]:
    """Two users, with their tokens."""
    with Client(accounts.url) as client:
        payloads = [client.register()["data"]["register"] for _ in range(2)]
    return [payload["user"] | {"token": payload["token"]} for payload in payloads]


@pytest.fixture(scope="module")
def start_gateway(
    developed: ServerProcess, accounts: ServerProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Client]]:
    with ExitStack() as stack:

        def start(authors: list[str]) -> Client:
            """Start the gateway and the second subgraph, which has a note of each author."""
            directory = copy_example(tmp_path_factory)
            notes = [
                {"id": f"note-{number}", "text": f"text {number}", "authorId": author}
                for number, author in enumerate(authors)
            ]
            (directory / "notes.json").write_text(json.dumps(notes), encoding="utf-8")
            ports = [free_port(), free_port()]
            urls = [f"http://127.0.0.1:{port}/" for port in ports]
            composed = compose(directory, developed.url, accounts.url, urls[0])
            assert composed.returncode == 0, composed.stderr
            names = {"NOTES_PORT": str(ports[0]), "GATEWAY_PORT": str(ports[1])}
            for port, script in zip(ports, ("notes.js", "gateway.js"), strict=True):
                program = running(port, "node", script, directory=directory, **names)
                stack.enter_context(program)
            return stack.enter_context(Client(urls[1]))

        yield start


@pytest.fixture(scope="module")
def gateway(start_gateway: Callable[..., Client], users: list[User]) -> Client:
    return start_gateway([user["id"] for user in users])


def copy_example(temporary: pytest.TempPathFactory) -> Path:
    directory = temporary.mktemp("federation")
    ignored = shutil.ignore_patterns("node_modules")
    shutil.copytree(EXAMPLE, directory, dirs_exist_ok=True, ignore=ignored)
    (directory / "node_modules").symlink_to(EXAMPLE / "node_modules")
    return directory


def compose(directory: Path, *urls: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", "compose.js", *urls],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=SECONDS_FOR_A_SCRIPT,
        check=False,
    )


def read_notes(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [edge["node"] for edge in answer["data"]["notes"]["edges"]]


def test_fields_of_both_subgraphs_are_in_one_answer(gateway: Client, users: list[User]) -> None:
    answer = gateway.ask("{ welcome viewer { email notes { text } } }", token=users[0]["token"])

    viewer = {"email": users[0]["email"], "notes": [{"text": "text 0"}]}
    assert answer == {"data": {"welcome": "Welcome 🙌", "viewer": viewer}}


def test_id_of_user_has_subject_of_token(gateway: Client, users: list[User]) -> None:
    viewer = gateway.ask(VIEWER, token=users[0]["token"])["data"]["viewer"]

    claims = json.loads(urlsafe_b64decode(users[0]["token"].split(".")[1] + "=="))
    assert from_base64(viewer["id"]) == ("User", claims["sub"])


def test_account_of_another_user_is_null(gateway: Client, users: list[User]) -> None:
    answer = gateway.ask(AUTHORS, token=users[0]["token"])

    own = {"id": users[0]["id"], "email": users[0]["email"]}
    assert read_notes(answer) == [{"author": own}, {"author": None}]
    assert users[1]["email"] not in json.dumps(answer)


@pytest.mark.parametrize("query", [AUTHORS, "{ welcome }"], ids=["entities", "field"])
@pytest.mark.parametrize(
    ("token", "reason"), [(None, "TOKEN_MISSING"), ("not.a.token", "TOKEN_INVALID")]
)
def test_refusal_passes_the_gateway(
    gateway: Client, users: list[User], query: str, token: str | None, reason: str
) -> None:
    answer = gateway.ask(query, token=token)

    assert code(answer) == "UNAUTHENTICATED"
    assert extensions(answer)["reason"] == reason
    assert extensions(answer)["serviceName"] == "accounts"
    assert [user["email"] for user in users if user["email"] in json.dumps(answer)] == []


def test_second_subgraph_needs_no_token(gateway: Client, users: list[User]) -> None:
    answer = gateway.ask("{ notes { edges { node { author { id notes { text } } } } } }")

    assert read_notes(answer) == [
        {"author": {"id": user["id"], "notes": [{"text": f"text {number}"}]}}
        for number, user in enumerate(users)
    ]


def test_node_is_that_of_the_second_subgraph(gateway: Client, users: list[User]) -> None:
    query = "query($id: ID!) { node(id: $id) { __typename id } }"

    note = gateway.ask(query, {"id": "note-1"}, token=users[0]["token"])
    user = gateway.ask(query, {"id": users[0]["id"]}, token=users[0]["token"])

    assert note == {"data": {"node": {"__typename": "Note", "id": "note-1"}}}
    assert user == {"data": {"node": None}}


def test_session_has_client_behind_the_gateway(gateway: Client, accounts: ServerProcess) -> None:
    # A client cannot choose its IP address.
    headers = {"user-agent": "a browser", "x-forwarded-for": "203.0.113.7"}
    body = {"query": REGISTER, "variables": {"input": registration()}}
    transport = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(transport=transport, timeout=30) as elsewhere:
        registered = elsewhere.post(gateway.url, json=body, headers=headers).json()["data"]

    answer = gateway.ask(SESSIONS, token=registered["register"]["token"])

    (session,) = answer["data"]["viewer"]["sessions"]["edges"]
    assert session["node"] == {"ipAddress": "127.0.0.2", "userAgent": "a browser"}
    assert "TRUSTED_PROXIES" not in accounts.output


def test_codes_of_the_accounts_pass_the_gateway(gateway: Client) -> None:
    person = registration()
    with_cookie = gateway.ask(REGISTER, {"input": person | {"useCookie": True}})
    assert "errors" not in gateway.ask(REGISTER, {"input": person})

    assert code(gateway.login(person["email"], "a wrong password")) == "INVALID_CREDENTIALS"
    # The gateway passes on neither cookies nor Origin.
    assert code(with_cookie) == "FORBIDDEN"


def test_too_many_representations_are_refused(
    start_gateway: Callable[..., Client], users: list[User]
) -> None:
    others = [to_base64("User", f"{number:024x}") for number in range(100)]
    gateway = start_gateway([users[0]["id"], *others])

    answer = gateway.ask(AUTHORS, token=users[0]["token"])

    (error,) = all_errors(answer)
    assert error["extensions"]["code"] == "QUERY_TOO_COMPLEX"
    assert error["extensions"]["allowed"] == 100
    assert read_notes(answer) == [{"author": None}] * 101


def test_schema_is_not_composed_without_introspection(
    accounts: ServerProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    composed = compose(copy_example(tmp_path_factory), *[accounts.url] * 3)

    assert composed.returncode == 1
    assert "introspection has been disabled" in composed.stderr


@pytest.mark.parametrize(
    "definition", ["type Session { id: ID! }", "extend type Query { viewer: User }"]
)
def test_name_of_ours_in_another_subgraph_is_not_composed(
    developed: ServerProcess, tmp_path_factory: pytest.TempPathFactory, definition: str
) -> None:
    directory = copy_example(tmp_path_factory)
    with (directory / "notes.graphql").open("a", encoding="utf-8") as file:
        file.write(definition)

    composed = compose(directory, *[developed.url] * 3)

    assert composed.returncode == 1
    assert "Non-shareable field" in composed.stderr
