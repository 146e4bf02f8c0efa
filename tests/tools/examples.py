"""What the code generators of frontends make of schema.graphql, in the example apps."""

import subprocess
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("app", ["apollo", "relay"])
def test_the_generators_warn_of_nothing_and_the_app_fits_their_types(app: str) -> None:
    checked = subprocess.run(
        ["npm", "run", "--silent", "check"],
        cwd=EXAMPLES / app,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        check=False,
    )

    printed = checked.stdout.lower()
    assert checked.returncode == 0, checked.stdout
    assert "generate outputs" in printed
    assert ("compilation completed" in printed) == (app == "relay")
    # npm itself warns of what is set for it on some machines.
    lines = [line for line in printed.splitlines() if "npm warn" not in line]
    assert [line for line in lines if "warn" in line or "deprecat" in line] == []
