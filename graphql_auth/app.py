"""The composition root: settings → parts → Starlette."""

import asyncio
import gc
import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import HttpUrl, SecretStr
from pymongo.asynchronous.database import AsyncDatabase
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from graphql_auth.accounts.password_changes import SECONDS_BETWEEN_COMPLETIONS, PasswordChanges
from graphql_auth.accounts.service import AccountService
from graphql_auth.context import Services
from graphql_auth.errors import StartError, Unavailable
from graphql_auth.graphql_http.cors import ListedOrigins
from graphql_auth.graphql_http.endpoint import GraphQLEndpoint, Policy, not_found
from graphql_auth.graphql_http.limits import Limits
from graphql_auth.graphql_http.middleware import Edge, ShortWay
from graphql_auth.graphql_http.playground import Playground
from graphql_auth.graphql_http.proxies import TrustedProxyMiddleware
from graphql_auth.mongo.client import bind, connect, opened
from graphql_auth.mongo.clock import DatabaseClock
from graphql_auth.mongo.heartbeat import Heartbeat
from graphql_auth.mongo.indexes import SECONDS_BETWEEN_CHECKS, IndexMonitor
from graphql_auth.passwords.hash_queue import HashQueue
from graphql_auth.passwords.hasher import PasswordHasher
from graphql_auth.passwords.policy import PasswordPolicy
from graphql_auth.runtime.periodic import Work, run_periodically
from graphql_auth.schema import create_schema
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.sessions.revocations import (
    SECONDS_BETWEEN_POLLS,
    SECONDS_BETWEEN_SWEEPS,
    Revocations,
)
from graphql_auth.sessions.service import Lifetimes, SessionService
from graphql_auth.settings import Settings
from graphql_auth.throttling.devices import DeviceTokens
from graphql_auth.throttling.repository import AttemptRepository
from graphql_auth.throttling.throttle import SECONDS_BETWEEN_RENEWALS, Throttle
from graphql_auth.tokens.access_tokens import AccessTokens
from graphql_auth.tokens.key_fingerprint import check_token_key
from graphql_auth.users.repository import UserRepository

if TYPE_CHECKING:
    from graphql_auth.passwords.pwned import PwnedPasswordsClient

GRAPHQL_PATH = "/graphql"
ASSETS_PATH = f"{GRAPHQL_PATH}/assets/{{name}}"
SECONDS_BETWEEN_TRIES = 0.5
NOTHING_HERE = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)

Database = AsyncDatabase[dict[str, Any]]

logger = logging.getLogger(__name__)


