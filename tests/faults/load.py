"""Clients that sign up, sign in, refresh and sign out, and remember what was acknowledged."""

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.client import PASSWORD, RequestsSent

ACTORS = 30
SECONDS_BETWEEN_STEPS = 1.0
SECONDS_BEFORE_A_RETRY = 0.5
SECONDS_BETWEEN_PROBES = 0.5
# A login without an answer can block its account for 90 s.
SECONDS_TO_RECOVER = 120
# As a browser's patience, in proportion to the tests.
SECONDS_TO_ANSWER = 15

REGISTER = "mutation ($input: RegisterInput!) { done: register(input: $input) { %s } }"
LOGIN = "mutation ($input: LoginInput!) { done: login(input: $input) { %s } }"
REFRESH = "mutation ($input: RefreshTokenInput!) { done: refreshToken(input: $input) { %s } }"
LOGOUT = "mutation { done: logout }"
WELCOME = "{ done: welcome }"
TOKENS = "token refreshToken"

# What is no answer to the question: ask again.
CUT_OFF = "(cut off)"
PLAIN_TEXT = "(plain text)"
RETRIED = {CUT_OFF, PLAIN_TEXT, "SERVICE_UNAVAILABLE", "INTERNAL_SERVER_ERROR", "TOO_MANY_ATTEMPTS"}


class LoadIsOverError(Exception):
    """Nobody asks any longer; what was asked last may have been done or not."""


@dataclass
class Reply:
    """What was done, or the code that says why it was not."""

    data: Any = None
    code: str = ""
    extensions: dict[str, Any] = field(default_factory=dict)


@dataclass
class Session:
    """What a client holds of a session, and how it ended, if it did."""

    actor: int
    email: str
    token: str
    refresh_token: str
    logged_out_at: float | None = None
    is_in_doubt: bool = False
    accepted_for: float = 0.0


