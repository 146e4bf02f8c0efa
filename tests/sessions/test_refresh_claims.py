"""`@auth.claims` and refresh tokens: claims that fail neither use a token up nor hide a theft."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.errors import ApplicationError
from graphql_auth.services import ServiceContainer
from graphql_auth.sessions.refresh_tokens import RefreshToken
from graphql_auth.sessions.service import Tokens
from graphql_auth.users.document import UserDocument
from tests.services import SETTINGS, Clock, NewServices
from tests.sessions.conftest import HERE, end_all, lives, parse, refreshed, refusal

pytestmark = pytest.mark.anyio

Database = AsyncDatabase[dict[str, Any]]


class Claims:
    """The function of an application, which can fail."""

    def __init__(self) -> None:
        self.is_broken = True
        self.calls = 0

    def __call__(self, user: UserDocument) -> dict[str, Any]:
        self.calls += 1
        if self.is_broken:
            raise ValueError
        return {"email": user.email}


@pytest.fixture
async def claims(services: ServiceContainer, tokens: Tokens) -> Claims:  # noqa: ARG001 - begun before
    """Claims that fail since the session has begun."""
    services.accounts.hooks.add_claims = claims = Claims()
    return claims


async def reuse(services: ServiceContainer, tokens: Tokens, _: UserDocument) -> None:
    services.accounts.hooks.add_claims = None
    second = await refreshed(services, tokens.refresh)
    await refreshed(services, second.refresh)


async def ended(services: ServiceContainer, _: Tokens, user: UserDocument) -> None:
    await end_all(services, user)


async def disabled(_: ServiceContainer, __: Tokens, user: UserDocument) -> None:
    await user.set({"disabled": True})


async def deleted(_: ServiceContainer, __: Tokens, user: UserDocument) -> None:
    await user.delete()


async def other_password(_: ServiceContainer, __: Tokens, user: UserDocument) -> None:
    await user.set({"password_changes": 1})


Change = Callable[[ServiceContainer, Tokens, UserDocument], Awaitable[None]]


@pytest.mark.parametrize("change", [reuse, ended, disabled, deleted, other_password])
async def test_refused_token_is_told_so_without_claims(
    services: ServiceContainer,
    tokens: Tokens,
    user: UserDocument,
    claims: Claims,
    change: Change,
) -> None:
    await change(services, tokens, user)
    services.accounts.hooks.add_claims = claims

    assert await refusal(services, tokens.refresh) == "TOKEN_REVOKED"
    assert claims.calls == 0
    # Another password ends no session, since its change may be about to renew this one.
    assert lives(services, tokens) is (change is other_password)


async def test_expired_and_forged_tokens_are_told_so_without_claims(
    services: ServiceContainer, tokens: Tokens, claims: Claims, clock: Clock
) -> None:
    token = parse(tokens.refresh)
    forged = RefreshToken.first(token.user_id, token.session_id).encode()
    assert await refusal(services, forged) == "TOKEN_INVALID"

    clock.time += SETTINGS.session_ttl.total_seconds()
    assert await refusal(services, tokens.refresh) == "TOKEN_EXPIRED"
    assert claims.calls == 0


async def test_theft_ends_the_session_without_grace(
    new_services: NewServices,
    tokens: Tokens,
    caplog: pytest.LogCaptureFixture,
) -> None:
    strict = await new_services(refresh_grace=timedelta())
    seen = []

    @strict.accounts.hooks.on("refresh_reused")
    async def see(event: object) -> None:
        seen.append(event)

    thiefs = await refreshed(strict, tokens.refresh)
    strict.accounts.hooks.add_claims = Claims()

    assert await refusal(strict, tokens.refresh) == "TOKEN_REVOKED"
    assert await refusal(strict, thiefs.refresh) == "TOKEN_REVOKED"
    assert "refresh_token_reused" in caplog.text
    assert len(seen) == 1


async def test_failed_claims_use_up_no_token(
    new_services: NewServices, tokens: Tokens, claims: Claims, database: Database
) -> None:
    strict = await new_services(refresh_grace=timedelta())
    strict.accounts.hooks.add_claims = claims
    sessions = database["graphql_auth_sessions"]
    before = await sessions.find().to_list()

    with pytest.raises(ApplicationError, match="on our side"):
        await strict.rotation.refresh(tokens.refresh, HERE)

    assert await sessions.find().to_list() == before
    claims.is_broken = False
    assert jwt.decode(
        (await refreshed(strict, tokens.refresh)).access.value,
        options={"verify_signature": False},
    )["email"]


async def test_retry_within_grace_gets_its_claims(
    services: ServiceContainer, tokens: Tokens, claims: Claims
) -> None:
    claims.is_broken = False
    first = await refreshed(services, tokens.refresh)
    claims.is_broken = True
    with pytest.raises(ApplicationError, match="on our side"):
        await services.rotation.refresh(tokens.refresh, HERE)

    claims.is_broken = False
    again = await refreshed(services, tokens.refresh)
    assert again.refresh == first.refresh
    assert jwt.decode(again.access.value, options={"verify_signature": False})["email"]
