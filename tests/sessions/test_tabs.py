"""Five tabs of one browser refresh as they please: nobody is signed out, and the chain never forks.

The tabs share what is stored, as they share a cookie. Each may ask at any time; requests reach the
server in any order; an answer can be late or lost, and then the tab asks again. What they do not
do is to let a request be overtaken by two complete refreshes: that is what a thief looks like.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from graphql_auth.client_info import ClientInfo
from graphql_auth.mongo.index_monitor import IndexMonitor
from graphql_auth.services import DOCUMENTS, ServiceContainer
from graphql_auth.sessions.service import Tokens
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository
from tests.services import SETTINGS, Clock, NewServices, pass_time

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, Any]], Any]

TABS = 5
INTERLEAVINGS = 200
GRACE = SETTINGS.refresh_grace.total_seconds()
ENDLESS = {"session_idle_ttl": timedelta(days=10_000), "session_ttl": timedelta(days=10_000)}
HERE = ClientInfo()


@dataclass
class Request:
    """A refresh that a tab is waiting for, and the answer that is on its way back."""

    token: str
    answer: Tokens | None = None


class Tabs(RuleBasedStateMachine):
    """What the tabs do, one step after another, in an order that hypothesis picks."""

    def __init__(
        self, run: Run, services: ServiceContainer, user: UserDocument, clock: Clock
    ) -> None:
        super().__init__()
        self.run, self.services, self.clock = run, services, clock
        tokens = run(services.sessions.begin(user, HERE))
        self.stored = tokens.refresh
        self.requests: dict[int, Request] = {}
        self.successors: dict[str, str] = {}
        self.waited = 0.0

    def all_are_about_what_is_stored(self) -> bool:
        return all(request.token == self.stored for request in self.requests.values())

    @precondition(all_are_about_what_is_stored)
    @rule(tab=st.integers(1, TABS))
    def ask(self, tab: int) -> None:
        self.requests.setdefault(tab, Request(self.stored))

    @rule(tab=st.integers(1, TABS))
    def reach_the_server(self, tab: int) -> None:
        request = self.requests.get(tab)
        if request is None:
            return
        _, request.answer = self.run(self.services.rotation.refresh(request.token, HERE))
        successor = self.successors.setdefault(request.token, request.answer.refresh)
        assert request.answer.refresh == successor, "the chain has forked"
        self.services.sessions.authenticate(request.answer.access.value)

    @rule(tab=st.integers(1, TABS))
    def get_the_answer(self, tab: int) -> None:
        request = self.requests.get(tab)
        if request and request.answer:
            self.stored = request.answer.refresh
            del self.requests[tab]

    @rule(tab=st.integers(1, TABS))
    def lose_the_answer(self, tab: int) -> None:
        if tab in self.requests:
            self.requests[tab].answer = None

    @precondition(lambda self: self.waited < GRACE - 5)
    @rule()
    def wait_a_little(self) -> None:
        self.run(pass_time(self.clock, 5))
        self.waited += 5

    @precondition(lambda self: not self.requests)
    @rule(days=st.integers(0, 20))
    def wait_long(self, days: int) -> None:
        self.run(pass_time(self.clock, days * 24 * 3600))
        self.waited = 0.0

    def teardown(self) -> None:
        _, tokens = self.run(self.services.rotation.refresh(self.stored, HERE))
        self.services.sessions.authenticate(tokens.access.value)


@pytest.mark.anyio
@pytest.mark.hypothesis
async def test_five_tabs_are_never_signed_out(new_services: NewServices, clock: Clock) -> None:
    services = await new_services(**ENDLESS)
    user = await UserRepository(IndexMonitor(DOCUMENTS)).add(UserDocument(email="ada@example.com"))
    loop = asyncio.get_running_loop()

    def run(coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

    await asyncio.to_thread(
        run_state_machine_as_test,
        cast("type[Tabs]", lambda: Tabs(run, services, user, clock)),
        settings=settings(max_examples=INTERLEAVINGS, stateful_step_count=25),
    )
