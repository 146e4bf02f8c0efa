"""Rate limits on password guessing, registration and mail, with exponential backoff."""

import asyncio
import collections
import hashlib
import math
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from graphql_auth.client_info import network_of
from graphql_auth.errors import BadInput, EmailTaken, TooManyAttempts
from graphql_auth.throttling.backoff import RateLimit
from graphql_auth.throttling.repository import AttemptRepository
from graphql_auth.users.document import UserDocument

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
DAY = timedelta(days=1)

# Unknown devices, per account: 5 failures at once, then waits of 30 s to 30 min: 57 a day at most.
ACCOUNT = RateLimit(free=5, refill=HOUR, first_wait=30 * SECOND, max_wait=30 * MINUTE)
# A known device and a session have the same limit, separately.
DEVICE = ACCOUNT

# Mails that a client asks for: to an e-mail, from a network, and from the devices of a user.
MAILS_PER_HOUR, MAILS_PER_DAY, MAILS_PER_HOUR_AND_NETWORK, MAILS_PER_DAY_FROM_DEVICES = 3, 10, 20, 5
# From one network to one e-mail. More is what refills for its owner, who is in another network.
MAILS_PER_DAY_FROM_NETWORK = 5

# Shorter than ACQUIRE_TIMEOUT: after kill -9, waiting attempts get the leases of the process.
LEASE_DURATION = timedelta(seconds=8)
SECONDS_BETWEEN_RENEWALS = 2.0

ACQUIRE_TIMEOUT = 10.0
SECONDS_BETWEEN_TRIES = 0.05
MAX_WAITING = 100


@dataclass(frozen=True, slots=True)
class ThrottleKey:
    """A counter and its limit."""

    key: str
    limit: RateLimit


class AttemptInProgress:
    """An attempt that its limits allow. It is counted if ``is_counted`` is set."""

    is_counted = False


