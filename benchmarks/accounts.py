"""Users of a contender: registered before anything is measured, and signed in where need be."""

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from benchmarks.contenders import token_signed_by
from benchmarks.load import REFRESH_TOKEN, Script, Step
from benchmarks.peers.contender import Contender
from benchmarks.servers import TOKEN_KEY
from benchmarks.wire import Client, WrongAnswer

PASSWORD = "correct horse battery staple"  # noqa: S105 - of nobody's account
# One for each connection that logs in, so that no user is in the way of another.
USERS = 16

T = TypeVar("T")


@dataclass(slots=True)
class Accounts:
    """What the clients of a contender know."""

    contender: Contender
    emails: list[str] = field(default_factory=list)
    token: str = field(default="", repr=False)
    refresh_key: str = ""
    _fresh: "itertools.count[int]" = field(default_factory=itertools.count)

    def welcome(self) -> Step:
        """Return a guarded read."""
        return Step(self.contender.welcome(self.token), self.contender.welcomed)

    def login(self, email: str) -> Step:
        """Return a login of one of the users."""
        return Step(offered(self.contender.login)(email, PASSWORD), "oken")

    def registration(self) -> Step:
        """Return a registration of an address that was never used before."""
        email = f"new{next(self._fresh)}@example.com"
        # Some answer with a token, and some with the user.
        return Step(offered(self.contender.register)(email, PASSWORD), "")

    def refresh(self) -> Step:
        """Return the exchange of the latest refresh token."""
        return Step(offered(self.contender.refresh)(REFRESH_TOKEN), "oken")

    def refresh_tokens(self, port: int, many: int) -> list[str]:
        """Begin sessions, and return their refresh tokens."""
        client = Client(port)
        try:
            return [
                offered(self.contender.refresh_token_in)(client.data(self.login(email).request))
                for email in self.emails[:many]
            ]
        finally:
            client.close()

    def chains(self, port: int, many: int, steps: Callable[[int], list[Step]]) -> list[Script]:
        """Return scripts whose refreshes follow each other, each in a session of its own."""
        tokens = self.refresh_tokens(port, many) if self.contender.refresh else [""] * many
        return [
            Script(steps(number), token, self.refresh_key) for number, token in enumerate(tokens)
        ]


def registered(contender: Contender, port: int) -> Accounts:
    """Register users, sign one in, and see that it is welcome; raises WrongAnswer."""
    accounts = Accounts(contender)
    client = Client(port)
    try:
        accounts.token = _signed_in(accounts, client)
        answer = client.text(contender.welcome(accounts.token))
    finally:
        client.close()
    if contender.welcomed not in answer:
        raise WrongAnswer(f"welcome answered {answer[:300]}")
    return accounts


def _signed_in(accounts: Accounts, client: Client) -> str:
    contender = accounts.contender
    if contender.login is None or contender.register is None:
        return token_signed_by(TOKEN_KEY)
    for number in range(USERS):
        email = f"user{number}@example.com"
        client.data(contender.register(email, PASSWORD))
        accounts.emails.append(email)
    answer = client.data(contender.login(accounts.emails[0], PASSWORD))
    if contender.refresh and contender.refresh_token_in:
        text = client.text(contender.refresh(contender.refresh_token_in(answer)))
        accounts.refresh_key = _key_of_next(text, contender)
    return contender.token_in(answer)


def _key_of_next(text: str, contender: Contender) -> str:
    """Return the name under which the JSON of a refresh carries the next refresh token."""
    token = offered(contender.refresh_token_in)(json.loads(text))
    found = re.search(rf'"(\w+)"\s*:\s*"{re.escape(token)}"', text)
    if found is None:
        raise WrongAnswer(f"no refresh token stands in {text[:300]}")
    return found[1]


def offered(what: T | None) -> T:
    """Return what a contender can do; raises WrongAnswer where it cannot."""
    if what is None:
        raise WrongAnswer("it does not do what is measured")
    return what
