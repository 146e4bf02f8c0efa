"""docs/extending.md: its blocks are the example application, and its commands run."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.client import Client, code, extensions, registration
from tests.conftest import KEY, Start
from tests.process import ROOT, environment, run_command, start_server

ORDERS = ROOT / "examples" / "orders"
PAGE = (ROOT / "docs" / "extending.md").read_text()
REGISTER = """
mutation($input: MemberInput!) {
  register(input: $input) { token refreshToken user { nickname orderCount roles } }
}
"""
REFRESH = "mutation($token: String!) { refreshToken(input: {refreshToken: $token}) { token } }"


def commands(name: str) -> list[list[str]]:
    """The commands of the page that run a program of the virtual environment."""
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)).splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith(f".venv/bin/{name}")]


def test_python_blocks_are_the_example() -> None:
    names = ("main.py", "mailer.py", "starlette_app.py", "test_main.py", "mypy.ini")
    files = "".join((ORDERS / name).read_text() for name in names)

    blocks = re.findall(r"```(?:python|ini)\n(.*?)```", PAGE, flags=re.DOTALL)

    assert len(blocks) > 5
    assert [block for block in blocks if block not in files] == []


@pytest.fixture
def settings(database_uri: str) -> dict[str, str]:
    return {"MONGO_URI": database_uri, "TOKEN_KEY": KEY}


@pytest.fixture(params=[["--workers", "2"], []], ids=["two workers", "one process"])
def client(
    request: pytest.FixtureRequest, settings: dict[str, str], tmp_path: Path
) -> Iterator[Client]:
    (serve, *_) = commands("graphql-auth")
    assert serve == ["serve", "main:auth", "--dev", "--reload"]
    # The output of the server is written into its directory.
    directory = shutil.copytree(ORDERS, tmp_path / "orders")
    server = start_server(directory, "main:auth", *request.param, **settings)
    with Client(server.url) as client:
        yield client
    assert server.stop() == 0


def test_example_is_served_with_roles_and_hooks(client: Client, settings: dict[str, str]) -> None:
    person = registration(nickname="ada")
    payload = client.ask(REGISTER, {"input": person})["data"]["register"]
    token = payload["token"]
    assert payload["user"] == {"nickname": "ada", "orderCount": 1, "roles": []}
    # A hook has added the voucher.
    assert client.ask("{ orders }", token=token) == {"data": {"orders": ["a voucher"]}}
    assert client.ask('mutation { order(text: "tea") }', token=token) == {"data": {"order": 2}}
    reserved = client.ask(REGISTER, {"input": registration(nickname="admin")})
    assert code(reserved) == "NICKNAME_RESERVED"
    assert extensions(client.ask("{ revenue }", token=token))["role"] == "admin"

    (grant,) = [command for command in commands("graphql-auth") if command[1] == "grant"]
    command = [person["email"] if "@" in word else word for word in grant]
    assert run_command(ORDERS, *command, **settings).returncode == 0
    refreshed = client.ask(REFRESH, {"token": payload["refreshToken"]})["data"]["refreshToken"]

    assert client.ask("{ revenue }", token=refreshed["token"]) == {"data": {"revenue": 2}}
    rename = 'mutation { rename(nickname: "countess") { nickname email } }'
    assert client.ask(rename, token=refreshed["token"])["data"]["rename"] == {
        "nickname": "countess",
        "email": person["email"],
    }


def test_schema_of_the_example_is_printed() -> None:
    (command,) = [command for command in commands("graphql-auth") if command[0] == "schema"]

    printed = run_command(ORDERS, *command[: command.index(">")])

    assert printed.returncode == 0, printed.stderr
    assert "  nickname: String!\n" in printed.stdout


def test_both_frameworks_are_tested() -> None:
    assert commands("uvicorn") == [["main:app"], ["starlette_app:app"]]


@pytest.mark.parametrize("application", ["main:app", "starlette_app:app"])
def test_example_runs_in_uvicorn_with_the_embedded_mongodb(
    tmp_path: Path, application: str
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "uvicorn", application, "--app-dir", ORDERS, "--port", "0"],
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        lines = iter(server.stderr.readline, "")
        url = next(found[0] for line in lines if (found := re.search(r"http://[\d.:]+", line)))
        with Client(f"{url}/graphql") as client:
            answer = client.ask(REGISTER, {"input": registration(nickname="ada")})
        token = answer["data"]["register"]["token"]
        answers = [
            httpx.get(f"{url}/me", headers=headers)
            for headers in ({"Authorization": f"Bearer {token}"}, {})
        ]
        server.terminate()
        rest = server.stderr.read()

    assert [answer.status_code for answer in answers] == [200, 401]
    assert "Application shutdown complete." in rest


def test_test_of_the_example_passes() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", ORDERS],
        cwd=ORDERS,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "name",
    ["nowhere:auth", "nowhere.main:auth", "main.py:auth", "main:app", "main", ":auth", "..:auth"],
)
def test_name_that_is_no_application_is_a_line(name: str) -> None:
    ended = run_command(ORDERS, "serve", name)

    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert repr(name.partition(":")[0])[1:-1] in ended.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('graphql_auth.HasRole("Admin")', "found 'Admin'"),
        ('graphql_auth.GraphQLAuth().on("login")(print)', "A hook is an `async def`"),
        ("import nowhere", "No module named 'nowhere'"),
    ],
)
def test_error_of_the_module_is_shown_with_its_place(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "shop.py").write_text(f"import graphql_auth\n{line}\n")

    ended = run_command(tmp_path, "schema", "shop:auth")

    assert ended.returncode == 1
    assert 'shop.py", line 2' in ended.stderr
    assert said in ended.stderr.splitlines()[-1]


def test_settings_and_path_of_the_application_are_served(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    (tmp_path / "shop.py").write_text(
        "from graphql_auth import GraphQLAuth, Settings\n"
        f"settings = Settings(mongo_uri={settings['MONGO_URI']!r}, token_key={KEY!r},"
        " playground=False)\n"
        "auth = GraphQLAuth(settings=settings, path='/api/graphql')\n"
    )

    server = start_server(tmp_path, "shop:auth", DATA_DIR="/dev/null")
    other = httpx.get(server.url.removesuffix("/graphql"))

    assert server.url.endswith("/api/graphql")
    assert "playground" not in server.output
    assert other.json()["errors"][0]["message"].endswith("ends in /api/graphql.")
    assert server.stop() == 0


@pytest.mark.parametrize("arguments", [(), ("--reload",), ("--workers", "2")])
def test_syntax_error_is_a_line_that_says_where(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "open_bracket.py").write_text("import json\nauth = (\n", encoding="utf-8")

    ended = run_command(tmp_path, "serve", "open_bracket:auth", *arguments)

    assert ended.returncode == 1
    assert ended.stderr == (
        "graphql-auth: Cannot import 'open_bracket': '(' was never closed"
        f" ({tmp_path}/open_bracket.py, line 2).\n"
    )


def test_two_workers_of_uvicorn_are_told_what_to_do(start_embedded: Start, tmp_path: Path) -> None:
    start_embedded(DATA_DIR=str(tmp_path / "data"))
    ended = subprocess.run(
        [sys.executable, "-m", "uvicorn", "main:app", "--app-dir", ORDERS, "--port", "0"],
        cwd=tmp_path,
        env=environment(DATA_DIR=str(tmp_path / "data")),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode != 0
    assert "set MONGO_URI, or run: graphql-auth serve MODULE:NAME --workers 4" in ended.stderr
