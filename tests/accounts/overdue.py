"""Changes that a process has left half made, and another server that completes them."""

from datetime import UTC, datetime
from typing import Any, NoReturn

import pytest

from graphql_auth.accounts.change_log import Kind
from graphql_auth.services import ServiceContainer
from tests.accounts.signed_in import Database

Steps = list[tuple[type, str]]
LONG_AGO = datetime.fromtimestamp(0, UTC)
LOGGED = {"kind": {"$in": [*Kind]}}


async def complete_overdue(services: ServiceContainer, database: Database) -> None:
    """Have another server complete a change, though not before the first one can have died."""
    await services.completion.complete_overdue()
    changes = database["graphql_auth_meta"]
    await changes.update_many(LOGGED, {"$set": {"begun_at": LONG_AGO}})
    await services.completion.complete_overdue()
    assert await changes.count_documents(LOGGED) == 0


def crashes(steps: Steps) -> list[tuple[int, bool]]:
    """All crashes: at each step, before or after the database has done it."""
    return [(number, is_done) for number in range(len(steps)) for is_done in (False, True)]


def crash_at(monkeypatch: pytest.MonkeyPatch, steps: Steps, crash_point: tuple[int, bool]) -> int:
    """Raise at a step; return how many steps are done then."""
    number, is_done = crash_point
    owner, step = steps[number]
    original = getattr(owner, step)

    async def crash(*arguments: Any, **named: Any) -> NoReturn:
        monkeypatch.setattr(owner, step, original)
        if is_done:
            await original(*arguments, **named)
        raise ConnectionAbortedError

    monkeypatch.setattr(owner, step, crash)
    return number + is_done
