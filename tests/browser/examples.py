"""The example apps, built, in a real browser; `make browser` installs what they need."""

import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from tests.browser.stage import SECONDS_FOR_A_STORY, STORIES, free_ports
from tests.conftest import KEY, Start
from tests.process import ServerProcess

EXAMPLES = STORIES.parents[1] / "examples"
SECONDS_TO_BUILD = 240


@pytest.mark.parametrize("name", ["apollo", "relay"])
def test_an_example_keeps_its_user_signed_in(
    name: str, start: Start, database_uri: str, tmp_path: Path
) -> None:
    page_port, server_port = free_ports(2)
    url = f"http://localhost:{server_port}/graphql"
    build(EXAMPLES / name, tmp_path / "build", url)

    def start_server() -> ServerProcess:
        return start(
            "--port",
            server_port,
            HOST="localhost",
            MONGO_URI=database_uri,
            TOKEN_KEY=KEY,
            TOKEN_TTL="5s",
            ALLOWED_ORIGINS=f"http://localhost:{page_port}",
        )

    server = start_server()
    script = str(STORIES / "examples.js")
    command = ["node", script, name, str(tmp_path / "build"), page_port, url]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as story:
        assert story.stdin
        assert story.stdout
        clock = threading.Timer(SECONDS_FOR_A_STORY, story.kill)
        clock.start()
        said = []
        for line in story.stdout:
            if line == "stop the server\n":
                server.stop(signal.SIGKILL)
            elif line == "start the server\n":
                server = start_server()
            else:
                said.append(line)
                continue
            story.stdin.write("done\n")
            story.stdin.flush()
        clock.cancel()

    assert story.returncode == 0, "".join(said)


def build(app: Path, directory: Path, url: str) -> None:
    """Build an app for a server."""
    built = subprocess.run(
        ["npm", "run", "build", "--", "--outDir", directory, "--emptyOutDir"],
        cwd=app,
        env=os.environ | {"VITE_GRAPHQL_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS_TO_BUILD,
        check=False,
    )
    assert built.returncode == 0, built.stdout
