"""The example apps: what npm and the code generators say about them."""

import json
import re
import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).parent
EXAMPLES = TOOLS.parents[1] / "examples"


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


def test_npm_warns_of_nothing_on_the_node_js_that_the_readme_names() -> None:
    supported = json.loads((EXAMPLES / "package.json").read_text())["engines"]["node"]
    named = ", ".join(re.findall(r"[\d.]+", supported)) + " or newer"
    packages = json.loads((EXAMPLES / "package-lock.json").read_text())["packages"]
    required = {name: each.get("engines", {}).get("node", "*") for name, each in packages.items()}

    script = """
      import semver from 'semver';
      const [supported, required] = process.argv.slice(1);
      const isWarnedOf = ([, range]) => !semver.subset(supported, range);
      console.log(JSON.stringify(Object.entries(JSON.parse(required)).filter(isWarnedOf)));
    """
    node = ["node", "--input-type=module", "--eval", script, supported, json.dumps(required)]
    warned_of = subprocess.run(node, cwd=TOOLS, capture_output=True, text=True, check=True).stdout

    assert json.loads(warned_of) == []
    assert f"Install Node.js {named}," in (EXAMPLES / "README.md").read_text()
    assert [name for name, values in packages.items() if "deprecated" in values] == []
