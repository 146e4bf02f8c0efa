"""Rate limits with exponential backoff, as expressions that MongoDB evaluates.

The algorithm is the generic cell rate algorithm (ITU-T I.371): the attempts used are the time until
all are given back (``full_at``), divided by ``refill``.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Expression = dict[str, Any]

MILLISECOND = timedelta(milliseconds=1)
# The clocks of two processes, and of two polls of one process, can differ by seconds.
CLOCK_DIFFERENCE = timedelta(seconds=5)
# The exponent, so that the number stays finite.
MAX_DOUBLINGS = 60


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A rate limit with exponential backoff.

    The first ``free`` attempts need no wait. The next one waits ``first_wait``, and each further
    one twice as long, up to ``max_wait``. Every ``refill`` gives back one attempt, and a day gives
    back all of them.
    """

    free: int
    refill: timedelta
    first_wait: timedelta
    max_wait: timedelta

    def full_at(self, now: datetime) -> Expression:
        """Return when all attempts are given back; version 0.1.0 stored a number of failures."""
        failures = {"$multiply": ["$failures", self.refill // MILLISECOND]}
        from_failures = {"$cond": [{"$gt": ["$forget_at", now]}, {"$add": [now, failures]}, now]}
        return {"$ifNull": ["$full_at", from_failures]}

    def full_at_after_one_more(self, now: datetime) -> Expression:
        later = {"$add": [{"$max": [self.full_at(now), now]}, self.refill // MILLISECOND]}
        return {"$min": [later, now + timedelta(days=1)]}

    def available(self, now: datetime) -> Expression:
        """Return how many attempts may be in progress."""
        return {"$max": [1, {"$subtract": [self.free, self._used(now)]}]}

    def free_at(self, now: datetime) -> Expression:
        """Return until when the key is blocked, from the stored ``full_at`` and ``free_at``."""
        beyond = {"$subtract": [self._used(now), self.free]}
        factor = {"$pow": [2, {"$min": [beyond, MAX_DOUBLINGS]}]}
        backoff = {"$multiply": [self.first_wait // MILLISECOND, factor]}
        wait = {"$min": [self.max_wait // MILLISECOND, backoff]}
        blocked_until = {"$max": ["$free_at", {"$add": [now, wait]}]}
        return {"$cond": [{"$gte": [beyond, 0]}, blocked_until, "$free_at"]}

    def _used(self, now: datetime) -> Expression:
        # Rounded up: without a tolerance, a clock that is one millisecond behind counts one more.
        tolerance = min(CLOCK_DIFFERENCE, self.refill / 2)
        left = {"$subtract": ["$full_at", now + tolerance]}
        return {"$max": [0, {"$ceil": {"$divide": [left, self.refill // MILLISECOND]}}]}
