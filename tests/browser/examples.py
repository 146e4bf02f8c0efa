"""The example apps, built, in a real browser; `make browser` installs what they need."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable
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

    def answer(line: str) -> str | None:
        nonlocal server
        if line == "stop the server":
            server.stop(signal.SIGKILL)
        elif line == "start the server":
            server = start_server()
        else:
            return None
        return "done"

    app = build(name, tmp_path / "build", page_port, server_port)
    play_in_app("examples.js", app, answer)


def build(name: str, directory: Path, page_port: str, server_port: str) -> list[str]:
    """Build an app for a server; returns what a story has to know of it."""
    url = f"http://localhost:{server_port}/graphql"
    built = subprocess.run(
        ["npm", "run", "build", "--", "--outDir", directory, "--emptyOutDir"],
        cwd=EXAMPLES / name,
        env=os.environ | {"VITE_GRAPHQL_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS_TO_BUILD,
        check=False,
    )
    assert built.returncode == 0, built.stdout
    return [name, str(directory), page_port, url]


def play_in_app(story: str, app: list[str], answer: Callable[[str], str | None]) -> None:
    """Play a story; ``answer`` gets each line of it, and returns None for what is no request."""
    command = ["node", str(STORIES / story), *app]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as played:
        assert played.stdin
        assert played.stdout
        clock = threading.Timer(SECONDS_FOR_A_STORY, played.kill)
        clock.start()
        said = []
        try:
            for line in played.stdout:
                answered = answer(line.strip())
                if answered is None:
                    said.append(line)
                    continue
                played.stdin.write(answered + "\n")
                played.stdin.flush()
        finally:
            clock.cancel()

    assert played.returncode == 0, "".join(said)
