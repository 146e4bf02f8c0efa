"""Which tests start a process: `make unit` leaves them out, and the other runs begin with them."""

import subprocess
from collections.abc import Iterator
from types import CodeType, FunctionType

import pytest

from tests.process import run_command, start_server

STARTERS = (subprocess, start_server, run_command)


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
    fixtures = [one.func for name in test.fixturenames for one in definitions.get(name, ())]
    seen: set[object] = set()
    return any(_starts_process(function, seen) for function in [test.function, *fixtures])


def _starts_process(function: object, seen: set[object]) -> bool:
    if not isinstance(function, FunctionType) or function in seen:
        return False
    if not function.__module__.startswith("tests."):
        return False
    seen.add(function)
    used = [function.__globals__.get(name) for name in _names(function.__code__)]
    return any(one in STARTERS or _starts_process(one, seen) for one in used)


def _names(code: CodeType) -> Iterator[str]:
    """The names that a function uses, and the functions within it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
