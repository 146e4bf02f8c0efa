"""A server, with streams that are closed, full or broken."""

import os
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from tests.cli.streams import CONDITIONS, start_in_shell
from tests.conftest import KEY
from tests.process import SECONDS_TO_START


def wait_until_it_answers(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        try:
            httpx.post(url, json={"query": "{ __typename }"}, timeout=SECONDS_TO_START)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(url)


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=" ".join)
@pytest.mark.parametrize("condition", ["nothing", "full", "errors full", "broken pipe", "ASCII"])
def test_server_serves_wherever_its_streams_lead(
    tmp_path: Path, shared_uri: str, condition: str, arguments: tuple[str, ...]
) -> None:
    redirection, variables, _ = CONDITIONS[condition]
    # An embedded mongod would get a closed stream, and another program a wrong one.
    database = {} if condition == "nothing" else {"MONGO_URI": shared_uri, "TOKEN_KEY": KEY}
    # The banner, which names a free port, is not always there to read.
    pid = os.getpid()
    host = f"127.{64 + pid // 250 // 250 % 64}.{pid // 250 % 250 + 1}.{pid % 250 + 1}"
    settings = variables | database | {"HOST": host, "PORT": "4001"}

    with start_in_shell(tmp_path, redirection, "serve", *arguments, **settings) as process:
        try:
            wait_until_it_answers(process, f"http://{host}:4001/graphql")
        finally:
            process.terminate()
        output, errors = process.communicate(timeout=SECONDS_TO_START)

    assert process.returncode == 0
    assert b"Traceback" not in errors
    # Workers can answer before the supervisor knows that they are ready.
    if condition in {"errors full", "ASCII"} and not arguments:
        assert f"http://{host}:4001/graphql".encode() in output
