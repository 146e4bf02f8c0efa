"""A server on a replica set, and what has to hold after a fault."""

import uuid

from tests.conftest import KEY, Start
from tests.faults.load import CUT_OFF, PLAIN_TEXT, SECONDS_TO_RECOVER, Load
from tests.faults.replica_set import ReplicaSet
from tests.process import ServerProcess

# How long a token of an ended session may be accepted: one second, five on a busy machine; and
# while there is no news from the database, as long as REVOCATION_MAX_STALENESS says.
SECONDS_TO_BE_SEEN = 5
SECONDS_WITHOUT_NEWS = 30


class Faults:
    """A replica set, and a server of a database on it."""

    def __init__(self, replica_set: ReplicaSet, start_embedded: Start) -> None:
        self.members = replica_set
        self.uri = replica_set.uri(f"faults_{uuid.uuid4().hex}")
        self._start = start_embedded

    def serve(self, workers: int = 2, port: int = 0, **settings: str) -> ServerProcess:
        given = {"MONGO_URI": self.uri, "TOKEN_KEY": KEY} | settings
        return self._start("--workers", str(workers), "--port", str(port), **given)


def verify(clients: Load, server: ServerProcess, seconds_without_news: float = 0) -> None:
    """Print what was measured, and judge it."""
    thefts = server.output.count("refresh_token_reused")
    print(
        f"{clients.acknowledged} changes acknowledged, {len(clients.users)} users,"
        f" {len(clients.sessions)} sessions; signed out: {len(clients.signed_out)}, reported as"
        f" theft: {thefts}, lost: {len(clients.lost)}, forked: {len(clients.forked)}, alive after"
        f" their end: {len(clients.undead)}, plain-text answers: {clients.codes[PLAIN_TEXT]},"
        f" cut off: {clients.codes[CUT_OFF]}; an ended session was accepted for at most"
        f" {clients.longest_accepted:.2f} s; all clients served again within"
        f" {clients.seconds_to_recover:.1f} s; {dict(clients.codes)}"
    )
    assert server.process.poll() is None, server.output
    assert clients.seconds_to_recover < SECONDS_TO_RECOVER
    assert clients.signed_out == []
    assert thefts == 0
    assert clients.lost == []
    assert clients.forked == []
    assert clients.undead == []
    assert clients.codes[PLAIN_TEXT] == 0
    assert clients.longest_accepted < SECONDS_TO_BE_SEEN + seconds_without_news
