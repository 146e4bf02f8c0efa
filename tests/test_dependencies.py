"""The names of libraries that the package uses: each is declared, and private ones are pinned.

What moved is to be looked at where it is used; then the range in pyproject.toml is moved too.
"""

import ast
import importlib
import inspect
import re
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
from graphql import GraphQLSyntaxError, Lexer
from graphql.language.parser import Parser
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIREMENTS = {
    requirement.name: requirement
    for requirement in map(
        Requirement, [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["keys"]]
    )
}
SOURCES = [file.read_text(encoding="utf-8") for file in (ROOT / "graphql_auth").rglob("*.py")]


def is_of_python(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


def imported_modules() -> set[str]:
    nodes = [node for source in SOURCES for node in ast.walk(ast.parse(source))]
    found = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    found |= {one.name for node in nodes if isinstance(node, ast.Import) for one in node.names}
    return {
        module
        for module in found
        if not is_of_python(module) and module.partition(".")[0] != "graphql_auth"
    }


DISTRIBUTIONS = packages_distributions()


def distribution(module: str) -> str:
    (found,) = DISTRIBUTIONS[module.partition(".")[0]]
    return canonicalize_name(found)


PINNED = ["beanie", "graphql-core", "python-dotenv", "strawberry-graphql", "uvicorn"]
# Of the other libraries: what they document of more than their top module.
DOCUMENTED = re.compile(
    r"bson|cryptography|jwt|passlib|prometheus_client|pydantic\.alias_generators|pymongo|starlette"
)
# What the package overrides or reads of a class, and no documentation promises.
PRIVATE_NAMES = {
    "graphql:Lexer": ["read_next_token"],
    "graphql.language.parser:Parser": ["parse_document"],
    "strawberry:Schema": ["_schema", "get_fields", "process_errors"],
    "strawberry.schema.schema:StrawberryGraphQLCoreExecutionContext": [
        *("async_helpers", "gather_async_work", "track_async_work"),
    ],
    "uvicorn.protocols.http.flow_control:FlowControl": ["pause_reading", "resume_reading"],
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol": [
        *("_start_asgi_task", "_unset_keepalive_if_required", "cycle", "expect_100_continue"),
        *("flow", "headers", "on_body", "on_headers_complete", "on_message_complete"),
        *("on_response_complete", "parser", "pipeline", "scope", "url"),
    ],
    "uvicorn.protocols.http.httptools_impl:RequestResponseCycle": [
        *("disconnected", "keep_alive", "message_event", "more_body", "response_complete"),
        *("response_started", "scope", "transport"),
    ],
    "uvicorn.server:ServerState": ["connections", "default_headers", "tasks"],
}


def test_imported_library_is_declared() -> None:
    assert {distribution(module) for module in imported_modules()} <= REQUIREMENTS.keys()


def test_private_modules_are_those_of_pinned_libraries() -> None:
    assert {
        distribution(module)
        for module in imported_modules()
        if "." in module and not DOCUMENTED.match(module)
    } == {*PINNED}


@pytest.mark.parametrize("library", PINNED)
def test_library_with_private_names_in_use_is_pinned(library: str) -> None:
    specifier = REQUIREMENTS[library].specifier
    (lowest,) = (one.version for one in specifier if one.operator == ">=")
    major, minor, *_ = map(int, lowest.split("."))

    assert f"<{major}.{minor + 1}" in map(str, specifier), (
        f"Pin {library} in pyproject.toml to one minor version: private names of it are used."
    )
    assert specifier.contains(version(library)), (
        f"{library} {version(library)} is installed, but its private names and its wording were"
        f" looked at in {specifier}. Look at them again, then move the range in pyproject.toml."
    )


@pytest.mark.parametrize("path", PRIVATE_NAMES)
def test_private_name_in_use_exists(path: str) -> None:
    module, _, name = path.partition(":")
    found = getattr(importlib.import_module(module), name)
    classes = [base for base in found.__mro__ if not is_of_python(base.__module__)]
    library = "".join(map(inspect.getsource, classes))

    for member in PRIVATE_NAMES[path]:
        assert hasattr(found, member) or re.search(rf"\bself\.{member}\b.* = ", library), (
            f"{path} has no {member} any longer; the package uses it."
        )
        assert any(re.search(rf"\b{name}\b", one) for one in SOURCES), f"{path} is not used."
        assert any(re.search(rf"\b{member}\b", one) for one in SOURCES), f"{member} is not used."


def test_parser_reads_every_token_from_the_given_lexer() -> None:
    read: list[int] = []

    class Counting(Lexer):
        def read_next_token(self, start: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
            read.append(start)
            return super().read_next_token(start)

    source = Parser("{ a(b: [1 2]) #c\n }")._lexer.source  # noqa: SLF001
    Parser(source, lexer=Counting(source)).parse_document()

    assert len(read) == len(["{", "a", "(", "b", ":", "[", "1", "2", "]", ")", "#c", "}", "EOF"]), (
        "The limit on tokens in graphql_auth/graphql_http/limits.py does not count all of them."
    )


def test_too_deep_document_is_a_recursion_error() -> None:
    with pytest.raises(RecursionError):
        Parser("{a" * 10_000).parse_document()
    with pytest.raises(GraphQLSyntaxError):
        Parser("{a").parse_document()
