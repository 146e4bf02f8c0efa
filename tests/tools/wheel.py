"""What a wheel carries that is built from a clone; `make tools` runs it (needs Node.js)."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

PROJECT = Path(__file__).parents[2]
NOT_IN_A_CLONE = shutil.ignore_patterns(".*", "node_modules", "static", "graphql-auth-data")
PAGE = "graphql_auth/static/index.html"
PLAIN_PAGE = "graphql_auth/graphql_http/plain_page.html"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROJECT, tmp_path / "clone", ignore=NOT_IN_A_CLONE))


def build_wheel(clone: Path, *commands: str) -> tuple[ZipFile, str]:
    """Build a wheel where only some commands are installed; return it, and what was printed."""
    installed = clone.parent / "bin"
    installed.mkdir()
    for command in ("sh", "dirname", *commands):
        found = shutil.which(command)
        assert found is not None
        (installed / command).symlink_to(found)
    pip = [sys.executable, "-m", "pip", "wheel", "--verbose", "--no-deps", "--no-build-isolation"]
    built = subprocess.run(
        [*pip, "--wheel-dir", clone.parent, clone],
        env=os.environ | {"PATH": str(installed)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    (wheel,) = clone.parent.glob("*.whl")
    return ZipFile(wheel), built.stdout


def test_wheel_from_a_clone_carries_the_playground(clone: Path) -> None:
    archive, _ = build_wheel(clone, "env", "find", "node", "npm", "touch")

    names = set(archive.namelist())
    assert PLAIN_PAGE in names
    assert "graphql_auth/py.typed" in names
    assert "graphql_auth/mail/templates/layout.html" in names
    assets = {name for name in names if name.startswith("graphql_auth/static/assets/")}
    assert {Path(name).suffix for name in assets} >= {".js", ".css", ".woff2", ".gz"}
    loaded = re.findall(r'"graphql/(assets/[^"]+)"', archive.read(PAGE).decode())
    assert len(loaded) >= 2
    assert {f"graphql_auth/static/{name}" for name in loaded} <= assets
    assert {name.partition("/")[0] for name in names if "dist-info" not in name} == {"graphql_auth"}


def test_wheel_without_node_says_what_is_missing(clone: Path) -> None:
    archive, printed = build_wheel(clone, "find")

    assert "The playground is not built: it needs Node.js 20.19, 22.12 or newer" in printed
    assert "The build goes on without the playground." in printed
    assert PAGE not in archive.namelist()
    assert PLAIN_PAGE in archive.namelist()
