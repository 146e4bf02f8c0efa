"""What the tools of frontends make of schema.graphql; `make tools` installs and runs them."""

import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).parent
PROJECT = TOOLS.parents[1]
SCHEMA = PROJECT / "schema.graphql"
# The schema that the last release had. A release replaces it by its own.
RELEASED = TOOLS / "released.graphql"


def run(tool: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TOOLS / "node_modules" / ".bin" / tool, *arguments],
        cwd=TOOLS,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_linter_finds_nothing_in_the_schema() -> None:
    linted = run("graphql-schema-linter", SCHEMA)

    assert linted.returncode == 0, linted.stdout
    assert "0 errors detected" in linted.stdout


def test_no_client_info_the_last_release_breaks() -> None:
    compared = run("graphql-inspector", "diff", RELEASED, SCHEMA)

    assert compared.returncode == 0, compared.stdout + compared.stderr


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  logout: Boolean!\n", "  logOut: Boolean!\n"),
        ("  welcome: String!\n", "  welcome: String\n"),
        ("input LoginInput {\n", "input LoginInput {\n  captcha: String!\n"),
    ],
    ids=["renamed field", "null where none was", "new required input"],
)
def test_what_would_break_a_client_is_noticed(tmp_path: Path, before: str, after: str) -> None:
    changed = SCHEMA.read_text(encoding="utf-8").replace(before, after)
    broken = tmp_path / "schema.graphql"
    broken.write_text(changed, encoding="utf-8")

    compared = run("graphql-inspector", "diff", RELEASED, broken)

    assert compared.returncode == 1
    assert "[error] Detected 1 breaking change" in compared.stdout + compared.stderr
