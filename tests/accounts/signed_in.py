"""The one user of the tests of an operator, her sessions, and why one is refused."""

from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.accounts.gate import SignedIn
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import TokenReason, Unauthenticated
from graphql_auth.services import ServiceContainer
from graphql_auth.sessions.service import Tokens

HERE = ClientInfo("192.0.2.1", "a test")
EMAIL = "ada@example.com"
PASSWORD = "correct horse"
Database = AsyncDatabase[dict[str, Any]]


async def log_in(services: ServiceContainer) -> Tokens:
    return (await services.accounts.login(EMAIL, PASSWORD, HERE)).tokens


async def refresh(services: ServiceContainer, tokens: Tokens) -> Tokens:
    return (await services.rotation.refresh(tokens.refresh, HERE))[1]


async def is_signed_in(services: ServiceContainer, signed_in: SignedIn) -> bool:
    try:
        await refresh(services, signed_in.tokens)
    except Unauthenticated:
        return False
    return True


async def refusal(services: ServiceContainer, tokens: Tokens) -> TokenReason:
    """Return why this process refuses a token, once it has read which sessions have ended."""
    await services.sessions.revocations.poll()
    with pytest.raises(Unauthenticated) as refused:
        services.sessions.authenticate(tokens.access.value)
    return refused.value.reason
