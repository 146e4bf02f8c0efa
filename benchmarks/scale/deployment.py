"""How large a deployment is that does what users ask for, and what it costs."""

import math
from dataclasses import dataclass

from benchmarks.scale.demand import DAYS_A_MONTH, MICROSECOND, SECONDS_A_DAY, Demand
from benchmarks.scale.figures import LOOKS_A_SECOND, NEWS, TODAY, Code
from graphql_auth.sessions.repository import CLOCK_SKEW
from graphql_auth.settings import Settings

HOURS_A_MONTH = 730
MEGABYTE, GIGABYTE, KILOBYTES_A_GIGABYTE, A_MILLION = 1e6, 1e9, 1e6, 1e6
TOKEN_SECONDS: float = Settings.model_fields["token_ttl"].default.total_seconds()
# What is over is forgotten an eighth of TOKEN_TTL at a time; see Revocations.
SECONDS_REMEMBERED = TOKEN_SECONDS * 9 / 8 + CLOCK_SKEW.total_seconds()
# A million took 12 MB: python -m benchmarks.revocations
BYTES_OF_AN_END = 12
# PyMongo's default, which MONGO_URI can change.
CONNECTIONS_A_PROCESS = 100
# The line that docs/running.md shows.
BYTES_OF_A_LOG_LINE = 166


@dataclass(frozen=True, slots=True)
class Deployment(Demand):
    """Processes and shards for so many registered users."""

    code: Code = TODAY

    # Ended sessions, which every process has to know.

    @property
    def remembered(self) -> float:
        """Ended sessions that every process remembers."""
        return self.logouts * SECONDS_REMEMBERED

    @property
    def ends_a_look(self) -> float:
        """Ended sessions that each look reads."""
        return self.logouts * self.code.readings / LOOKS_A_SECOND

    @property
    def look_seconds(self) -> float:
        """How long a look keeps a process from everything else."""
        ends = self.ends_a_look * self.numbers.process[NEWS]
        return (self.numbers.process["look"] + ends) * MICROSECOND

    @property
    def start_seconds(self) -> float:
        """How long a process reads ended sessions before it serves anybody."""
        return self.remembered * self._seconds_an_end

    # The processes.

    @property
    def hash_cores(self) -> float:
        """Cores for passwords."""
        return self.hashes / self.numbers.logins / self.assumed.busy

    @property
    def app_cores(self) -> float:
        """Cores for all that graphql-auth does, each with one process; infinite if none suffice."""
        work = self.requests / self.numbers.welcomes + self.refreshes / self.numbers.refreshes
        left = self.assumed.busy - self.look_seconds * LOOKS_A_SECOND
        return (work + self.hashes / self.numbers.logins) / left if left > 0 else math.inf

    @property
    def process_mb(self) -> float:
        """Memory of a process."""
        return self.numbers.process_mb + self.remembered * BYTES_OF_AN_END / MEGABYTE

    @property
    def connections_gb(self) -> float:
        """Memory that the connections of all processes take of a primary, at most."""
        connections = self.app_cores * CONNECTIONS_A_PROCESS
        return connections * self.assumed.connection_mb * MEGABYTE / GIGABYTE

    # The database.

    @property
    def documents_gb(self) -> float:
        """Users and sessions."""
        sessions = self.monthly * self.assumed.sessions * self.numbers.session_bytes
        return (self.users * self.numbers.user_bytes + sessions) / GIGABYTE

    @property
    def indexes_gb(self) -> float:
        """Their indexes."""
        sessions = self.monthly * self.assumed.sessions * self.numbers.session_index_bytes
        return (self.users * self.numbers.user_index_bytes + sessions) / GIGABYTE

    @property
    def disk_operations(self) -> float:
        """Pages read and written on all primaries."""
        # A session that is begun is removed some day; a refresh reads the user as well.
        sessions = self.refreshes + self.logouts + 2 * self.logins + 2 * self.registrations
        reads = sessions + self.refreshes + self.logins + self.viewers
        return reads * self.assumed.page_reads + sessions * self.assumed.page_writes

    @property
    def look_cores(self) -> float:
        """Cores of each primary that all processes keep busy by looking, however many shards."""
        looks = self.app_cores * LOOKS_A_SECOND
        return looks * self.numbers.mongod["look"] * MICROSECOND

    @property
    def news_cores(self) -> float:
        """Cores of all primaries that read ended sessions."""
        ends = self.app_cores * LOOKS_A_SECOND * self.ends_a_look
        return ends * self.numbers.mongod[NEWS] * MICROSECOND

    @property
    def broadcast_cores(self) -> float:
        """Cores of each primary that are busy with what every shard is asked."""
        by_id = self.refreshes + self.viewers + self.logins + self.registrations
        find = self.numbers.mongod["user by _id, not there"] * self.code.by_id
        return self.look_cores + by_id * find * MICROSECOND

    @property
    def shards(self) -> dict[str, float]:
        """How many are needed for what; infinite where no number of them suffices."""
        one = self.assumed
        return {
            "memory": math.ceil(self.indexes_gb / (one.memory_gb * one.cache)),
            "disk": math.ceil(self.disk_operations / (one.disk * one.busy)),
            "cores": self._shards_for_cores,
        }

    @property
    def shards_needed(self) -> float:
        """How many are needed."""
        return max(self.shards.values())

    @property
    def _shards_for_cores(self) -> float:
        divided, most = self.primary_cores + self.news_cores, self.assumed.cores * self.assumed.busy
        if divided + self.look_cores <= most:
            return 1
        left = most - self.broadcast_cores
        return max(2, math.ceil(divided / left)) if left > 0 else math.inf

    # What a month costs.

    @property
    def app_dollars(self) -> float:
        """Dollars for the cores of the processes."""
        return self.app_cores * self._core_dollars

    @property
    def database_dollars(self) -> float:
        """Dollars for shards, their disks, and routers if there are several."""
        one = self.assumed
        cores = one.cores * one.members + (one.routers if self.shards_needed > 1 else 0)
        stored = (self.documents_gb + self.indexes_gb) * one.disk_room * one.members
        return self.shards_needed * cores * self._core_dollars + stored * one.gb_month

    @property
    def network_dollars(self) -> float:
        """Dollars for what is sent."""
        answers = self.monthly * self.assumed.daily * self.assumed.requests * DAYS_A_MONTH
        return answers * self.assumed.answer_kb / KILOBYTES_A_GIGABYTE * self.assumed.gb_sent

    @property
    def dollars_a_million(self) -> float:
        """Dollars for a million monthly users."""
        total = self.app_dollars + self.database_dollars + self.network_dollars
        return total / (self.monthly / A_MILLION)

    @property
    def log_gb_a_day(self) -> float:
        """Lines about security events, GB a day."""
        events = self.logins + self.logouts + self.registrations
        return events / self.assumed.peak * SECONDS_A_DAY * BYTES_OF_A_LOG_LINE / GIGABYTE

    @property
    def _core_dollars(self) -> float:
        return self.assumed.core_hour * HOURS_A_MONTH

    @property
    def _seconds_an_end(self) -> float:
        return (self.numbers.process[NEWS] + self.numbers.mongod[NEWS]) * MICROSECOND
