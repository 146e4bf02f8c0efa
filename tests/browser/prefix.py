"""The playground under a prefix, in a real browser: behind nginx, and mounted in an application."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser.stage import play
from tests.conftest import KEY, Start
from tests.integrations.processes import free_port, run_nginx, running

REMOVES_PREFIX = """
server {{
    listen 127.0.0.1:{port};
    location {prefix} {{ proxy_pass http://{server}/; proxy_set_header Host $http_host; }}
}}
"""
SITE = """
from contextlib import asynccontextmanager
from starlette.applications import Starlette
from starlette.routing import Mount
from graphql_auth.app import create_app
from graphql_auth.environment import read_settings

auth = create_app(read_settings())

@asynccontextmanager
async def lifespan(site):
    async with auth.router.lifespan_context(auth):
        yield

site = Starlette(routes=[Mount("/auth", auth)], lifespan=lifespan)
"""


@pytest.mark.parametrize("prefix", ["/auth/", "/a/b%20c/"])
def test_playground_works_behind_nginx_that_removes_a_prefix(
    start: Start, tmp_path: Path, prefix: str
) -> None:
    port = free_port()
    location = '"' + prefix.replace("%20", " ") + '"'
    server = urlsplit(start().url).netloc
    http = REMOVES_PREFIX.format(port=port, prefix=location, server=server)
    with run_nginx(tmp_path, http):
        print(play("prefix.js", f"http://localhost:{port}{prefix}graphql"))


def test_playground_works_in_a_mounted_application(database_uri: str, tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "site_with_auth.py").write_text(SITE)
    command = (sys.executable, "-m", "uvicorn", "site_with_auth:site", "--port", str(port))
    with running(port, *command, directory=tmp_path, MONGO_URI=database_uri, TOKEN_KEY=KEY):
        print(play("prefix.js", f"http://localhost:{port}/auth/graphql"))


def test_playground_works_at_another_path(database_uri: str, tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "versioned.py").write_text(
        "from graphql_auth import GraphQLAuth\napp = GraphQLAuth(path='/api/v1').app()\n"
    )
    command = (sys.executable, "-m", "uvicorn", "versioned:app", "--port", str(port))
    with running(port, *command, directory=tmp_path, MONGO_URI=database_uri, TOKEN_KEY=KEY):
        origin = f"http://localhost:{port}"
        print(play("prefix.js", f"{origin}/api/v1", f"{origin}/"))
