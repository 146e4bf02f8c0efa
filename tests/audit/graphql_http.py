"""The audits of GraphQL over HTTP; `make audit` installs what they need and runs them."""

import subprocess
from pathlib import Path

from tests.process import ServerProcess

SCRIPT = Path(__file__).with_name("audit.js")


def test_every_audit_of_graphql_http_passes(shared_server: ServerProcess) -> None:
    ended = subprocess.run(
        ["node", SCRIPT, shared_server.url], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "61 of 61 audits passed" in ended.stdout
