"""deploy/graphql-auth.service, read by systemd-analyze."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from graphql_auth.settings import Settings
from tests.process import ROOT

UNIT = ROOT / "deploy" / "graphql-auth.service"
INSTALLED = "/opt/graphql-auth/.venv/bin/graphql-auth"
# 10 is a service without any restriction. What is left is the network, and limits of memory.
MAX_EXPOSURE = 1.5
SECONDS_TO_STOP = 10
FIRST_WITH_OFFLINE = 250


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with the paths of this clone."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("There is no systemd-analyze; on Debian: apt-get install systemd")
    if version() < FIRST_WITH_OFFLINE:
        pytest.skip(f"systemd-analyze {version()} reads no unit that is not installed")
    text = UNIT.read_text(encoding="utf-8")
    assert INSTALLED in text
    (tmp_path / ".env").touch()
    unit = tmp_path / UNIT.name
    unit.write_text(text.replace(INSTALLED, str(Path(sys.executable).with_name("graphql-auth"))))
    return unit


def version() -> int:
    return int(analyze("--version").split()[1])


def analyze(*arguments: str | Path) -> str:
    ended = subprocess.run(
        ["systemd-analyze", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def test_unit_has_no_mistakes(unit: Path) -> None:
    assert analyze("verify", "--man=no", unit) == ""


def test_service_is_restricted(unit: Path) -> None:
    printed = analyze("security", "--offline=true", "--threshold=15", unit)

    (exposure,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", printed)
    assert float(exposure) <= MAX_EXPOSURE


def test_service_has_time_to_stop() -> None:
    """At the longest SHUTDOWN_DELAY too."""
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)s$", UNIT.read_text(), re.MULTILINE)
    bounds = Settings.model_fields["shutdown_delay"].metadata
    longest = max(one.le.total_seconds() for one in bounds if hasattr(one, "le"))
    assert int(seconds) >= longest + SECONDS_TO_STOP
