"""What `make serve` does about the playground, on machines with and without Node.js."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "playground"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose playground was built a moment ago."""
    for file in ("playground/index.html", "graphql_auth/static/.built"):
        path = tmp_path / "project" / file
        path.parent.mkdir(parents=True)
        path.touch()
    scripts = tmp_path / "project" / "scripts"
    scripts.mkdir()
    shutil.copy(SCRIPT, scripts)
    return scripts.parent


def build(project: Path, *commands: str) -> subprocess.CompletedProcess[str]:
    """Run the script where only some commands are installed."""
    installed = project.parent / "bin"
    installed.mkdir()
    for command in ("dirname", "find", *commands):
        found = shutil.which(command)
        assert found is not None
        (installed / command).symlink_to(found)
    return subprocess.run(
        ["/bin/sh", project / "scripts" / "playground"],
        env={"PATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


def change(file: Path) -> None:
    """Write a file again, later than the build."""
    file.parent.mkdir(exist_ok=True)
    file.touch()
    later = time.time() + 60
    os.utime(file, (later, later))


def test_what_is_built_already_needs_no_node(project: Path) -> None:
    assert build(project).returncode == 0


@pytest.mark.parametrize("unbuilt", [True, False])
def test_without_node_it_says_what_is_missing(project: Path, *, unbuilt: bool) -> None:
    if unbuilt:
        (project / "graphql_auth" / "static" / ".built").unlink()
    else:
        change(project / "playground" / "index.html")

    ended = build(project)

    assert ended.returncode == 1
    assert ended.stderr == (
        "The playground is not built: it needs Node.js 20.19, 22.12 or newer (none is installed).\n"
    )


@pytest.mark.skipif(shutil.which("npm") is None, reason="Node.js is not installed.")
@pytest.mark.parametrize("status", [0, 1])
def test_build_prints_its_sizes_only_if_it_fails(project: Path, status: int) -> None:
    sizes = "all files: 9 kB of 8 kB"
    package = {"name": "page", "scripts": {"build": f"echo '{sizes}' && exit {status}"}}
    lock = {"name": "page", "lockfileVersion": 3, "packages": {"": {"name": "page"}}}
    for name, content in (("package", package), ("package-lock", lock)):
        (project / "playground" / f"{name}.json").write_text(json.dumps(content))
    (project / "graphql_auth" / "static" / ".built").unlink()

    ended = subprocess.run(
        [project / "scripts" / "playground"], capture_output=True, text=True, check=False
    )

    assert ended.returncode == status
    assert ended.stdout == "Building the playground; this takes about a minute …\n"
    assert ended.stderr == (
        f"The playground is not built: its build failed: {sizes}\n" if status else ""
    )


def test_what_npm_installed_is_no_change_of_the_playground(project: Path) -> None:
    change(project / "playground" / "node_modules" / "index.js")

    assert build(project).returncode == 0
