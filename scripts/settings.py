"""Writes the table of docs/settings.md from the declaration of the settings."""

import ast
import inspect
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from graphql_auth import settings
from graphql_auth.setting_types import format_duration
from graphql_auth.settings import Settings

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
HEAD = "| name | default | |\n| --- | --- | --- |\n"


def descriptions() -> dict[str, str]:
    """Return the descriptions of the settings, which are the strings below them."""
    tree = ast.parse(inspect.getsource(settings))
    (body,) = (
        one.body for one in tree.body if isinstance(one, ast.ClassDef) and one.name == "Settings"
    )
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        if isinstance(text.value.value, str)
    }


def default(name: str) -> str:
    """Return the default of a setting, as the environment has it."""
    value = Settings.model_fields[name].default
    match value:
        case None:
            return ""
        case bool():
            return "on" if value else "off"
        case timedelta():
            return format_duration(value)
        case frozenset():
            return ",".join(sorted(value))
    return str(value)


def render() -> str:
    """Return the page with the table that belongs there."""
    rows = "".join(
        f"| `{name.upper()}` | {f'`{shown}`' if (shown := default(name)) else 'none'} | {text} |\n"
        for name, text in descriptions().items()
    )
    return PAGE.read_text(encoding="utf-8").partition(HEAD)[0] + HEAD + rows


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
