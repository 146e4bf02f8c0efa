import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.client import WELCOME, Client
from tests.conftest import KEY, Start
from tests.process import SECONDS_TO_START, environment, process_name


def test_workers_share_one_database_and_one_key(start_embedded: Start) -> None:
    server = start_embedded("--workers", "3")

    names = [process_name(pid) for pid in server.descendants()]
    assert names.count("mongod") == 1
    with Client(server.url) as client:
        registered = client.register()["data"]["register"]
    for _ in range(20):
        with Client(server.url) as client:
            assert client.ask(WELCOME, token=registered["token"])["data"]["welcome"]


def test_a_changed_file_of_the_package_reloads_the_server(start: Start, tmp_path: Path) -> None:
    """On a copy: other tests serve the package with ``--reload`` meanwhile."""
    package = Path(sys.modules["graphql_auth"].__file__ or "").parent
    copy = tmp_path / "copy" / package.name
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    # What runs of the copy does not count for the coverage of the package.
    server = start("--reload", PYTHONPATH=str(copy.parent), COVERAGE_PROCESS_CONFIG="")
    before = set(server.descendants())

    (copy / "__init__.py").touch()

    server.wait_for_output("detected changes")
    deadline = time.monotonic() + SECONDS_TO_START
    while set(server.descendants()) <= before:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with Client(server.url) as client:
        client.token()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_process_that_cannot_start_ends_the_server_with_a_reason(
    tmp_path: Path, workers: int
) -> None:
    program = (
        "import logging.config\n"
        "from graphql_auth.logs import LOG_CONFIG\n"
        "from graphql_auth.processes import run\n"
        "from graphql_auth.server import listening\n"
        "from graphql_auth.settings import Settings\n"
        "if __name__ == '__main__':\n"
        "    settings = Settings(port=0)\n"
        "    with listening(settings) as listener:\n"
        f"        run(settings, listener, workers={workers}, reload=False)\n"
    )
    (tmp_path / "program.py").write_text(program, encoding="utf-8")

    ended = subprocess.run(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        env=environment(MONGO_URI="mongodb://", TOKEN_KEY=KEY),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert "CRITICAL graphql_auth.app: MONGO_URI is not a MongoDB address" in ended.stderr
    assert "StartError: A process that was to serve could not start" in ended.stderr
