"""What ends before the users do, with how many of them, and what to do about it."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from benchmarks.scale.deployment import CONNECTIONS_A_PROCESS, Deployment
from benchmarks.scale.figures import LOOKS_A_SECOND

FEWEST, MOST, HALVINGS = 1e5, 1e12, 60
SECONDS_TO_START = 10
SHARE_FOR_LOOKS = 0.1


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that ends well before the users do: what it takes, and how much there may be."""

    name: str
    title: str
    taken: Callable[[Deployment], float]
    most: Callable[[Deployment], float]
    change: str

    def share(self, deployment: Deployment) -> float:
        """Return how much is taken of what there may be; more than 1 is too much."""
        return self.taken(deployment) / self.most(deployment)

    def reached_at(self, deployment: Deployment) -> float:
        """Return with how many users that is 1, by bisection, for it grows with them."""
        low, high = math.log(FEWEST), math.log(MOST)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            enough = self.share(replace(deployment, users=math.exp(middle))) < 1
            low, high = (middle, high) if enough else (low, middle)
        return math.exp(low)


LIMITS = (
    Limit(
        "disk",
        "disk of one replica set",
        lambda one: one.disk_operations,
        lambda one: one.assumed.disk * one.assumed.busy,
        "faster disks, or memory for the documents as well; then shards",
    ),
    Limit(
        "memory",
        "memory of one replica set: the indexes fill its cache",
        lambda one: one.indexes_gb,
        lambda one: one.assumed.memory_gb * one.assumed.cache,
        "more memory; then shards",
    ),
    Limit(
        "cores",
        "cores of one replica set",
        lambda one: one.primary_cores + one.news_cores + one.look_cores,
        lambda one: one.assumed.cores * one.assumed.busy,
        "more cores; then shards",
    ),
    Limit(
        "connections",
        f"connections, {CONNECTIONS_A_PROCESS} a process at most: half of a primary's memory",
        lambda one: one.connections_gb,
        lambda one: one.assumed.memory_gb * (1 - one.assumed.cache),
        "`maxPoolSize=20` in `MONGO_URI`, which is no change of the code",
    ),
    Limit(
        "start",
        "a process starts: 10 seconds to read what has ended",
        lambda one: one.start_seconds,
        lambda _: SECONDS_TO_START,
        "a shorter `TOKEN_TTL`; or one reader for all processes of a machine",
    ),
    Limit(
        "looks",
        "looks: a tenth of the time of every process",
        lambda one: one.look_seconds * LOOKS_A_SECOND,
        lambda _: SHARE_FOR_LOOKS,
        "most looks go back for 1 second instead of 10",
    ),
    Limit(
        "broadcasts",
        "what every shard is asked fills its primary: more shards do not help",
        lambda one: one.broadcast_cores,
        lambda one: one.assumed.cores * one.assumed.busy,
        "users are found by their address, which the session remembers",
    ),
    Limit(
        "ended sessions",
        "ended sessions double the memory of a process",
        lambda one: one.process_mb - one.numbers.process_mb,
        lambda one: one.numbers.process_mb,
        "a shorter `TOKEN_TTL`",
    ),
)
