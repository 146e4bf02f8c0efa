"""docs/asvs.csv names a test for each requirement; here, that those tests exist."""

import ast
import csv
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "asvs.csv").read_text(encoding="utf-8")
REQUIREMENTS = list(csv.DictReader(TEXT.splitlines(), strict=True))
NAMED = re.findall(r"(tests/[\w/]+\.py)::(test_\w+)", TEXT)


def names_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, kinds)}


def test_every_named_test_exists() -> None:
    assert len(NAMED) > 80
    assert [(file, name) for file, name in NAMED if name not in names_in(file)] == []


def test_every_requirement_names_a_test_or_is_not_met() -> None:
    assert len(REQUIREMENTS) > 80
    assert len({row["requirement"] for row in REQUIREMENTS}) == len(REQUIREMENTS)
    for row in REQUIREMENTS:
        shown = row["shown by"]
        assert "::test_" in shown or "met: " in shown or "By the design: " in shown, row


def test_page_names_the_requirements_that_are_not_met() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    missing = [row["requirement"] for row in REQUIREMENTS if "met: " in row["shown by"]]

    assert re.findall(r"\d+\.\d+\.\d+", page) == missing
