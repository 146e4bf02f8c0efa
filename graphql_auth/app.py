"""The composition root: settings → services → schema → Starlette."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from beanie import Document
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import Route

from graphql_auth.accounts.features import RegistrationMode
from graphql_auth.accounts.user_check import UserCheck
from graphql_auth.context import Context, context_factory
from graphql_auth.errors import StartError, Unavailable
from graphql_auth.graphql_http.endpoint import (
    EndpointConfig,
    GraphQLEndpoint,
    Headers,
    not_found,
    redirect_browser,
)
from graphql_auth.graphql_http.limits import Limits
from graphql_auth.graphql_http.middleware import SecurityHeadersMiddleware
from graphql_auth.graphql_http.params import BadRequest, GraphQLParams
from graphql_auth.graphql_http.playground import Playground
from graphql_auth.graphql_http.proxies import TrustedProxyMiddleware
from graphql_auth.hooks import Hooks
from graphql_auth.mail.mailer import Mailer
from graphql_auth.mongo.client import bind_documents, connect, open_database, translate_start_errors
from graphql_auth.mongo.collections import Database, Documents, create_declared_indexes
from graphql_auth.mongo.meta import MetaDocument
from graphql_auth.operations.probes import Probes
from graphql_auth.passwords.hasher import PasswordHasher
from graphql_auth.runtime.periodic import run_periodically
from graphql_auth.schema import Schema, create_schema
from graphql_auth.services import DOCUMENTS, ServiceContainer, create_services
from graphql_auth.sessions.cors import AllowedOriginsMiddleware
from graphql_auth.settings import Settings
from graphql_auth.token_key import read_secrets, reveal
from graphql_auth.tokens.key_fingerprint import check_token_key
from graphql_auth.tokens.published_keys import create_routes
from graphql_auth.users.document import UserDocument
from graphql_auth.users.scan import UserScan

if TYPE_CHECKING:
    from graphql_auth.operations.metrics import Metrics

GRAPHQL_PATH = "/graphql"
# Below the path of GraphQL.
ASSETS = "/assets/{name}"
SECONDS_BETWEEN_TRIES = 0.5
EVERY_PROXY = (
    "TRUSTED_PROXIES has %s: each client can forge its IP address (X-Forwarded-For) and so pass the"
    " rate limits; list only your proxies"
)
# Beanie binds a class once a process.
OTHER_USERS = (
    "MONGO_URI: all GraphQLAuth of a process share a database, collection of users and event loop."
)

logger = logging.getLogger(__name__)

# Of each application that runs: the database, users and event loop, and what it has bound.
running: dict[Starlette, tuple[object, tuple[Database, Documents] | None]] = {}


@dataclass(frozen=True, slots=True)
class Parts:
    """What an application is made of, beside the settings; see GraphQLAuth."""

    schema: Schema
    user_document: type[UserDocument] = UserDocument
    documents: tuple[type[Document], ...] = ()
    context: Callable[[Request], Any] | None = None
    limits: Limits | None = None
    path: str = GRAPHQL_PATH
    hooks: Hooks = field(default_factory=Hooks)
    mailer: Mailer | None = None
    metrics: "Metrics | None" = None

    @property
    def our_documents(self) -> Documents:
        return [*DOCUMENTS, *{self.user_document} - {UserDocument}]


def create_app(
    settings: Settings,
    processes: int = 1,
    *,
    parts: Parts | None = None,
    is_database_checked: bool = False,
) -> Starlette:
    """Create the application. Nothing runs, and no database is connected, before its lifespan.

    ``processes`` is how many such applications share the cores of the machine.
    ``is_database_checked`` is whether ``check_database`` has succeeded before: then the application
    waits for a database that is away. If not, it runs the check, and fails to start if that fails.

    Raises StartError when a key or a setting of mail is missing or wrong, and ValueError without
    MONGO_URI or TOKEN_KEY; a caller that starts an embedded database sets them first.
    """
    parts = parts or Parts(create_schema())
    services = create_services(
        settings,
        processes=processes,
        user_document=parts.user_document,
        hooks=parts.hooks,
        mailer=parts.mailer,
    )
    probes = Probes(services.sessions.revocations, services.indexes)
    app = Starlette(
        routes=_routes(settings, services, parts, probes),
        middleware=_middleware(settings),
        exception_handlers=dict.fromkeys(
            (HTTPException, BadRequest), partial(not_found, parts.path)
        ),
        lifespan=_lifespan(settings, services, parts, is_database_checked=is_database_checked),
    )
    # The server drains it first, since requests wait for their hashes.
    app.state.hash_queue, app.state.probes = services.hash_queue, probes
    app.state.services, app.state.settings, app.state.parts = services, settings, parts
    # A redirect repeats the Host header, which any client can forge.
    app.router.redirect_slashes = False
    return app


def _routes(
    settings: Settings, services: ServiceContainer, parts: Parts, probes: Probes
) -> list[Route]:
    playground = Playground() if settings.has_playground else None
    create = context_factory(
        services, settings.token_sources, settings.allowed_origins, parts.context
    )

    def create_context(request: Request, headers: Headers, params: GraphQLParams) -> Context:
        if probes.is_waiting:
            raise Unavailable(retry_after=1)
        return create(request, headers, params)

    endpoint = GraphQLEndpoint(
        parts.schema.core,
        create_context,
        _endpoint_config(settings, parts.limits),
        playground,
        parts.schema.execute if parts.schema.extensions else None,
        parts.metrics.observe if parts.metrics else None,
    )
    routes = [Route(parts.path, endpoint)]
    if playground:
        routes.append(Route(parts.path + ASSETS, playground.asset))
        routes.append(Route("/", partial(redirect_browser, parts.path)))
    keys = services.sessions.access_tokens.ring
    routes += [*probes.routes, *create_routes(keys, settings.issuer)]
    for route in routes:
        # Starlette ends the expression with $, which accepts a newline too.
        route.path_regex = re.compile(route.path_regex.pattern.removesuffix("$") + r"\Z")
    return routes


def _lifespan(
    settings: Settings, services: ServiceContainer, parts: Parts, *, is_database_checked: bool
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    uri = reveal(settings.mongo_uri)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        connection = open_database(uri) if is_database_checked else check_database(settings, parts)
        watch = [parts.metrics.watch(services)] if parts.metrics else []
        users = uri, parts.user_document.Settings.name, asyncio.get_running_loop()
        if any(other != users for other, _ in running.values()):
            raise StartError(OTHER_USERS)
        running[app] = users, None
        async with AsyncExitStack() as stack:
            try:
                database = await stack.enter_async_context(connection)
                await stack.enter_async_context(services.run())
                binding = database, [*parts.our_documents, *parts.documents]
                await _await_database(*binding, services, app.state.probes)
                running[app] = users, binding
                async with run_periodically(*services.periodic_jobs, *watch):
                    yield
            finally:
                del running[app]
                # Others run on, and this connection is about to be closed.
                for other in [bound for _, bound in running.values() if bound][-1:]:
                    with suppress(Unavailable):
                        await bind_documents(*other)

    return lifespan


@asynccontextmanager
async def check_database(settings: Settings, parts: Parts) -> AsyncIterator[Database]:
    """Connect to the database of the settings, create its indexes and check that it takes writes.

    Raises StartError.
    """
    _warn_of_settings(settings, parts)
    async with connect(reveal(settings.mongo_uri), parts.our_documents) as database:
        with translate_start_errors(database.name):
            await create_declared_indexes(database, parts.documents)
        with translate_start_errors(f"{database.name}.{MetaDocument.get_collection_name()}"):
            await check_token_key(*read_secrets(settings))
        await UserCheck(UserScan(), PasswordHasher(settings.bcrypt_rounds)).log_count()
        yield database


def _warn_of_settings(settings: Settings, parts: Parts) -> None:
    for network in settings.trusted_proxies:
        if not network.prefixlen:
            logger.warning(EVERY_PROXY, network)
    if parts.mailer or settings.smtp_url or settings.is_dev:
        return
    needs = {
        "REGISTRATION=confirmed": settings.registration is RegistrationMode.CONFIRMED,
        "EMAIL_CONFIRMATION=required": settings.requires_confirmation,
        "SIGN_IN_LINKS=on": settings.sign_in_links,
        "MAIL_FROM": settings.mail_from,
        "MAIL_TEMPLATES": settings.mail_templates,
    }
    for setting in [name for name, is_set in needs.items() if is_set]:
        logger.warning("%s needs mail: set SMTP_URL, or for development --dev", setting)


async def _await_database(
    database: Database, documents: Documents, services: ServiceContainer, probes: Probes
) -> None:
    """Bind the documents and make the first reads, as soon as MongoDB answers."""
    while True:
        try:
            await bind_documents(database, documents)
            await services.sessions.revocations.poll()
            # It fails while a shard is lost. Then the job repeats it.
            with suppress(Unavailable):
                await services.sessions.revocations.sweep()
            await services.rotation.heartbeat.beat()
        except Unavailable:
            if not probes.is_waiting:
                logger.warning("no request is served until MongoDB answers")
                probes.is_waiting = True
                if probes.on_waiting:
                    await probes.on_waiting()
            await asyncio.sleep(SECONDS_BETWEEN_TRIES)
        else:
            probes.is_waiting = False
            return


def _middleware(settings: Settings) -> list[Middleware]:
    return [
        Middleware(TrustedProxyMiddleware, settings.trusted_proxies),
        Middleware(SecurityHeadersMiddleware),
        Middleware(
            AllowedOriginsMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            allow_private_network=True,
            allow_credentials=True,
            expose_headers=["X-Request-Id", "Retry-After", "WWW-Authenticate"],
            max_age=3600,
        ),
    ]


def _endpoint_config(settings: Settings, limits: Limits | None) -> EndpointConfig:
    return EndpointConfig(
        limits=limits
        or Limits(
            tokens=settings.max_query_tokens,
            depth=settings.max_query_depth,
            fields=settings.max_query_fields,
        ),
        introspection=settings.introspection,
        max_body_size=settings.max_body_size,
        request_read_timeout=settings.request_read_timeout.total_seconds(),
        request_timeout=settings.request_timeout.total_seconds(),
        max_concurrent_requests=settings.max_concurrent_requests,
    )
