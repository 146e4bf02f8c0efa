"""What `make serve` checks before it builds the playground, which takes a minute."""

import socket
import subprocess
import sys

import pytest

from tests.conftest import KEY
from tests.process import ROOT, environment

BAD_URI = {"MONGO_URI": "mongodb://localhost", "TOKEN_KEY": KEY}


def check(**settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.can_serve"]
    return subprocess.run(
        command, cwd=ROOT, env=environment(**settings), capture_output=True, text=True, check=False
    )


def test_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = check(PORT=port)

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"graphql-auth: PORT {port} on HOST 127.0.0.1 cannot be used")


@pytest.mark.parametrize(
    ("settings", "said"), [(BAD_URI, "Unset MONGO_URI"), ({"TOKEN_TTL": "x"}, "Invalid TOKEN_TTL")]
)
def test_wrong_setting_is_one_line(settings: dict[str, str], said: str) -> None:
    ended = check(**settings)

    assert ended.returncode == 1
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_nothing_is_said_when_the_server_can_start() -> None:
    ended = check(HOST="x86_64-conda-linux-gnu")

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_make_serve_checks_before_it_builds() -> None:
    command = ["make", "--dry-run", "serve"]
    recipe = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert 0 <= recipe.find("scripts.can_serve") < recipe.find("scripts/playground")
