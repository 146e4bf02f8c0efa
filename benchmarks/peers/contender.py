"""What a benchmark has to know of a server: how it is started, and how it is asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; the server is on loopback, at the port that it was given."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Contender:
    """A server that can be measured.

    It is started by ``command`` for a number of workers, with ``environment`` besides PORT,
    MONGO_URI, BCRYPT_ROUNDS and TOKEN_KEY; the process that this starts is the one to end it by.
    What a contender does not have is None. Where both ``login`` and ``register`` are None, whatever
    ``token_signed_by`` makes of TOKEN_KEY is a good access token.
    """

    name: str
    command: Callable[[int], list[str]]
    environment: Mapping[str, str]
    # By access token.
    welcome: Callable[[str], Request]
    # By e-mail address and password.
    login: Callable[[str, str], Request] | None
    register: Callable[[str, str], Request] | None
    # By refresh token.
    refresh: Callable[[str], Request] | None
    # In the JSON of a login; in that of a registration too, where that signs in, else KeyError.
    token_in: Callable[[Any], str]
    # In the JSON of a login, a registration or a refresh.
    refresh_token_in: Callable[[Any], str] | None
    # What a good answer to ``welcome`` contains, and no other.
    welcomed: str
    max_workers: int = 2
