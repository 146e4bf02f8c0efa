"""deploy/compose.yaml and deploy/Containerfile, as far as they can be read without Docker."""

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from graphql_auth.environment import read_settings
from graphql_auth.settings import Settings
from tests.conftest import KEY, Start
from tests.outages import until
from tests.process import ROOT, ServerProcess

DEPLOY = ROOT / "deploy"
SECONDS_TO_STOP = 10

services: dict[str, dict[str, Any]] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())[
    "services"
]
server = services["server"]
environment: dict[str, str] = server["environment"]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of the server in the file, with a key."""
    for name, value in environment.items():
        monkeypatch.setenv(name, KEY if name == "TOKEN_KEY" else value)
    return read_settings()


def test_every_variable_is_a_setting(settings: Settings) -> None:
    assert {name.lower() for name in environment} <= Settings.model_fields.keys()
    assert settings.smtp_url
    assert urlsplit(settings.smtp_url.get_secret_value()).hostname in services


def test_key_is_not_in_the_file() -> None:
    assert environment["TOKEN_KEY"].startswith("${TOKEN_KEY:?")


def test_members_are_those_of_the_uri_and_of_the_initiation() -> None:
    uri = urlsplit(environment["MONGO_URI"])
    hosts = uri.netloc.split(",")
    initiation = services["initiate"]["command"][-1]

    assert len(hosts) == 3
    assert re.findall(r"host: '(\S+):27017'", initiation) == hosts
    for host in hosts:
        command = services[host]["command"]
        assert command[command.index("--replSet") + 1] == uri.query.removeprefix("replicaSet=")
        assert services[host]["volumes"] == [f"{host}:/data/db"]
        assert services["initiate"]["depends_on"][host] == {"condition": "service_healthy"}
    assert f"_id: '{uri.query.removeprefix('replicaSet=')}'" in initiation
    assert services["initiate"]["image"] == services[hosts[0]]["image"]
    assert server["depends_on"] == {"initiate": {"condition": "service_completed_successfully"}}


def test_ports_are_open_on_this_machine_only(settings: Settings) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]

    assert f"127.0.0.1:{settings.listening_port}:{settings.listening_port}" in ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_server_has_time_to_stop(settings: Settings) -> None:
    seconds = int(server["stop_grace_period"].removesuffix("s"))

    assert seconds >= settings.shutdown_delay.total_seconds() + SECONDS_TO_STOP


def test_image_is_that_of_the_containerfile() -> None:
    build = server["build"]
    text = (DEPLOY / "Containerfile").read_text()

    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert ROOT / build["dockerfile"] == DEPLOY / "Containerfile"
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    files = [file for files in copied for file in files.split()]
    assert [file for file in files if not (ROOT / file).exists()] == []
    assert server["healthcheck"]["test"][1] in text


def test_health_check_is_that_of_the_server(start: Start) -> None:
    """The command of the file, run against a server that is ready, and then stops."""
    running = start(SHUTDOWN_DELAY="60s")
    assert is_healthy(running)

    running.process.send_signal(signal.SIGTERM)

    until(lambda: not is_healthy(running), running)
    running.process.send_signal(signal.SIGINT)
    assert running.wait() == 0


def is_healthy(running: ServerProcess) -> bool:
    kind, _python, *arguments = server["healthcheck"]["test"]
    assert kind == "CMD"
    port = str(urlsplit(running.url).port)
    command = [sys.executable, *(one.replace("4001", port) for one in arguments)]
    assert any(f":{port}/readyz" in one for one in command)
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


def test_compose_reads_the_file(tmp_path: Path) -> None:
    command = find_compose()
    (tmp_path / ".env").write_text(f"TOKEN_KEY={KEY}\n")

    ended = subprocess.run(
        [*command, "--env-file", tmp_path / ".env", "--file", DEPLOY / "compose.yaml", "config"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr


def find_compose() -> list[str]:
    for command in (["docker", "compose"], ["docker-compose"]):
        try:
            subprocess.run([*command, "version"], capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return command
    pytest.skip("There is no Docker Compose")
