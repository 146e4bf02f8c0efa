"""The services of a server on the test's database, with a clock that the test moves."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from starlette.types import ASGIApp

from graphql_auth.accounts.service import AccountService
from graphql_auth.context import Services, context_factory
from graphql_auth.graphql_http.endpoint import EndpointConfig, GraphQLEndpoint
from graphql_auth.graphql_http.middleware import SecurityHeadersMiddleware
from graphql_auth.graphql_http.playground import Playground
from graphql_auth.mail.mailer import Mailer
from graphql_auth.mongo import client
from graphql_auth.mongo.client import connect
from graphql_auth.schema import create_schema
from graphql_auth.services import DOCUMENTS, ServiceContainer, create_services
from graphql_auth.sessions.document import SessionDocument
from graphql_auth.settings import Settings, TokenSource
from graphql_auth.throttling import throttle as throttling
from graphql_auth.throttling.throttle import Throttle
from graphql_auth.users.document import UserDocument

HOUR = timedelta(hours=1)
NewServices = Callable[..., Awaitable[ServiceContainer]]
FAILURES_PER_ADDRESS = 60
REGISTRATIONS_PER_ADDRESS = 100
SETTINGS = Settings(
    token_key="k" * 32,
    token_ttl=HOUR,
    revocation_max_staleness=HOUR,
    bcrypt_rounds=4,
    max_failures_per_address=FAILURES_PER_ADDRESS,
    max_registrations_per_address=REGISTRATIONS_PER_ADDRESS,
    mail_from="Example <no-reply@example.com>",
    app_url="https://app.example.com",
)


class Clock:
    """A clock that is moved by hand, in seconds since 1970."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def pass_time(clock: Clock, seconds: float) -> None:
    """Move the clock, and that of the database, by which the grace is measured, as far."""
    clock.time += seconds
    earlier = {"$subtract": ["$rotated_at", int(seconds * 1000)]}
    await SessionDocument.get_pymongo_collection().update_many(
        {}, [{"$set": {"rotated_at": earlier}}]
    )


@pytest.fixture
async def new_services(
    database_uri: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[NewServices]:
    """Make the services of another process, or with other settings."""
    # On a busy machine 200 concurrent calls take longer than it takes a server to give up.
    monkeypatch.setattr(client, "COMMAND_TIMEOUT", 60)
    monkeypatch.setattr(throttling, "ACQUIRE_TIMEOUT", 60)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(connect(database_uri, DOCUMENTS))

        async def new(
            mailer: Mailer | None = None,
            user_document: type[UserDocument] = UserDocument,
            **settings: object,
        ) -> ServiceContainer:
            changed = SETTINGS.model_copy(update=settings)
            services = create_services(
                changed, now=clock, user_document=user_document, mailer=mailer
            )
            # Nothing beats between two steps of a test, which is no outage.
            services.rotation.heartbeat.max_gap = HOUR
            await stack.enter_async_context(services.run())
            await services.sessions.revocations.poll()
            return services

        yield new


@pytest.fixture
async def services(new_services: NewServices) -> ServiceContainer:
    return await new_services()


def endpoint_for(service: Any, config: EndpointConfig | None = None) -> ASGIApp:
    """The endpoint with one object in place of all services."""
    create_context = context_factory(
        Services(*[service] * len(fields(Services))), set(TokenSource), set()
    )
    schema = create_schema().core
    endpoint = GraphQLEndpoint(schema, create_context, config or EndpointConfig(), Playground())
    return SecurityHeadersMiddleware(endpoint)


@pytest.fixture
def service(services: ServiceContainer) -> AccountService:
    return services.accounts


@pytest.fixture
def throttle(services: ServiceContainer) -> Throttle:
    return services.accounts.throttle
