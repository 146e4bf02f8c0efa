"""Which tests start a process: `make unit` leaves them out, and the other runs begin with them."""

import inspect
import subprocess
from collections.abc import Iterator
from types import CodeType, FunctionType

import pytest

from graphql_auth.embedded_mongo.mongod import find_or_run_mongod, run_mongod
from tests.process import run_command, start_server

STARTERS = (subprocess, start_server, run_command, run_mongod, find_or_run_mongod)
# The one that all tests share does not count.
SHARED = "mongod"


def mark_and_sort(items: list[pytest.Item]) -> None:
    """Mark the tests that start a process. Their files come first, for they take the longest."""
    for item in items:
        if isinstance(item, pytest.Function) and starts_process(item):
            item.add_marker("process")
    first = {item.path for item in items if item.get_closest_marker("process")}
    items.sort(key=lambda item: item.path not in first)


def starts_process(test: pytest.Function) -> bool:
    """Whether a test starts a process: in its code, a fixture, or a function that these call."""
    definitions = test._fixtureinfo.name2fixturedefs  # noqa: SLF001 - pytest has no public name
    names = [name for name in test.fixturenames if name != SHARED]
    fixtures = [one.func for name in names for one in definitions.get(name, ())]
    seen: set[object] = set()
    return any(_starts_process(function, seen) for function in [test.function, *fixtures])


def _starts_process(function: object, seen: set[object]) -> bool:
    if not isinstance(function, FunctionType) or not function.__module__.startswith("tests."):
        return False
    # A decorator, such as contextmanager, keeps the function that it wraps.
    inner = inspect.unwrap(function)
    if inner in seen:
        return False
    seen.add(inner)
    used = [inner.__globals__.get(name) for name in _names(inner.__code__)]
    return any(one in STARTERS or _starts_process(one, seen) for one in used)


def _names(code: CodeType) -> Iterator[str]:
    """The names that a function uses, and the functions within it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
