"""Requests for mail with e-mails that have an account and that have none: their time must not tell.

The relay does not exist, so no mail is sent; what is measured is the answer.
"""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from benchmarks.http_client import Client, Request
from benchmarks.measurements import Sample
from benchmarks.peers import catalog
from benchmarks.servers import TOKEN_KEY, start_server

PAIRS = 50
# The limits are 20 an hour for a network, which is one IP address, and three for an e-mail.
REQUESTS_PER_NETWORK = 20
MAIL = {
    "SMTP_URL": "smtp+plain://127.0.0.1:9",
    "MAIL_FROM": "no-reply@example.com",
    "APP_URL": "https://app.example.com",
    "BCRYPT_ROUNDS": "10",
}
REQUESTS: dict[str, Callable[[str], Request]] = {
    "requestPasswordReset": catalog.our_reset_request,
    "signUp": catalog.our_sign_up,
}


def measure(mongo_uri: str, directory: Path) -> Sample:
    """Return the median times to answer, in milliseconds; known and unknown e-mails take turns."""
    peer = catalog.GRAPHQL_AUTH
    environment = {**peer.environment, **MAIL, "TOKEN_KEY": TOKEN_KEY}
    environment["MONGO_URI"] = f"{mongo_uri}mail_requests"
    milliseconds = defaultdict[str, list[float]](list)
    with start_server(peer.command, environment, directory, peer.welcome("none")) as server:
        emails = [f"user{number}@example.com" for number in range(PAIRS)]
        with closing(Client(server.port)) as client:
            for email in emails:
                client.text(peer.register(email))
        turns = [
            (f"{name}, {kind} ms", request(address))
            for name, request in REQUESTS.items()
            for email in emails
            for kind, address in (("known", email), ("unknown", f"no-{email}"))
        ]
        for start in range(0, len(turns), REQUESTS_PER_NETWORK):
            source = f"127.0.1.{1 + start // REQUESTS_PER_NETWORK}"
            with closing(Client(server.port, source)) as client:
                for metric, request in turns[start : start + REQUESTS_PER_NETWORK]:
                    began = time.perf_counter()
                    client.text(request)
                    milliseconds[metric].append((time.perf_counter() - began) * 1e3)
    return {metric: statistics.median(found) for metric, found in milliseconds.items()}