class Throttle:
    """Limits attempts, for all processes of a database together.

    ``max_failures_per_address`` and ``max_registrations_per_address`` are per IP address and hour.
    ``now`` is a clock that all processes share.
    """

    def __init__(
        self,
        attempts: AttemptRepository,
        max_failures_per_address: int,
        max_registrations_per_address: int,
        now: Callable[[], datetime],
    ) -> None:
        self._attempts = attempts
        self._failures = _evenly(max_failures_per_address, HOUR)
        self._registrations = _evenly(max_registrations_per_address, HOUR)
        self._now = now
        self._waiting: collections.Counter[str] = collections.Counter()
        self._leases: dict[str, list[str]] = {}

    def login_keys(self, owner: str, ip: str | None) -> list[ThrottleKey]:
        """Return the keys of a guess from an unknown device, at any e-mail or id of a sign-up."""
        account = f"account:{_digest(owner)}"
        # The IP address first, so that an attempt that waits for it holds no lease on the account.
        return [self.failures_key(ip), ThrottleKey(account, ACCOUNT)]

    def device_keys(self, device_id: str) -> list[ThrottleKey]:
        """Return the keys of a login from a device that signed in to the account before."""
        return [ThrottleKey(f"device:{device_id}", DEVICE)]

    def reauth_keys(self, session_id: str) -> list[ThrottleKey]:
        """Return the keys of a password check within a session."""
        return [ThrottleKey(f"session:{session_id}", DEVICE)]

    def device_mail_key(self, email: str, user: UserDocument) -> ThrottleKey:
        """Return the key of the mails that the known devices of a user ask for, all together.

        It is bound to the user and to the password, as device tokens are; but to an e-mail that is
        not confirmed, which can be that of somebody else.
        """
        owner = f"{user.id} {user.password_changes}" if user.email_confirmed_at else email
        limit = _evenly(MAILS_PER_DAY_FROM_DEVICES, DAY)
        return ThrottleKey(f"mail-devices:{_digest(owner)}", limit)

    def stranger_mail_keys(self, email: str, ip: str | None, kind: str) -> list[ThrottleKey]:
        """Return the keys of the mails of a kind that unknown devices ask for."""
        pair = f"{kind}-pair:{_digest(email)} {network_of(ip)}"
        limit = _evenly(MAILS_PER_DAY_FROM_NETWORK, DAY)
        return [self.network_mail_key(ip), *self.mail_keys(email, kind), ThrottleKey(pair, limit)]

    def network_mail_key(self, ip: str | None, kind: str = "mail") -> ThrottleKey:
        """Return the key of the mails of a kind that a network causes, to any e-mail."""
        limit = _evenly(MAILS_PER_HOUR_AND_NETWORK, HOUR)
        return ThrottleKey(f"{kind}-network:{network_of(ip)}", limit)

    def mail_keys(self, email: str, kind: str = "mail") -> list[ThrottleKey]:
        """Return the keys of all mails of a kind to an e-mail, whether it exists or not."""
        return [
            ThrottleKey(f"{kind}-hour:{_digest(email)}", _evenly(MAILS_PER_HOUR, HOUR)),
            ThrottleKey(f"{kind}-day:{_digest(email)}", _evenly(MAILS_PER_DAY, DAY)),
        ]

    @asynccontextmanager
    async def registration(self, ip: str | None) -> AsyncIterator[None]:
        """Limit registrations; raises TooManyAttempts.

        A registration counts if it succeeds. EmailTaken counts as a failed login, because it
        reveals an account, and so does BadInput, by which the database refuses a value as taken.
        """
        key = ThrottleKey(f"register:{network_of(ip)}", self._registrations)
        async with (
            self.attempt([self.failures_key(ip)]) as failure,
            self.attempt([key]) as registration,
        ):
            try:
                yield
            except (BadInput, EmailTaken):
                failure.is_counted = True
                raise
            registration.is_counted = True

    @asynccontextmanager
    async def attempt(self, keys: list[ThrottleKey]) -> AsyncIterator[AttemptInProgress]:
        """Make an attempt if the limit of each key allows it; raises TooManyAttempts."""
        lease = secrets.token_hex(8)
        attempt = AttemptInProgress()
        held = self._leases[lease] = []
        try:
            for key in keys:
                # Before the command, because it can succeed although its answer is lost.
                held.append(key.key)
                try:
                    await self._acquire(key, lease)
                except TooManyAttempts:
                    held.pop()
                    raise
            yield attempt
        finally:
            del self._leases[lease]
            if attempt.is_counted:
                for key in keys:
                    await self._attempts.count(key.key, key.limit, lease, self._now())
            elif held:
                await self._attempts.release(held, lease)

    async def renew_leases(self) -> None:
        """Extend the leases of the attempts in progress; raises Unavailable."""
        leases = {lease: tuple(keys) for lease, keys in self._leases.items() if keys}
        if leases:
            await self._attempts.renew(leases, self._now() + LEASE_DURATION)

    async def _acquire(self, key: ThrottleKey, lease: str) -> None:
        # For each key: many attempts at one account must not block other accounts.
        if self._waiting[key.key] >= MAX_WAITING:
            raise TooManyAttempts(retry_after=1)
        self._waiting[key.key] += 1
        # Not asyncio.timeout: it cancels once, and the driver swallows the cancellation if its
        # answer arrives at the same time. Then the loop would never end.
        last_try = time.monotonic() + ACQUIRE_TIMEOUT
        try:
            # A lease of another process can end, so there is no event to wait for.
            while not await self._is_granted(key, lease):
                if time.monotonic() >= last_try:
                    raise TooManyAttempts(retry_after=1)
                await asyncio.sleep(SECONDS_BETWEEN_TRIES)
        finally:
            self._waiting -= collections.Counter([key.key])

    async def _is_granted(self, key: ThrottleKey, lease: str) -> bool:
        """Try to take a lease; False while others are in progress. Raises TooManyAttempts."""
        now = self._now()
        result = await self._attempts.acquire(key.key, key.limit, lease, now, now + LEASE_DURATION)
        if result.free_at > now:
            raise TooManyAttempts(math.ceil((result.free_at - now).total_seconds()))
        return result.granted

    def failures_key(self, ip: str | None) -> ThrottleKey:
        """Return the key of all wrong passwords from an IP address."""
        return ThrottleKey(f"address:{network_of(ip)}", self._failures)


def _digest(owner: str) -> str:
    # The database must not store what people type, nor the ids of deleted users.
    return hashlib.sha256(owner.encode()).hexdigest()


def _evenly(attempts: int, period: timedelta) -> RateLimit:
    """Return a limit of attempts per period, which may all come at once."""
    interval = period / attempts
    return RateLimit(attempts, refill=interval, first_wait=interval, max_wait=interval)
