"""The fenced code blocks of a Markdown page."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.process import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(
    r"(?:^[ ]*<!--[ ]Not[ ]run:[ ](?P<reason>.*?)[ ]-->\n)?"
    r"^(?P<indent>[ ]*)```(?P<language>\S*)\n"
    r"(?P<source>.*?)"
    r"^(?P=indent)```$",
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)


@dataclass(frozen=True)
class Block:
    """One code block; ``reason`` says why it is not run."""

    page: str
    line: int
    language: str
    source: str
    reason: str | None

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def read_blocks(path: Path) -> list[Block]:
    """Return the code blocks of a page, in order."""
    text = path.read_text(encoding="utf-8")
    return [
        Block(
            page=str(path.relative_to(ROOT)),
            line=text.count("\n", 0, found.start("source")),
            language=found["language"],
            source=re.sub(f"^{found['indent']}", "", found["source"], flags=re.MULTILINE),
            reason=found["reason"],
        )
        for found in _BLOCK.finditer(text)
    ]
