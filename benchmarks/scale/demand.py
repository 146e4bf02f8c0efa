"""What users do, and what that asks of the database."""

from dataclasses import dataclass, field

from benchmarks.scale.figures import Assumptions, Numbers

DAYS_A_MONTH, SECONDS_A_DAY = 30, 86_400
MICROSECOND = 1e-6


@dataclass(frozen=True, slots=True)
class Demand:
    """What so many registered users ask for in a second, at the busiest moment of a day."""

    users: float
    numbers: Numbers
    assumed: Assumptions = field(default_factory=Assumptions)

    @property
    def monthly(self) -> float:
        """Users who come in a month."""
        return self.users * self.assumed.monthly

    @property
    def requests(self) -> float:
        """Guarded requests."""
        return self._by_day(self.assumed.requests)

    @property
    def viewers(self) -> float:
        """Those of them that read the user from the database."""
        return self.requests * self.assumed.viewers

    @property
    def refreshes(self) -> float:
        """Refreshes."""
        return self._by_day(self.assumed.refreshes)

    @property
    def logins(self) -> float:
        """Logins, with those that fail."""
        return self._by_month(self.monthly * self.assumed.logins * (1 + self.assumed.failures))

    @property
    def logouts(self) -> float:
        """Logouts."""
        return self._by_month(self.monthly * self.assumed.logouts)

    @property
    def registrations(self) -> float:
        """Registrations."""
        return self._by_month(self.users * self.assumed.registrations)

    @property
    def hashes(self) -> float:
        """Hashes of passwords."""
        return self.logins + self.registrations

    @property
    def commands(self) -> float:
        """Commands to the database."""
        return self._summed(self.numbers.commands) + self.viewers

    @property
    def writes(self) -> float:
        """Those of them that write."""
        return self._summed(self.numbers.writes)

    @property
    def throttle_writes(self) -> float:
        """Those of them that count attempts; a session is the rest of a login."""
        return self.writes - self.refreshes - self.logouts - self.logins - 2 * self.registrations

    @property
    def primary_cores(self) -> float:
        """Cores that all of that keeps busy on primaries, were each asked for what it has only."""
        find = self.numbers.mongod["user by _id, there"]
        return (self._summed(self.numbers.mongod) + self.viewers * find) * MICROSECOND

    def _summed(self, each: dict[str, float]) -> float:
        """Sum up what each use case takes, as often as it happens."""
        return (
            self.logins * each["login"]
            + self.registrations * each["register"]
            + self.refreshes * each["refresh"]
            + self.logouts * each["logout"]
        )

    def _by_day(self, of_a_user: float) -> float:
        return self._by_month(self.monthly * self.assumed.daily * of_a_user * DAYS_A_MONTH)

    def _by_month(self, times: float) -> float:
        return times / DAYS_A_MONTH / SECONDS_A_DAY * self.assumed.peak
