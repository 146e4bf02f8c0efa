"""Which system packages `make` asks for on each kind of machine."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "system-packages"
# Python starts with this: another machine, which has no libcurl.
MACHINE = """
import ctypes, platform

platform.machine = lambda: {machine!r}
platform.libc_ver = lambda *_: ({libc!r}, "")

def refuse(name):
    raise OSError(name)

ctypes.CDLL = refuse
"""


@pytest.mark.parametrize(
    ("machine", "libc", "is_needed"),
    [
        pytest.param("x86_64", "glibc", True, id="Debian on x86-64"),
        pytest.param("aarch64", "glibc", True, id="Debian on ARM"),
        pytest.param("x86_64", "musl", False, id="Alpine"),
        pytest.param("arm64", "", False, id="macOS"),
    ],
)
def test_libcurl_is_needed_where_mongod_is_packaged(
    machine: str, libc: str, tmp_path: Path, *, is_needed: bool
) -> None:
    # Without apt-get, so nothing is installed.
    for command in ("id", "sed"):
        found = shutil.which(command)
        assert found is not None
        (tmp_path / command).symlink_to(found)
    (tmp_path / "sitecustomize.py").write_text(MACHINE.format(machine=machine, libc=libc))

    ended = subprocess.run(
        ["/bin/sh", SCRIPT, sys.executable],
        env={"PATH": str(tmp_path), "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == is_needed, ended.stderr
    assert ("apt-get install libcurl4" in ended.stderr) == is_needed
