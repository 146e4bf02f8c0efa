"""The versions whose private names and wording the package uses: say at once when they move.

What moved is to be looked at where it is used; then the range in pyproject.toml is moved too.
"""

import importlib
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from graphql import GraphQLSyntaxError, Lexer
from graphql.language.parser import Parser
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIREMENTS = {
    requirement.name: requirement for requirement in map(Requirement, PROJECT["dependencies"])
}

# Where the package uses each name, which its library may change in any version.
PRIVATE_NAMES = {
    "graphql.language.parser:Parser.parse_document": "api/limits.py",
    "graphql:Lexer.read_next_token": "api/limits.py",
    "strawberry.schema.types.base_scalars:DateTimeDefinition": "schema.py",
    "strawberry.schema.schema:StrawberryGraphQLCoreExecutionContext": "api/schema.py",
    "uvicorn.config:STARTUP_FAILURE": "processes.py",
    "uvicorn.protocols.http.flow_control:FlowControl.resume_reading": "protocol.py",
    "uvicorn.protocols.http.flow_control:FlowControl.pause_reading": "protocol.py",
    "uvicorn.protocols.http.httptools_impl:RequestResponseCycle": "protocol.py",
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol._start_asgi_task": "protocol.py",
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol._unset_keepalive_if_required": (
        "protocol.py"
    ),
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol.on_headers_complete": "protocol.py",
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol.on_response_complete": "protocol.py",
}
# Names that a class sets on its instances.
ATTRIBUTES = {
    "strawberry.schema.schema:Schema": ("_schema",),
    "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol": (
        *("flow", "parser", "pipeline", "cycle", "url", "headers", "expect_100_continue"),
    ),
    "uvicorn.protocols.http.httptools_impl:RequestResponseCycle": (
        *("response_started", "response_complete", "more_body", "message_event"),
        *("keep_alive", "disconnected"),
    ),
}


@pytest.mark.parametrize("library", ["graphql-core", "strawberry-graphql", "uvicorn"])
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


def resolve(name: str) -> object:
    module, _, path = name.partition(":")
    found: object = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return found


@pytest.mark.parametrize("name", PRIVATE_NAMES)
def test_private_name_in_use_exists(name: str) -> None:
    assert resolve(name) is not None, f"{name} is gone; graphql_auth/{PRIVATE_NAMES[name]} uses it."


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_private_attribute_in_use_is_set(name: str) -> None:
    module = importlib.import_module(name.partition(":")[0])
    source = Path(str(module.__file__)).parent
    text = "".join(file.read_text(encoding="utf-8") for file in source.glob("*.py"))

    for attribute in ATTRIBUTES[name]:
        assert re.search(rf"\bself\.{attribute}\b.* = ", text), (
            f"{name} does not set {attribute} any longer; the package uses it."
        )


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
