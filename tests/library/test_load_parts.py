import re
import sys
from pathlib import Path

import pytest

from graphql_auth.errors import StartError
from graphql_auth.library import load_parts


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere:auth", "There is no module 'nowhere' in "),
        ("nowhere.main:auth", "There is no module 'nowhere.main' in "),
        ("main.py:auth", "There is no module 'main.py' in "),
        (":auth", "There is no module '' in "),
        ("", "There is no module '' in "),
        ("shelves:graphql_auth", "shelves:graphql_auth is not a GraphQLAuth; "),
        ("shelves:nothing", "shelves:nothing does not exist; "),
    ],
)
def test_application_that_cannot_be_found_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    (tmp_path / "shelves.py").write_text("import graphql_auth\nauth = graphql_auth.GraphQLAuth()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "shelves", raising=False)

    assert load_parts("shelves:auth") is load_parts("shelves:auth")
    with pytest.raises(StartError, match=f"^{re.escape(message)}"):
        load_parts(name)


def test_missing_import_of_the_module_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shelves_of.py").write_text("import nowhere\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])

    with pytest.raises(ModuleNotFoundError, match="'nowhere'"):
        load_parts("shelves_of:auth")
