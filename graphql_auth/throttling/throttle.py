"""Rate limits on password guessing and registration, with exponential backoff."""

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

from graphql_auth.errors import EmailTaken, TooManyAttempts
from graphql_auth.throttling.repository import AttemptRepository, RateLimit

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)

# Of strangers, at one account: 5 at once, then 30 s, doubling up to 30 minutes: at most 57 a day.
ACCOUNT = RateLimit(free=5, refill=HOUR, first_wait=30 * SECOND, longest_wait=30 * MINUTE)
# Of a device that has signed in before, or of a session: as many, apart from all others.
DEVICE = ACCOUNT

# After kill -9 the leases of a process expire within the time that an attempt waits for one.
LEASE = timedelta(seconds=8)
SECONDS_BETWEEN_RENEWALS = 2.0
# An IPv6 customer has a /64 at the least: https://www.rfc-editor.org/rfc/rfc6177
IPV6_PREFIX = 64

SECONDS_TO_WAIT = 10.0
SECONDS_BETWEEN_TRIES = 0.05
MOST_WAITING = 100


@dataclass(frozen=True, slots=True)
class ThrottleKey:
    """Something that is counted, and the budget that it has."""

    key: str
    budget: RateLimit


class AttemptInProgress:
    """An attempt that its budgets allow; it is counted only if ``counts`` is set before its end."""

    counts = False


class Throttle:
    """Counts attempts in the database, with a lease for each, for all processes together.

    ``failures_per_address`` and ``registrations_per_address`` are how many of each an IP address
    has in an hour. ``now`` returns seconds since 1970, by a clock that all processes share.
    """

    def __init__(
        self,
        attempts: AttemptRepository,
        failures_per_address: int,
        registrations_per_address: int,
        now: Callable[[], float],
    ) -> None:
        self._attempts = attempts
        self._failures = _per_hour(failures_per_address)
        self._registrations = _per_hour(registrations_per_address)
        self._now = now
        self._waiting: collections.Counter[str] = collections.Counter()
        self._leases: dict[str, list[str]] = {}

    def login_keys(self, email: str, ip: str | None) -> list[ThrottleKey]:
        """Return what is counted when an unknown device tries an e-mail, known here or not."""
        # The database is not to hold what people typed.
        account = f"account:{hashlib.sha256(email.encode()).hexdigest()}"
        # An attempt that waits for its own IP address is not in the way of the account.
        return [self._failures_key(ip), ThrottleKey(account, ACCOUNT)]

    def device_keys(self, device_id: str) -> list[ThrottleKey]:
        """Return what is counted when a device tries that has signed in to the account before."""
        return [ThrottleKey(f"device:{device_id}", DEVICE)]

    def reauth_keys(self, session_id: str) -> list[ThrottleKey]:
        """Return what is counted when a signed-in user proves the password again."""
        return [ThrottleKey(f"session:{session_id}", DEVICE)]

    @asynccontextmanager
    async def registration(self, ip: str | None) -> AsyncIterator[None]:
        """Make a registration, which counts if it succeeds; raises TooManyAttempts.

        One for an e-mail that is taken tells of an account, so it counts as a failed login does.
        """
        registered = ThrottleKey(f"register:{_network(ip)}", self._registrations)
        async with (
            self.attempt([self._failures_key(ip)]) as guess,
            self.attempt([registered]) as registration,
        ):
            try:
                yield
            except EmailTaken:
                guess.counts = True
                raise
            registration.counts = True

    @asynccontextmanager
    async def attempt(self, keys: list[ThrottleKey]) -> AsyncIterator[AttemptInProgress]:
        """Make an attempt, if the budget of each key allows it.

        Raises TooManyAttempts with the seconds to wait.
        """
        lease = secrets.token_hex(8)
        attempt = AttemptInProgress()
        held = self._leases[lease] = []
        try:
            for key in keys:
                # Before it is granted, for the answer can get lost.
                held.append(key.key)
                try:
                    await self._begin(key, lease)
                except TooManyAttempts:
                    held.pop()
                    raise
            yield attempt
        finally:
            del self._leases[lease]
            if attempt.counts:
                for key in keys:
                    await self._attempts.count(key.key, key.budget, lease, self._moment())
            elif held:
                await self._attempts.release(held, lease)

    async def renew_leases(self) -> None:
        """Extend the leases of the attempts in progress; raises Unavailable."""
        leases = {lease: tuple(keys) for lease, keys in self._leases.items() if keys}
        if leases:
            await self._attempts.renew(leases, self._moment() + LEASE)

    async def _begin(self, key: ThrottleKey, lease: str) -> None:
        # Counted for each key: many attempts at one account are in the way of no other account.
        if self._waiting[key.key] >= MOST_WAITING:
            raise TooManyAttempts(retry_after=1)
        self._waiting[key.key] += 1
        # Not asyncio.timeout, which cancels once: the driver may swallow that when its answer comes
        # in the same moment, and then nobody would stop waiting.
        last_try = time.monotonic() + SECONDS_TO_WAIT
        try:
            # Other processes take part, so there is no event to wait for.
            while not await self._is_granted(key, lease):
                if time.monotonic() >= last_try:
                    raise TooManyAttempts(retry_after=1)
                await asyncio.sleep(SECONDS_BETWEEN_TRIES)
        finally:
            self._waiting -= collections.Counter([key.key])

    async def _is_granted(self, key: ThrottleKey, lease: str) -> bool:
        """Whether the attempt may be made; False while others are in progress."""
        now = self._moment()
        result = await self._attempts.begin(key.key, key.budget, lease, now, now + LEASE)
        if result.free_at > now:
            raise TooManyAttempts(math.ceil((result.free_at - now).total_seconds()))
        return result.granted

    def _failures_key(self, ip: str | None) -> ThrottleKey:
        return ThrottleKey(f"address:{_network(ip)}", self._failures)

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)


def _per_hour(attempts: int) -> RateLimit:
    """Return a budget of so many attempts an hour, all of which may come at once."""
    interval = HOUR / attempts
    return RateLimit(attempts, refill=interval, first_wait=interval, longest_wait=interval)


def _network(ip: str | None) -> str:
    """Return what one customer of a provider has: an IPv4 address, or an IPv6 network."""
    if ip is None:
        return "unknown"
    if ip_address(ip).version == 4:  # noqa: PLR2004
        return ip
    return str(ip_network((ip, IPV6_PREFIX), strict=False))
