"""The budgets and the words of CONTRIBUTING.md, whose text is read for both."""

import ast
import io
import re
import subprocess
import tokenize
from pathlib import Path
from statistics import median

PROJECT = Path(__file__).parents[1]
RULES = (PROJECT / "CONTRIBUTING.md").read_text()
FILES = subprocess.check_output(
    ["git", "ls-files", "*.py", "*.md", "schema.graphql", ".env.example"], cwd=PROJECT, text=True
).splitlines()


def test_package_files_and_functions_keep_their_budgets() -> None:
    texts = {name: (PROJECT / name).read_text() for name in FILES if name.endswith(".py")}
    package = {name: text for name, text in texts.items() if name.startswith("graphql_auth/")}
    files = {name: len(text.splitlines()) for name, text in package.items()}
    functions = {
        f"{name}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for name, text in package.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    budgets = {
        "package has at most": {"The package": sum(files.values())},
        "half of the files have at most": {"The median file": round(median(files.values()))},
        "file of the package has at most": files,
        "function of the package has at most": functions,
    }
    over = []
    for sentence, sizes in budgets.items():
        most = int(re.findall(rf"{sentence} ([\d,]+)", RULES)[0].replace(",", ""))
        over += [
            f"{name} has {n} lines; the budget is {most}." for name, n in sizes.items() if n > most
        ]
    assert not over, "\n".join(over)


def prose(name: str) -> str:
    """Return a text without code: of Python only comments and docstrings, on their lines."""
    text = (PROJECT / name).read_text()
    if name.endswith(".py"):
        lines = [""] * (text.count("\n") + 1)
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                lines[token.start[0] - 1] = token.string.lstrip("#")
            elif token.type == tokenize.STRING and token.line.lstrip().startswith('"""'):
                lines[token.start[0] - 1 : token.end[0]] = token.string.split("\n")
        text = "\n".join(lines)
    return re.sub(r"`[^`\n]*`", "", text)


def test_prose_avoids_the_words_of_rule_3() -> None:
    rule = RULES.partition("Words not to use:")[2].partition(".\n")[0]
    words = "|".join(re.findall("`(.+?)`", rule)).replace(" ", r"\s+")
    assert words
    found = [
        f'{name}:{len(text[: match.end()].splitlines())} says "{match[0]}".'
        for name in FILES
        for text in [prose(name)]
        for match in re.finditer(rf"\b({words})\b", text, re.IGNORECASE)
    ]
    assert not found, "\n".join(found)