class Load:
    """The clients of one server, and the record of what they were told."""

    def __init__(
        self, http: httpx.AsyncClient, url: str, *, renews_connections: bool = True
    ) -> None:
        self._http = http
        self._url = url
        self._renews_connections = renews_connections
        # Who does what, and when, is the same each time.
        self._random = random.Random(1)
        self._is_over = False
        self._done_at: dict[int, float] = {}
        self.users: list[str] = []
        self.sessions: list[Session] = []
        self.acknowledged = 0
        self.codes: Counter[str] = Counter()
        self.welcome_codes: Counter[str] = Counter()
        self.signed_out: list[str] = []
        self.forked: list[str] = []
        self.lost: list[str] = []
        self.undead: list[str] = []
        self.seconds_to_recover = 0.0

    async def ask(
        self,
        query: str,
        values: dict[str, str] | None = None,
        token: str | None = None,
        sent: RequestsSent | None = None,
    ) -> Reply:
        """Ask once."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # Half of all requests on a connection of their own, which may lead to another process.
        if self._renews_connections and self._random.random() < 0.5:
            headers["Connection"] = "close"
        asked = {"query": query.replace("%s", TOKENS), "variables": {"input": values}}
        reply = await self._send(asked, headers, {"trace": sent.trace} if sent else {})
        if reply.code:
            self.codes[reply.code] += 1
        elif query != WELCOME:
            self.acknowledged += 1
        return reply

    async def _send(
        self, asked: dict[str, Any], headers: dict[str, str], extensions: dict[str, Any]
    ) -> Reply:
        try:
            response = await self._http.post(
                self._url, json=asked, headers=headers, extensions=extensions
            )
        except httpx.HTTPError:
            return Reply(code=CUT_OFF)
        try:
            answer = response.json()
            if answer.get("errors"):
                extensions = answer["errors"][0]["extensions"]
                return Reply(code=extensions["code"], extensions=extensions)
            return Reply(answer["data"]["done"])
        except (ValueError, LookupError):
            return Reply(code=PLAIN_TEXT)

    async def insist(
        self, query: str, values: dict[str, str] | None = None, token: str | None = None
    ) -> tuple[Reply, int]:
        """Ask until there is an answer to the question, and say how often."""
        for times in range(1, 1_000):
            reply = await self.ask(query, values, token)
            if reply.code not in RETRIED:
                return reply, times
            await self._pause(SECONDS_BEFORE_A_RETRY)
        raise AssertionError(reply)

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self._random.uniform(0.5, 1.5))
        if self._is_over:
            raise LoadIsOverError

    async def act(self, actor: int) -> None:
        """Be one person after another, until the load is over."""
        try:
            while True:
                await self._live(actor)
        except LoadIsOverError:
            pass

    async def _live(self, actor: int) -> None:
        email = f"{uuid.uuid4().hex}@example.com"
        values = {"firstName": "A", "lastName": "B", "email": email, "password": PASSWORD}
        await self._pause(SECONDS_BETWEEN_STEPS)
        reply, times = await self.insist(REGISTER, values)
        if reply.code == "EMAIL_TAKEN" and times > 1:
            # The first time it was done, without an answer.
            reply, _ = await self.insist(LOGIN, {"email": email, "password": PASSWORD})
        self.users.append(email)
        for _ in range(3):
            if reply.code:
                self.signed_out.append(f"sign in: {reply.code}")
                return
            session = Session(actor, email, reply.data["token"], reply.data["refreshToken"])
            self.sessions.append(session)
            await self._use(session)
            reply, _ = await self.insist(LOGIN, {"email": email, "password": PASSWORD})

    async def _use(self, session: Session) -> None:
        for _ in range(self._random.randrange(4, 10)):
            await self._pause(SECONDS_BETWEEN_STEPS)
            step = self._welcome if self._random.random() < 0.5 else self._refresh
            if not await step(session):
                return
        await self._log_out(session)

    async def _welcome(self, session: Session) -> bool:
        reply = await self.ask(WELCOME, token=session.token)
        if reply.code == "UNAUTHENTICATED":
            return self._note_signed_out("welcome", reply, session)
        if reply.code:
            self.welcome_codes[reply.code] += 1
        else:
            self._done_at[session.actor] = time.monotonic()
        return True

    async def _refresh(self, session: Session) -> bool:
        """Refresh as a browser does: sometimes two tabs at once, and again until it is answered."""
        tabs = 2 if self._random.random() < 0.1 else 1
        values = {"refreshToken": session.refresh_token}
        replies = await asyncio.gather(*[self.ask(REFRESH, values) for _ in range(tabs)])
        done = [reply for reply in replies if not reply.code]
        if len({reply.data["refreshToken"] for reply in done}) > 1:
            self.forked.append(session.email)
        reply = done[0] if done else replies[0]
        if reply.code in RETRIED:
            await self._pause(SECONDS_BEFORE_A_RETRY)
            reply, _ = await self.insist(REFRESH, values)
        if reply.code:
            return self._note_signed_out("refresh", reply, session)
        session.token, session.refresh_token = reply.data["token"], reply.data["refreshToken"]
        self._done_at[session.actor] = time.monotonic()
        return True

    def _note_signed_out(self, step: str, reply: Reply, session: Session) -> bool:
        self.signed_out.append(f"{step}: {reply.code} {reply.extensions.get('reason', '')}")
        session.is_in_doubt = True
        return False

    async def _log_out(self, session: Session) -> None:
        session.is_in_doubt = True
        reply, times = await self.insist(LOGOUT, token=session.token)
        # An attempt without an answer may have ended the session already.
        if reply.code and not (reply.code == "UNAUTHENTICATED" and times > 1):
            self._note_signed_out("logout", reply, session)
            return
        session.is_in_doubt = False
        session.logged_out_at = time.monotonic()

    async def probe(self) -> None:
        """Present tokens of ended sessions, to measure for how long they are accepted."""
        while not self._is_over:
            now = time.monotonic()
            ended = [one for one in self.sessions if one.logged_out_at is not None]
            young = [one for one in ended if now - (one.logged_out_at or now) < 3]
            some = young[-6:] + self._random.sample(ended, min(4, len(ended)))
            await asyncio.gather(*map(self._probe, some))
            await asyncio.sleep(SECONDS_BETWEEN_PROBES)

    async def _probe(self, session: Session) -> None:
        asked_at = time.monotonic()
        reply = await self.ask(WELCOME, token=session.token)
        if not reply.code and session.logged_out_at is not None:
            session.accepted_for = max(session.accepted_for, asked_at - session.logged_out_at)

    async def wait_for_recovery(self) -> None:
        """Wait until everyone has been served again, and note how long the last one waited."""
        begin = time.monotonic()
        while (
            min(self._done_at.get(actor, 0) for actor in range(ACTORS)) < begin
            and self.seconds_to_recover < SECONDS_TO_RECOVER
        ):
            await asyncio.sleep(0.1)
            self.seconds_to_recover = time.monotonic() - begin

    def end(self) -> None:
        """Let everyone finish what they wait for."""
        self._is_over = True

    async def check(self) -> None:
        """Look whether all that was acknowledged is so: users, sessions, and ends of sessions."""
        # Everyone has gone; what is asked now may be asked again.
        self._is_over = False
        one_of_few = asyncio.Semaphore(8)

        async def one(session: Session) -> None:
            async with one_of_few:
                await self._check_session(session)

        async def sign_in(email: str) -> None:
            async with one_of_few:
                reply, _ = await self.insist(LOGIN, {"email": email, "password": PASSWORD})
                if reply.code:
                    self.lost.append(f"{email}: {reply.code}")

        await asyncio.gather(*map(one, self.sessions))
        try:
            async with asyncio.timeout(SECONDS_TO_RECOVER):
                await asyncio.gather(*map(sign_in, self.users))
        except TimeoutError:
            self.lost.append(f"somebody who cannot sign in within {SECONDS_TO_RECOVER} s")

    async def _check_session(self, session: Session) -> None:
        if session.is_in_doubt:
            return
        refreshed = await self.ask(REFRESH, {"refreshToken": session.refresh_token})
        if session.logged_out_at is None:
            if refreshed.code:
                self.lost.append(f"session of {session.email}: {refreshed.code}")
        else:
            # Each on a connection that may lead to another process.
            welcomes = [await self.ask(WELCOME, token=session.token) for _ in range(3)]
            if not all(reply.code for reply in (refreshed, *welcomes)):
                self.undead.append(session.email)

    @property
    def longest_accepted(self) -> float:
        """For how many seconds a token of an ended session was accepted, at the worst."""
        return max((session.accepted_for for session in self.sessions), default=0.0)


@asynccontextmanager
async def load(url: str) -> AsyncIterator[Load]:
    """Run the clients while the block makes a fault; then have them recover, and check it all."""
    limits = httpx.Limits(max_connections=400, max_keepalive_connections=60)
    async with httpx.AsyncClient(timeout=SECONDS_TO_ANSWER, limits=limits) as http:
        clients = Load(http, url)
        tasks = [asyncio.create_task(clients.act(actor)) for actor in range(ACTORS)]
        tasks.append(asyncio.create_task(clients.probe()))
        try:
            yield clients
            await clients.wait_for_recovery()
        finally:
            clients.end()
            await asyncio.gather(*tasks)
        if clients.seconds_to_recover < SECONDS_TO_RECOVER:
            await clients.check()
