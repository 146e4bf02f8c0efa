"""The audits of GraphQL over HTTP; `make audit` installs what they need and runs them."""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import Start

SCRIPT = Path(__file__).with_name("audit.js")
# Introspection stays on: four of the audits ask for `__type(name: $name)`.
AS_STRICT_AS_CAN_BE = {
    "ALLOWED_ORIGINS": "https://app.example.com",
    "TRUSTED_PROXIES": "127.0.0.1",
    "REQUEST_TIMEOUT": "1s",
    "REQUEST_READ_TIMEOUT": "1s",
    "MAX_CONCURRENT_REQUESTS": "1",
    "MAX_BODY_SIZE": "1000",
    "MAX_QUERY_TOKENS": "25",
    "MAX_QUERY_DEPTH": "2",
    "MAX_QUERY_FIELDS": "2",
}


@pytest.mark.parametrize("settings", [{}, AS_STRICT_AS_CAN_BE], ids=["defaults", "strict"])
def test_every_graphql_http_audit_passes(settings: dict[str, str], start_shared: Start) -> None:
    url = start_shared(**settings).url

    ended = subprocess.run(["node", SCRIPT, url], capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "61 of 61 audits passed" in ended.stdout
