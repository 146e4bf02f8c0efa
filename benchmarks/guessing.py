"""An hour of attack on one account, on a real MongoDB, by a clock that is moved by hand.

A stranger guesses three times a second, each time from another of 10,000 addresses; the owner signs
in once a minute on a known device, and every ten minutes on a new one.

Run: .venv/bin/python -m benchmarks.guessing
"""

import asyncio
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

from graphql_auth.accounts.password_changes import PasswordChanges

from graphql_auth.accounts.service import AccountService, Registration
from graphql_auth.client_info import ClientInfo
from graphql_auth.embedded_mongo.data_directory import lock_data_directory
from graphql_auth.embedded_mongo.mongod import run_mongod
from graphql_auth.errors import InvalidCredentials, TooManyAttempts
from graphql_auth.mongo.client import connect
from graphql_auth.mongo.clock import DatabaseClock
from graphql_auth.mongo.heartbeat import Heartbeat
from graphql_auth.passwords.hash_queue import HashQueue
from graphql_auth.passwords.hasher import PasswordHasher, VerifyResult
from graphql_auth.passwords.policy import PasswordPolicy
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.sessions.revocations import Revocations
from graphql_auth.sessions.service import Lifetimes, SessionService
from graphql_auth.throttling.device_tokens import DeviceTokens
from graphql_auth.throttling.repository import AttemptRepository
from graphql_auth.throttling.throttle import Throttle
from graphql_auth.tokens.access_tokens import AccessTokens
from graphql_auth.users.repository import UserRepository

SECONDS = 3600
GUESSES_A_SECOND = 3
ADDRESSES = 10_000
EMAIL, PASSWORD = "ada@example.com", "correct horse"
HOME = ClientInfo("192.0.2.1", "at home")
KEY = "k" * 32
HOUR = timedelta(hours=1)


class CountedPasswords(PasswordHasher):
    """The cheapest hashes, and how many were computed to verify one."""

    def __init__(self) -> None:
        super().__init__(4)
        self.verified = 0

    def verify(self, password: str, stored: str | None) -> VerifyResult:
        """Count, and verify."""
        self.verified += 1
        return super().verify(password, stored)


class Simulation:
    """One account, its owner, and a stranger."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0
        self.outcomes: Counter[str] = Counter()
        self.passwords = CountedPasswords()
        queue = HashQueue(threads=2)
        revocations = Revocations(SessionRepository(), DatabaseClock(), HOUR, HOUR)
        tokens = AccessTokens(KEY, HOUR, self.now)
        self.service = AccountService(
            users=UserRepository(),
            passwords=self.passwords,
            rules=PasswordPolicy(8),
            hash_queue=queue,
            throttle=Throttle(AttemptRepository(), 100, 500, self.now),
            devices=DeviceTokens(KEY),
            sessions=SessionService(
                SessionRepository(),
                UserRepository(),
                tokens,
                revocations,
                Heartbeat(),
                Lifetimes(),
                self.now,
            ),
            password_changes=PasswordChanges(),
            now=self.now,
        )

    def now(self) -> float:
        """Tell the time of the simulation."""
        return self.time

    async def run(self) -> None:
        """Play the hour, second by second."""
        ada = Registration("Ada", "Lovelace", EMAIL, PASSWORD)
        known = (await self.service.register(ada, HOME)).device_token
        for second in range(SECONDS):
            self.time += 1
            for guess in range(second * GUESSES_A_SECOND, (second + 1) * GUESSES_A_SECOND):
                await self._try("stranger", f"guess {guess}", _address(guess % ADDRESSES), None)
            if second % 60 == 0:
                await self._try("owner, known device", PASSWORD, HOME, known)
            if second % 600 == 300:  # noqa: PLR2004
                await self._try("owner, new device", PASSWORD, ClientInfo("198.51.100.1"), None)
            print(f"\r{second + 1:,} of {SECONDS:,} seconds", end="", flush=True)
        print()

    async def _try(self, who: str, password: str, device: ClientInfo, token: str | None) -> None:
        try:
            await self.service.login(EMAIL, password, device, token)
            outcome = "signed in"
        except InvalidCredentials:
            outcome = "verified, and wrong"
        except TooManyAttempts:
            outcome = "throttled"
        self.outcomes[f"{who}: {outcome}"] += 1


def _address(number: int) -> ClientInfo:
    return ClientInfo(f"10.0.{number >> 8}.{number & 255}", "a script")


async def _simulate(uri: str) -> None:
    async with connect(uri) as database:
        simulation = Simulation()
        await simulation.run()
        for outcome, count in sorted(simulation.outcomes.items()):
            print(f"{outcome:40} {count:6,}")
        print(f"{'hashes computed':40} {simulation.passwords.verified:6,}")
        for name in ("attempts", "sessions"):
            print(f"{f'documents in {name}':40} {await database[name].count_documents({}):6,}")


def main() -> None:
    """Simulate, and print."""
    with (
        tempfile.TemporaryDirectory() as directory,
        lock_data_directory(Path(directory)) as data,
        run_mongod(data) as mongod,
    ):
        mongod.wait_until_ready()
        asyncio.run(_simulate(mongod.uri))


if __name__ == "__main__":
    main()
