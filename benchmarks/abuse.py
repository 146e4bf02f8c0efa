"""What users can do on purpose: end very many sessions, while another user reads the greeting."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo import MongoClient
from pymongo.collection import Collection

from benchmarks.http_client import Client, WrongAnswer, field_in
from benchmarks.load import WARM_UP_SECONDS, finish_load, load, load_at_rate, start_load
from benchmarks.measurements import Sample
from benchmarks.peers import catalog
from benchmarks.servers import ALL_CORES, LOAD_CORES, pin, run_alone
from benchmarks.subjects import Subject, with_claims

# Within a second if MongoDB is fast enough. graphql-auth ends a thousand with one command too.
BATCHES, BATCH = 100, 1_000
CONNECTIONS = 16
SECONDS_LATER = 2
# Servers read the revocations of the last 10 seconds again; the next round starts without them.
SECONDS_TO_SETTLE = 10
SESSIONS_OF_USER = 20_000
# A bystander sends so many requests a second; the user leaves after two of five seconds.
READS_PER_SECOND, SECONDS_BEFORE, SECONDS = 200, 2, 5


def end_sessions(subject: Subject, seconds: float) -> Sample:
    """Compare reads before and while 100,000 sessions end, and measure the idle server later.

    They are written as what is kept of an ended session, for to end them takes MongoDB seconds.
    """
    with _sessions(subject) as sessions:
        published = sessions.database["graphql_auth_revocations"]
        batches = [[ObjectId() for _ in range(BATCH)] for _ in range(BATCHES)]
        arguments = (subject.server.port, [[subject.welcome()]], CONNECTIONS, seconds)
        before = load(*arguments)["per second"]
        with start_load(*arguments) as process:
            time.sleep(WARM_UP_SECONDS)
            began = time.perf_counter()
            for number, ids in enumerate(batches):
                time.sleep(max(0.0, began + number / BATCHES - time.perf_counter()))
                now = datetime.now(UTC)
                kept = {"ended_at": now, "expires_at": now + timedelta(hours=2)}
                sessions.insert_many([{"_id": one, "user_id": ids[0], **kept} for one in ids])
                published.insert_many([{"_id": one, **kept} for one in ids])
            ended = time.perf_counter()
            during = finish_load(process)["per second"]
        time.sleep(max(0.0, ended + SECONDS_LATER - time.perf_counter()))
        used = subject.server.cores_used(SECONDS_LATER)
    _check_revoked(subject, batches[-1][-1])
    time.sleep(SECONDS_TO_SETTLE)
    found = {"kept": during / before, "CPU % later": used * 100, "seconds to end": ended - began}
    return found | {"before per second": before, "during per second": during}


def leave_everywhere(subject: Subject, _seconds: float) -> Sample:
    """Measure the worst read of a bystander while a user ends 20,000 sessions."""
    arguments = (subject.server.port, subject.welcome(), READS_PER_SECOND, SECONDS)
    with closing(Client(subject.server.port)) as client, _sessions(subject) as sessions:
        token = field_in(client.text(subject.registration()), "token")
        claims = with_claims(token)[1]
        session = sessions.find_one({"_id": ObjectId(claims["sid"])}) or {}
        copies = [{**session, "_id": ObjectId()} for _ in range(SESSIONS_OF_USER)]
        sessions.insert_many(copies)
        before = run_alone(load_at_rate, *arguments)
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(run_alone, load_at_rate, *arguments)
            time.sleep(SECONDS_BEFORE)
            began = time.perf_counter()
            client.text(catalog.graphql("mutation { logoutEverywhere }", token))
            seconds = time.perf_counter() - began
            during = future.result()
    _check_revoked(subject, copies[-1]["_id"])
    worst, worst_before = during["p100 ms"], before["p100 ms"]
    return {"worst ms": worst, "worst before ms": worst_before, "leaving s": seconds}


@contextmanager
def _sessions(subject: Subject) -> Iterator[Collection[dict[str, Any]]]:
    """Yield the sessions; meanwhile MongoDB leaves the core of the server alone."""
    with MongoClient[dict[str, Any]](subject.server.mongo_uri) as client:
        pid = client.admin.command("serverStatus")["pid"]
        pin(pid, LOAD_CORES)
        try:
            yield client.get_default_database()["graphql_auth_sessions"]
        finally:
            pin(pid, ALL_CORES)


def _check_revoked(subject: Subject, session_id: ObjectId) -> None:
    token, _ = with_claims(subject.token, sid=str(session_id))
    with closing(Client(subject.server.port)) as client:
        _, _, text = client.send(subject.peer.welcome(token))
    if "TOKEN_REVOKED" not in text:
        raise WrongAnswer(f"a token of an ended session was answered with {text[:300]}")