def create_app(settings: Settings, processes: int = 1, *, is_checked: bool = False) -> Starlette:
    """Put the parts together; the database is connected while the application lives.

    ``processes`` is how many such applications share the cores of the machine. ``is_checked`` is
    whether ``database`` has connected before: then the application waits for a database that is
    away. Else it connects in the same way, and its start fails.

    Raises StartError when the key is not one to sign with, and ValueError when the settings lack
    MONGO_URI or TOKEN_KEY; whoever starts an embedded database fills them in first.
    """
    indexes = IndexMonitor()
    hash_queue = HashQueue(threads=max(1, _cores() // processes))
    clock = DatabaseClock()
    revocations = Revocations(
        SessionRepository(), clock, settings.token_ttl, settings.revocation_max_staleness
    )
    heartbeat = Heartbeat.for_grace(settings.refresh_grace)
    sessions = SessionService(
        SessionRepository(),
        UserRepository(),
        AccessTokens(_secret(settings.token_key), settings.token_ttl, clock),
        revocations,
        heartbeat,
        _lifetimes(settings),
        clock,
    )
    breaches = _breaches(settings.breached_passwords)
    throttle = Throttle(
        AttemptRepository(),
        failures_per_address=settings.max_failures_per_address,
        registrations_per_address=settings.max_registrations_per_address,
        now=clock,
    )
    accounts = AccountService(
        users=UserRepository(indexes),
        passwords=PasswordHasher(settings.bcrypt_rounds),
        rules=PasswordPolicy(settings.password_min_length, breaches.hold if breaches else None),
        hash_queue=hash_queue,
        throttle=throttle,
        devices=DeviceTokens(_secret(settings.token_key)),
        sessions=sessions,
        password_changes=PasswordChanges(),
        now=clock,
    )
    jobs = (
        (SECONDS_BETWEEN_POLLS, revocations.poll),
        (SECONDS_BETWEEN_SWEEPS, revocations.sweep),
        (heartbeat.seconds_between_beats, heartbeat.beat),
        (SECONDS_BETWEEN_COMPLETIONS, accounts.complete_password_changes),
        (SECONDS_BETWEEN_RENEWALS, throttle.renew_leases),
        (SECONDS_BETWEEN_CHECKS, indexes.check_all),
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        try:
            uri = _secret(settings.mongo_uri)
            async with opened(uri) if is_checked else database(settings) as connection:
                await _await_database(connection, revocations.poll, heartbeat.beat)
                # What is there by now stays. The garbage collector need not go through it
                # again and again, for 30 ms each time.
                gc.freeze()
                async with run_periodically(*jobs):
                    yield
        finally:
            hash_queue.close()
            if breaches:
                await breaches.close()

    playground = Playground()
    endpoint = GraphQLEndpoint(
        create_schema(), Services(accounts, sessions), _policy(settings), playground
    )
    app = Starlette(
        routes=[Route(ASSETS_PATH, playground.asset)],
        middleware=[*_middleware(settings), Middleware(ShortWay, GRAPHQL_PATH, endpoint)],
        exception_handlers=dict.fromkeys(NOTHING_HERE, not_found),
        lifespan=lifespan,
    )
    # The server drains it before it waits for requests, which would wait for their hashes.
    app.state.hash_queue = hash_queue
    # A redirect repeats the host that the request names, whoever that is.
    app.router.redirect_slashes = False
    return app


async def _await_database(connection: Database, *first_reads: Work) -> None:
    """Bind the documents and make the first reads, as soon as MongoDB answers."""
    is_waiting = False
    while True:
        try:
            await bind(connection)
            for read in first_reads:
                await read()
        except Unavailable:
            if not is_waiting:
                logger.warning("no request is served until MongoDB answers")
            is_waiting = True
            await asyncio.sleep(SECONDS_BETWEEN_TRIES)
        else:
            return


def _breaches(setting: bool | HttpUrl) -> "PwnedPasswordsClient | None":  # noqa: FBT001 - a setting
    if setting is False:
        return None
    # The client for HTTP takes a tenth of a second to import, which few need.
    from graphql_auth.passwords.pwned import HAVE_I_BEEN_PWNED, PwnedPasswordsClient  # noqa: PLC0415

    return PwnedPasswordsClient(HAVE_I_BEEN_PWNED if setting is True else str(setting))


def _lifetimes(settings: Settings) -> Lifetimes:
    return Lifetimes(
        settings.session_idle_ttl,
        settings.session_ttl,
        settings.refresh_grace,
        settings.max_sessions_per_user,
    )


def _middleware(settings: Settings) -> Iterator[Middleware]:
    """Yield what stands around the endpoint, from the outside in."""
    if settings.trusted_proxies:
        yield Middleware(TrustedProxyMiddleware, settings.trusted_proxies)
    yield Middleware(Edge)
    if settings.allowed_origins:
        yield Middleware(ListedOrigins, settings.allowed_origins)


def _policy(settings: Settings) -> Policy:
    limits = Limits(
        tokens=settings.max_query_tokens,
        directives=settings.max_query_directives,
        depth=settings.max_query_depth,
        aliases=settings.max_query_aliases,
        root_fields=settings.max_query_root_fields,
        fields=settings.max_query_fields,
        comparisons=settings.max_query_comparisons,
        variables=settings.max_query_variables,
    )
    return Policy(
        token_sources=frozenset(settings.token_sources),
        limits=limits,
        listed_origins=settings.allowed_origins,
        introspection=settings.introspection,
        longest_body=settings.max_body_size,
        seconds_to_read=settings.request_read_timeout.total_seconds(),
        seconds_to_answer=settings.request_timeout.total_seconds(),
        concurrent=settings.max_concurrent_requests,
    )


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Database]:
    """Connect to the database of the settings and check it: see ``connected``, ``check_token_key``.

    Raises StartError.
    """
    async with connect(_secret(settings.mongo_uri)) as connection:
        try:
            await check_token_key(_secret(settings.token_key))
        except Unavailable:
            raise StartError(
                "MONGO_URI: MongoDB answers, but stores nothing; the line above says why."
            ) from None
        yield connection


def _secret(value: SecretStr | None) -> str:
    if value is None:
        raise ValueError("an application needs MONGO_URI and TOKEN_KEY")
    return value.get_secret_value()


def _cores() -> int:
    """Count the cores that this process may use, which a container can limit."""
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        # macOS has no such call, and seccomp can refuse it.
        return os.cpu_count() or 1
