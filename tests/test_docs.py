"""README.md and docs/: what `make docs` runs, and what can be read without running it."""

import re
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from graphql_auth.accounts.user_check import Reason
from tests.docs.blocks import PAGES, Block, read_blocks
from tests.process import ROOT

BLOCKS = [block for path in PAGES for block in read_blocks(path)]
RUN = {"sh", "text", "json", "log", "js", "nginx", "python", "ini", "graphql", "yaml"}
# Here nothing but these is not run. A new one needs a reason that is as good.
NOT_RUN = [
    ("README.md", "`make check` runs it."),
    ("docs/deploying.md", "it needs the network and the directory /opt."),
    ("docs/deploying.md", "it needs systemd; tests/deploy/test_service.py checks the unit."),
    (
        "docs/deploying.md",
        "it needs systemd; tests/faults/rolling_restart_faults.py restarts two servers under load.",
    ),
    ("docs/deploying.md", "it needs MongoDB's database tools."),
    ("docs/deploying.md", "it needs MongoDB's database tools."),
    ("docs/deploying.md", "it needs Docker; tests/deploy/image.py builds and runs the image."),
    ("docs/errors.md", "tests/integrations/generated_types_integration.py runs it."),
    ("docs/federation.md", "tests/integrations/federation_integration.py runs these files."),
    ("docs/other-services.md", "it needs Docker; tests/deploy/image.py builds and runs the image."),
    ("docs/other-services.md", "our tests cannot install Hasura."),
    ("docs/other-services.md", "our tests cannot install Apollo Router."),
    ("docs/running.md", "it needs Docker."),
    ("docs/running.md", "tests/integrations/traces_integration.py runs it."),
]
LINKING = [*PAGES, *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md"))]
LINKING += [*(ROOT / "docs" / "decisions").glob("*.md"), *(ROOT / "examples").rglob("README.md")]
LINKING = [path for path in LINKING if "node_modules" not in path.parts]
STORY = [*PAGES, ROOT / "examples" / "README.md", *(ROOT / "examples").glob("*/README.md")]


def test_every_block_is_found() -> None:
    """A fence that the pattern of a block does not match would not be run."""
    for path in PAGES:
        fences = re.findall(r"^ *(?:```|~~~)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(fences) == 2 * len(read_blocks(path)), path


def test_blocks_that_are_not_run_are_these() -> None:
    reasons = [(block.page, block.reason) for block in BLOCKS if block.reason is not None]

    assert reasons == NOT_RUN


def test_every_other_block_is_run() -> None:
    rest = [block for block in BLOCKS if block.reason is None]

    assert len(rest) > 30
    assert [block.place for block in rest if block.language not in RUN] == []


@pytest.mark.parametrize("path", LINKING, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", text)

    for name, anchor in links:
        target = (path.parent / name) if name else path
        assert target.exists(), name
        if anchor:
            assert anchor in anchors(target), f"{name}#{anchor}"


def anchors(path: Path) -> set[str]:
    """The anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", STORY, ids=lambda path: str(path.relative_to(ROOT)))
def test_one_user_has_one_password(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    emails = set(re.findall(r"[\w.+-]+(?<!:PASSWORD)@[\w-]+\.[\w.]*\w", text))
    # The sender of mails, and the e-mail that the user changes to.
    assert emails - {"no-reply@example.com", "lovelace@example.com"} <= {"ada@example.com"}
    assert set(re.findall(r'"?password\\?"?: \\?"([^"\\]*)', text)) <= {"correct horse"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_commands_in_sentences_exist(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    text = path.read_text(encoding="utf-8")

    assert set(re.findall(r"`(?:[A-Z_]+=\S+ )*make ([a-z-]+)`", text)) <= targets


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_operations_in_sentences_are_valid(path: Path) -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))
    text = path.read_text(encoding="utf-8")

    for operation in re.findall(r"`((?:mutation|query)[ (][^`]*\})`", text):
        assert validate(schema, parse(operation)) == [], operation


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_key_is_created_once_and_kept(block: Block) -> None:
    for line in block.source.splitlines():
        if "secrets." in line:
            assert line.endswith(">> .env"), line


@pytest.mark.parametrize("path", STORY, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_have_no_comments(path: Path) -> None:
    """In zsh, the shell of macOS, a pasted comment is arguments of the command."""
    blocks = [block for block in read_blocks(path) if block.language == "sh"]

    assert [block.place for block in blocks if re.search(r"(^|\s)#", block.source)] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_package_is_not_installed_from_the_index(path: Path) -> None:
    """It is not published there; its name could become that of another project."""
    text = path.read_text(encoding="utf-8")

    assert not re.findall(r"install (?:\S+ )*'?graphql-auth\b", text)


def test_page_on_moving_says_what_to_do_for_every_reason() -> None:
    text = (ROOT / "docs" / "moving.md").read_text(encoding="utf-8")

    assert [reason for reason in Reason if f"`{reason}`" not in text] == []
