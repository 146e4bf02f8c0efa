"""The log of security events: one line each, with a stable name, user, IP address and outcome.

The format is stable, since operators parse it. The only value of a client is a valid X-Request-Id,
which logs.py adds to each line.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import (
    BadInput,
    EmailTaken,
    EmailUnconfirmed,
    InvalidCredentials,
    LinkExpired,
    TooManyAttempts,
)
from graphql_auth.logs import SECURITY_LOGGER

ALARMING_EVENTS = {"refresh_token_reused"}

logger = logging.getLogger(SECURITY_LOGGER)


def record(event: str, outcome: str, user_id: str | None, client: ClientInfo) -> None:
    """Log an event; ``user_id`` is None if no account is involved."""
    fields = {"event": event, "outcome": outcome, "user": user_id, "address": client.ip_address}
    logger.log(
        logging.WARNING if event in ALARMING_EVENTS else logging.INFO,
        "%s outcome=%s user=%s address=%s",
        *(value or "-" for value in fields.values()),
        extra={"fields": fields},
    )


@contextmanager
def record_refusals(event: str, user_id: str | None, client: ClientInfo) -> Iterator[None]:
    """Log a failed or throttled event, then re-raise."""
    try:
        yield
    except (BadInput, EmailTaken, EmailUnconfirmed, InvalidCredentials, LinkExpired):
        record(event, "failure", user_id, client)
        raise
    except TooManyAttempts:
        record(event, "throttled", user_id, client)
        raise


@contextmanager
def record_outcome(event: str, user_id: str | None, client: ClientInfo) -> Iterator[None]:
    """Log whether an event succeeds; see ``record_refusals``."""
    with record_refusals(event, user_id, client):
        yield
    record(event, "success", user_id, client)
