"""docs/security.md names a test for each requirement; here, that those tests exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
REQUIREMENTS = re.findall(r"^\| (\d+\.\d+\.\d+) \(L\d\) \| .+ \| (.+) \|$", TEXT, re.MULTILINE)
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", TEXT)


def names_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, kinds)}


def test_every_named_test_exists() -> None:
    assert len(NAMED) > 80
    assert [(file, name) for file, name in NAMED if name not in names_in(file)] == []


def test_every_requirement_names_a_test_or_is_not_met() -> None:
    assert len(REQUIREMENTS) > 80
    assert len({number for number, _ in REQUIREMENTS}) == len(REQUIREMENTS)
    for number, shown in REQUIREMENTS:
        assert "::test_" in shown or "met: " in shown or "By the design: " in shown, number
