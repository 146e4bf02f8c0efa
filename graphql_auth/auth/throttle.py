"""How often a password may be guessed: by whom, at which account, and with what wait after it."""

import asyncio
import collections
import hashlib
import math
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

from graphql_auth.errors import TooManyAttempts, Unavailable
from graphql_auth.storage.attempts import Attempts, Budget

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)

# Of strangers, at one account: 5 at once, then 30 s, doubling up to 30 minutes: at most 57 a day.
ACCOUNT = Budget(free=5, first_wait=30 * SECOND, longest_wait=30 * MINUTE)
# Of a device that has signed in before, or of a session: as many, apart from all others.
DEVICE = ACCOUNT

LEASE = timedelta(seconds=90)
# An IPv6 customer has a /64 at the least: https://www.rfc-editor.org/rfc/rfc6177
IPV6_PREFIX = 64

SECONDS_TO_WAIT = 10.0
SECONDS_BETWEEN_TRIES = 0.05
MOST_WAITING = 100


@dataclass(frozen=True, slots=True)
class Counter:
    """Something that is counted, and the budget that it has."""

    key: str
    budget: Budget


class Verification:
    """An attempt under way; unless it is told to have succeeded, it counts as a failure."""

    succeeded = False


class Throttle:
    """Counts attempts in the database, before they are made, for all processes together."""

    def __init__(
        self,
        attempts: Attempts,
        failures_per_address: int,
        registrations_per_address: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._attempts = attempts
        self._address = Budget(failures_per_address, SECOND, 15 * MINUTE)
        self._registrations = Budget(registrations_per_address, MINUTE, 60 * MINUTE)
        self._now = now
        self._waiting: collections.Counter[str] = collections.Counter()

    def stranger(self, account: str, address: str | None) -> list[Counter]:
        """Name what is counted when an unknown device tries an account, which need not exist."""
        return [
            # The database is not to hold what people typed.
            Counter(f"account:{hashlib.sha256(account.encode()).hexdigest()}", ACCOUNT),
            Counter(f"address:{_network(address)}", self._address),
        ]

    def device(self, device_id: str) -> list[Counter]:
        """Name what is counted when a device tries that has signed in to the account before."""
        return [Counter(f"device:{device_id}", DEVICE)]

    def session(self, session_id: str) -> list[Counter]:
        """Name what is counted when whoever is signed in proves the password again."""
        return [Counter(f"session:{session_id}", DEVICE)]

    async def count_registration(self, address: str | None) -> None:
        """Count a registration; raises TooManyAttempts."""
        async with self.attempt([Counter(f"register:{_network(address)}", self._registrations)]):
            pass

    @asynccontextmanager
    async def attempt(self, counters: list[Counter]) -> AsyncIterator[Verification]:
        """Make an attempt, if all counters allow it.

        One that ends by Unavailable was never made. Raises TooManyAttempts with the seconds to
        wait.
        """
        lease = secrets.token_hex(8)
        held: list[Counter] = []
        verification = Verification()
        try:
            for counter in counters:
                await self._begin(counter, lease)
                held.append(counter)
            yield verification
        except (TooManyAttempts, Unavailable):
            await self._release(held, lease)
            raise
        except BaseException:
            # Whoever hangs up while the password is verified has had the attempt.
            await self._settle(held, lease, verification)
            raise
        await self._settle(held, lease, verification)

    async def _settle(self, held: list[Counter], lease: str, verification: Verification) -> None:
        if verification.succeeded:
            await self._release(held, lease)
        else:
            for counter in held:
                await self._attempts.fail(counter.key, counter.budget, lease, self._moment())

    async def _release(self, held: list[Counter], lease: str) -> None:
        if held:
            await self._attempts.release([counter.key for counter in held], lease)

    async def _begin(self, counter: Counter, lease: str) -> None:
        # Counted for each key: whoever crowds their own account is in nobody else's way.
        if self._waiting[counter.key] >= MOST_WAITING:
            raise TooManyAttempts(retry_after=1)
        self._waiting[counter.key] += 1
        # Not asyncio.timeout, which cancels once: the driver may swallow that when its answer comes
        # in the same moment, and then nobody would stop waiting.
        last_try = time.monotonic() + SECONDS_TO_WAIT
        try:
            # Other processes take part, so there is no event to wait for.
            while not await self._is_granted(counter, lease):
                if time.monotonic() >= last_try:
                    raise TooManyAttempts(retry_after=1)
                await asyncio.sleep(SECONDS_BETWEEN_TRIES)
        finally:
            self._waiting -= collections.Counter([counter.key])

    async def _is_granted(self, counter: Counter, lease: str) -> bool:
        """Whether the attempt may be made; False while others are under way."""
        now = self._moment()
        standing = await self._attempts.begin(counter.key, counter.budget, lease, now, now + LEASE)
        if standing.free_at > now:
            raise TooManyAttempts(math.ceil((standing.free_at - now).total_seconds()))
        return standing.granted

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)


def _network(address: str | None) -> str:
    """Return what one customer of a provider has: an IPv4 address, or an IPv6 network."""
    if address is None:
        return "unknown"
    if ip_address(address).version == 4:  # noqa: PLR2004
        return address
    return str(ip_network((address, IPV6_PREFIX), strict=False))
