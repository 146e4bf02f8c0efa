"""What the size of a deployment is computed from: what is assumed, and what was measured."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.goals import AFTER_LOAD, US, WELCOME
from benchmarks.rounds import Measured
from graphql_auth.sessions.revocations import OVERLAP, SECONDS_BETWEEN_POLLS

WRITES = ("findAndModify", "insert", "update")
# As benchmarks.footprint names what each look reads of the sessions that have just ended.
NEWS = "news, covered by the index"
LOOKS_A_SECOND = 1 / SECONDS_BETWEEN_POLLS


def _assumed(value: float, meaning: str, reason: str) -> Any:  # noqa: ANN401 - as dataclasses.field
    return field(default=value, metadata={"meaning": meaning, "reason": reason})


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What nobody has measured: replace it by what you know of your users and your prices."""

    monthly: float = _assumed(0.4, "registered users who come in a month", "most accounts sleep")
    daily: float = _assumed(0.4, "those of a month who come on a day", "12 days of 30")
    sessions: float = _assumed(2, "live sessions of a monthly user", "a telephone and a computer")
    requests: float = _assumed(50, "guarded requests of a daily user", "a few visits a day")
    viewers: float = _assumed(0.1, "requests that read the user (`viewer`)", "one for a page load")
    refreshes: float = _assumed(4, "refreshes of a daily user", "4 stretches of `TOKEN_TTL`")
    logins: float = _assumed(2, "logins of a monthly user in a month", "idle sessions live 30 days")
    failures: float = _assumed(0.25, "failed logins for one that succeeds", "people mistype")
    logouts: float = _assumed(1, "logouts of a monthly user in a month", "half of the logins")
    registrations: float = _assumed(0.02, "new users in a month, of all", "a quarter more a year")
    peak: float = _assumed(3, "the busiest moment against the mean", "a day in one time zone")
    busy: float = _assumed(0.5, "how busy cores and disks are then", "half of them may fail")
    cores: float = _assumed(8, "cores of a member of a shard", "a common size")
    memory_gb: float = _assumed(64, "its memory, GB", "8 GB a core")
    cache: float = _assumed(0.5, "what of it is the cache of MongoDB", "MongoDB's default")
    disk: float = _assumed(10_000, "its operations on disk a second", "a disk on a network")
    page_reads: float = _assumed(1, "pages read for a document", "indexes in memory, the rest not")
    page_writes: float = _assumed(2, "pages written for a session", "the document and one index")
    members: float = _assumed(3, "members of a shard", "survives the loss of one")
    routers: float = _assumed(4, "cores of `mongos` for a shard", "not measured")
    connection_mb: float = _assumed(1, "memory of a connection, MB", "the stack of its thread")
    disk_room: float = _assumed(3, "disk bought for a byte stored", "oplog, gaps, growth")
    answer_kb: float = _assumed(1, "an answer, kB", "a small one with its headers")
    core_hour: float = _assumed(0.05, "$ for a core for an hour, with its memory", "a round number")
    gb_month: float = _assumed(0.1, "$ for a GB of disk for a month", "a round number")
    gb_sent: float = _assumed(0.05, "$ for a GB sent", "a round number")


@dataclass(frozen=True, slots=True)
class Numbers:
    """What was measured: of one process on one core a second, in bytes, and in microseconds."""

    welcomes: float
    refreshes: float
    logins: float
    process_mb: float
    user_bytes: float
    session_bytes: float
    user_index_bytes: float
    session_index_bytes: float
    # By use case: commands to the database, those that write, and the work of mongod and of ours.
    commands: dict[str, float]
    writes: dict[str, float]
    mongod: dict[str, float]
    process: dict[str, float]

    @classmethod
    def read(cls, results: Path, footprint: Path) -> "Numbers":
        """Read what `make bench` and `benchmarks.footprint` wrote; raises KeyError, OSError."""
        run = json.loads(results.read_text(encoding="utf-8"))
        found = json.loads(footprint.read_text(encoding="utf-8"))
        documents, indexes = found["bytes"]["documents"], found["bytes"]["indexes"]
        return cls(
            welcomes=_median(run, WELCOME, "per second"),
            refreshes=_median(run, "refreshes-16", "per second"),
            # They alone have all cores of the machine.
            logins=_median(run, "logins", "per second") / run["machine"]["cores"],
            process_mb=_median(run, "memory", AFTER_LOAD),
            user_bytes=documents["users"],
            session_bytes=documents["sessions"],
            user_index_bytes=sum(indexes["users"].values()),
            session_index_bytes=sum(indexes["sessions"].values()),
            commands={name: sum(sent.values()) for name, sent in found["commands"].items()},
            writes={
                name: sum(times for command, times in sent.items() if command.startswith(WRITES))
                for name, sent in found["commands"].items()
            },
            mongod=found["mongod microseconds"],
            process=found["process microseconds"],
        )


def _median(run: dict[str, Any], workload: str, metric: str) -> float:
    found = Measured(**run["workloads"][workload]).spread(US, metric)
    if found is None:
        raise KeyError(f"{workload}: {metric}")
    return found.median


@dataclass(frozen=True, slots=True)
class Code:
    """What of the code decides how far a deployment grows.

    ``readings`` is how many looks of a process read the same end of a session; ``by_id`` is whether
    users are looked up by their ids, which are not what they are sharded by.
    """

    readings: float
    by_id: bool


TODAY = Code(1 + OVERLAP.total_seconds() * LOOKS_A_SECOND, by_id=True)
# A look that goes back for one second, and every tenth second one that goes back for twenty.
CHANGED = Code(1 + LOOKS_A_SECOND + 2, by_id=False)
