"""The names that applications import: none changes without a line in the changelog."""

import inspect
import operator
import re
import subprocess
import sys
from pathlib import Path

import pytest
from graphql import GraphQLObjectType, build_schema, get_named_type

import graphql_auth
from graphql_auth import types
from tests.process import ROOT

# As in the last release. A release replaces it: python -m tests.library.test_public_api
RELEASED = Path(__file__).with_name("released_api.txt")


def describe(name: str) -> list[str]:
    """The signature of a public name, and those of its own public members."""
    found = operator.attrgetter(name)(graphql_auth)
    lines = [f"{name}{_signature(found)}"]
    members = vars(found).items() if inspect.isclass(found) else ()
    # Beanie adds the fields of a document when it is bound, in another test for instance.
    hidden = {"Settings", "hash", *getattr(found, "model_fields", ())}
    for member, value in members:
        if not member.startswith(("_", "model_")) and member not in hidden:
            lines.append(f"{name}.{member}{_signature(getattr(value, '__func__', value))}")
    return lines


def _signature(found: object) -> str:
    """The parameters, without their types, whose text depends on the version of Python."""
    try:
        parameters = inspect.signature(found).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ""
    shown = [str(each.replace(annotation=each.empty)).partition("=") for each in parameters]
    return f"({', '.join(name + equals for name, equals, _ in shown)})"


def public_api() -> list[str]:
    names = [*graphql_auth.__all__, *(f"types.{name}" for name in sorted(mutation_types()))]
    return [line for name in names for line in describe(name)]


def mutation_types() -> set[str]:
    """The inputs and payloads in the signatures of all mutations."""
    root = build_schema((ROOT / "schema.graphql").read_text()).mutation_type
    assert isinstance(root, GraphQLObjectType)
    named = [get_named_type(field.type) for field in root.fields.values()]
    named += [
        get_named_type(one.type) for field in root.fields.values() for one in field.args.values()
    ]
    return {one.name for one in named} - {"Boolean"}


def test_every_mutation_can_be_overridden_with_its_types() -> None:
    assert len(mutation_types()) > 20
    assert [name for name in mutation_types() if not hasattr(types, name)] == []


def test_changed_names_are_in_the_changelog() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    unreleased = changelog.partition("## [Unreleased]")[2].partition("\n## [")[0]
    changed = set(public_api()) ^ set(RELEASED.read_text().splitlines())
    names = {re.split(r"\W", line)[0] for line in changed}

    missing = sorted(name for name in names if f"`{name}" not in unreleased)

    assert missing == [], "Say in CHANGELOG.md, under Unreleased, what changed of these."


# An alias of Strawberry's class.
@pytest.mark.parametrize("name", [name for name in graphql_auth.__all__ if name != "Info"])
def test_public_name_is_documented(name: str) -> None:
    assert inspect.getdoc(getattr(graphql_auth, name))
    assert name in dir(graphql_auth)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        graphql_auth.Nothing  # noqa: B018


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_command_line_without_work_does_not_import_strawberry(option: str) -> None:
    code = (
        "import sys; from graphql_auth.cli.main import run\n"
        f"try: run([{option!r}])\n"
        "except SystemExit: print([name for name in sys.modules if 'strawberry' in name])"
    )

    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert printed.splitlines()[-1] == "[]"


if __name__ == "__main__":
    RELEASED.write_text("\n".join(public_api()) + "\n")
