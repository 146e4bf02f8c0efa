"""Security events: one line each, with a stable name, about whom, from where, and how it went.

The request id is added to each line of the log; see graphql_auth.logs. No value that was typed is
ever part of it.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import EmailTaken, InvalidCredentials, TooManyAttempts

security_log = logging.getLogger("graphql_auth.security")


ALARMING = {"refresh_token_reused"}


def record(event: str, outcome: str, user_id: str | None, client: ClientInfo) -> None:
    """Log an event; ``user_id`` is None where no account is concerned."""
    security_log.log(
        logging.WARNING if event in ALARMING else logging.INFO,
        "%s outcome=%s user=%s address=%s",
        event,
        outcome,
        user_id or "-",
        client.ip_address or "-",
    )


@contextmanager
def record_refusals(event: str, user_id: str | None, client: ClientInfo) -> Iterator[None]:
    """Log an event that ends by a refusal, which goes on its way."""
    try:
        yield
    except (EmailTaken, InvalidCredentials):
        record(event, "failure", user_id, client)
        raise
    except TooManyAttempts:
        record(event, "throttled", user_id, client)
        raise
