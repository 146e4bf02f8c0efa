import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NoReturn

import pytest
from bson import ObjectId
from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.errors import Unauthenticated, Unavailable
from graphql_auth.mongo.heartbeat import Heartbeat
from graphql_auth.services import ServiceContainer
from graphql_auth.sessions.document import SessionDocument
from graphql_auth.sessions.refresh_tokens import RefreshToken
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.sessions.service import Tokens
from graphql_auth.tokens.access_tokens import AccessTokens
from graphql_auth.users.document import UserDocument
from tests.services import SETTINGS, Clock, NewServices, pass_time
from tests.sessions.conftest import HERE, end_all, lives, parse, refreshed, refusal

pytestmark = pytest.mark.anyio

Database = AsyncDatabase[dict[str, Any]]

GRACE = SETTINGS.refresh_grace.total_seconds()
DAY = 24 * 3600


async def test_refresh_returns_successor_of_same_session(
    services: ServiceContainer, tokens: Tokens, clock: Clock
) -> None:
    clock.time += 10

    fresh = await refreshed(services, tokens.refresh)

    assert fresh.refresh != tokens.refresh
    assert fresh.session_id == tokens.session_id
    assert fresh.access.expires_at - tokens.access.expires_at == timedelta(seconds=10)
    assert lives(services, fresh)


async def test_reuse_within_grace_returns_same_successor(
    services: ServiceContainer, tokens: Tokens, clock: Clock
) -> None:
    first = await refreshed(services, tokens.refresh)
    await pass_time(clock, GRACE - 5)
    again = await refreshed(services, tokens.refresh)

    assert first.refresh == again.refresh
    assert lives(services, again)
    assert again.access.expires_at - first.access.expires_at == timedelta(seconds=GRACE - 5)


async def test_100_concurrent_refreshes_get_one_successor(
    services: ServiceContainer, tokens: Tokens
) -> None:
    answers = await asyncio.gather(*(refreshed(services, tokens.refresh) for _ in range(100)))

    assert len({answer.refresh for answer in answers}) == 1
    assert all(lives(services, answer) for answer in answers)
    await refreshed(services, answers[0].refresh)


@pytest.mark.parametrize("seconds", [GRACE + 0.001, DAY])
async def test_reuse_after_grace_revokes_session(
    services: ServiceContainer,
    tokens: Tokens,
    clock: Clock,
    seconds: float,
    caplog: pytest.LogCaptureFixture,
) -> None:
    thiefs = await refreshed(services, tokens.refresh)
    await pass_time(clock, seconds)
    latest = await refreshed(services, thiefs.refresh)
    await pass_time(clock, GRACE + 1)

    assert await refusal(services, tokens.refresh) == "TOKEN_REVOKED"

    for one in (tokens, thiefs, latest):
        assert await refusal(services, one.refresh) == "TOKEN_REVOKED"
    assert not lives(services, latest)
    (record,) = caplog.records
    assert record.name == "graphql_auth.security"
    assert record.getMessage().startswith("refresh_token_reused outcome=session_ended user=")
    assert not [one for one in (tokens, thiefs, latest) if one.refresh in caplog.text]


async def test_reuse_of_last_token_after_grace_revokes_session(
    services: ServiceContainer, tokens: Tokens, clock: Clock
) -> None:
    fresh = await refreshed(services, tokens.refresh)
    await pass_time(clock, GRACE + 0.001)

    assert await refusal(services, tokens.refresh) == "TOKEN_REVOKED"
    assert not lives(services, fresh)


async def test_reuse_two_rotations_later_revokes_session(
    services: ServiceContainer, tokens: Tokens
) -> None:
    second = await refreshed(services, tokens.refresh)
    third = await refreshed(services, second.refresh)

    assert await refusal(services, tokens.refresh) == "TOKEN_REVOKED"
    assert await refusal(services, third.refresh) == "TOKEN_REVOKED"


@pytest.mark.parametrize(
    "changes",
    [{"family": b"f" * 16}, {"session_id": str(ObjectId())}, {"user_id": str(ObjectId())}],
)
async def test_token_of_unknown_family_ends_nothing(
    services: ServiceContainer, tokens: Tokens, changes: dict[str, Any]
) -> None:
    made_up = replace(parse(tokens.refresh), **changes)

    assert await refusal(services, made_up.encode()) == "TOKEN_INVALID"
    assert lives(services, tokens)
    await refreshed(services, tokens.refresh)


async def test_forged_secret_of_known_family_revokes_session(
    services: ServiceContainer, tokens: Tokens
) -> None:
    made_up = replace(parse(tokens.refresh), secret=b"s" * 32)

    assert await refusal(services, made_up.encode()) == "TOKEN_REVOKED"
    assert not lives(services, tokens)


async def test_stored_digests_are_not_usable_as_token(
    services: ServiceContainer, tokens: Tokens, database: Database
) -> None:
    await refreshed(services, tokens.refresh)
    stored = await database["graphql_auth_sessions"].find_one({"_id": ObjectId(tokens.session_id)})
    assert stored is not None
    held = parse(tokens.refresh)
    kept = [value for value in stored.values() if isinstance(value, bytes)]

    assert len(kept) == 4
    assert not {held.secret, held.family} & set(kept)
    for family in kept:
        for secret in (
            *kept,
            *(replace(held, secret=s).successor(t).secret for s in kept for t in kept),
        ):
            forged = replace(held, family=family[:16], secret=secret)
            assert await refusal(services, forged.encode()) == "TOKEN_INVALID"


def crash(*_: object) -> NoReturn:
    raise ConnectionAbortedError


async def crash_later(*_: object) -> NoReturn:
    crash()


@pytest.mark.parametrize("step", ["load_user", "issue"])
async def test_token_works_after_crash_during_rotation(
    services: ServiceContainer, tokens: Tokens, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        if step == "load_user":
            patch.setattr(services.rotation, "load_user", crash_later)
        else:
            patch.setattr(AccessTokens, "issue", crash)
        with pytest.raises(ConnectionAbortedError):
            await refreshed(services, tokens.refresh)

    fresh = await refreshed(services, tokens.refresh)
    assert lives(services, await refreshed(services, fresh.refresh))


async def test_refresh_token_survives_new_token_key(
    tokens: Tokens, new_services: NewServices
) -> None:
    successor = await new_services(token_key=SecretStr("another key" * 3))

    fresh = await refreshed(successor, tokens.refresh)

    assert lives(successor, fresh)
    with pytest.raises(Unauthenticated, check=lambda error: error.reason == "TOKEN_INVALID"):
        successor.sessions.authenticate(tokens.access.value)


@pytest.mark.parametrize("by_other_hands", [None, {"$set": {"disabled": True}}])
async def test_refresh_of_disabled_or_deleted_user_is_refused(
    services: ServiceContainer, tokens: Tokens, database: Database, by_other_hands: dict[str, Any]
) -> None:
    if by_other_hands:
        await database["users"].update_one({}, by_other_hands)
    else:
        await database["users"].delete_one({})
    assert lives(services, tokens)

    assert await refusal(services, tokens.refresh) == "TOKEN_REVOKED"

    assert not lives(services, tokens)


async def test_refresh_of_session_with_old_password_is_refused(
    services: ServiceContainer, tokens: Tokens, database: Database
) -> None:
    await database["users"].update_one({}, {"$inc": {"password_changes": 1}})

    assert await refusal(services, tokens.refresh) == "TOKEN_REVOKED"
    assert await refusal(services, tokens.refresh) == "TOKEN_REVOKED"

    # It may be the session that the user keeps when changing the password.
    assert lives(services, tokens)


async def test_shorter_token_ttl_keeps_older_tokens_revoked(
    tokens: Tokens, new_services: NewServices, database: Database, clock: Clock
) -> None:
    shorter = await new_services(
        session_idle_ttl=timedelta(minutes=1), token_ttl=timedelta(minutes=1)
    )

    fresh = await refreshed(shorter, tokens.refresh)
    await shorter.rotation.refresh(tokens.refresh, HERE)
    assert fresh.access.expires_at < tokens.access.expires_at
    session_expiry = clock.time + fresh.refresh_lifetime.total_seconds()
    assert session_expiry >= tokens.access.expires_at.timestamp()
    await shorter.sessions.end(parse(tokens.refresh).user_id, tokens.session_id)

    stored = await database["graphql_auth_sessions"].find_one({"_id": ObjectId(tokens.session_id)})
    assert stored is not None
    assert stored["expires_at"] >= tokens.access.expires_at


async def test_successor_replaced_during_reissue_is_not_returned(
    services: ServiceContainer, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = await refreshed(services, tokens.refresh)
    extend_access = SessionRepository.extend_access

    async def overtaken(*arguments: Any) -> Any:
        monkeypatch.undo()
        await refreshed(services, second.refresh)
        return await extend_access(*arguments)

    monkeypatch.setattr(SessionRepository, "extend_access", overtaken)

    assert await refusal(services, tokens.refresh) == "TOKEN_REVOKED"


async def test_token_is_refused_if_chain_is_renewed_during_reissue(
    services: ServiceContainer, tokens: Tokens, user: UserDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    await refreshed(services, tokens.refresh)
    extend_access = SessionRepository.extend_access

    async def overtaken(*arguments: Any) -> Any:
        monkeypatch.undo()
        await services.sessions.renew(user, tokens.session_id)
        return await extend_access(*arguments)

    monkeypatch.setattr(SessionRepository, "extend_access", overtaken)

    assert await refusal(services, tokens.refresh) == "TOKEN_INVALID"
    assert lives(services, tokens)


async def test_session_ended_during_reissue_stays_ended(
    services: ServiceContainer, tokens: Tokens, user: UserDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    await refreshed(services, tokens.refresh)
    presented = SessionRepository.find_by_token

    async def overtaken(*arguments: Any) -> Any:
        found = await presented(*arguments)
        await services.sessions.end(str(user.id), tokens.session_id)
        return found

    monkeypatch.setattr(SessionRepository, "find_by_token", overtaken)
    assert await refusal(services, tokens.refresh) == "TOKEN_REVOKED"


class Outages(Heartbeat):
    """An outage that the test chooses."""

    duration = timedelta()

    async def outage_since(self, moment: datetime) -> timedelta:
        del moment
        return self.duration


async def test_grace_does_not_count_outage_of_database(
    services: ServiceContainer,
    tokens: Tokens,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    outages = Outages()
    monkeypatch.setattr(services.rotation, "heartbeat", outages)
    fresh = await refreshed(services, tokens.refresh)
    outages.duration = timedelta(seconds=600)
    await pass_time(clock, 600 + GRACE / 2)

    again = await refreshed(services, tokens.refresh)

    assert again.refresh == fresh.refresh
    assert lives(services, again)
    assert "refresh_token_reused" not in caplog.text

    await pass_time(clock, GRACE)
    assert await refusal(services, tokens.refresh) == "TOKEN_REVOKED"
    assert not lives(services, fresh)
    assert caplog.text.count("refresh_token_reused") == 1


async def test_refresh_of_ever_changing_session_is_unavailable(
    services: ServiceContainer, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    await refreshed(services, tokens.refresh)
    presented = SessionRepository.find_by_token
    tries = 0

    async def changed_again(
        repository: SessionRepository, found: RefreshToken
    ) -> SessionDocument | None:
        nonlocal tries
        tries += 1
        session = await presented(repository, found)
        return session.model_copy(update={"current": bytes([tries])}) if session else None

    monkeypatch.setattr(SessionRepository, "find_by_token", changed_again)

    with pytest.raises(Unavailable):
        await services.rotation.refresh(tokens.refresh, HERE)
    assert tries < 10


async def test_concurrent_reuse_is_logged_once(
    services: ServiceContainer, tokens: Tokens, caplog: pytest.LogCaptureFixture
) -> None:
    await refreshed(services, (await refreshed(services, tokens.refresh)).refresh)

    refusals = await asyncio.gather(*(refusal(services, tokens.refresh) for _ in range(20)))

    assert set(refusals) == {"TOKEN_REVOKED"}
    assert caplog.text.count("refresh_token_reused") == 1


async def test_session_ended_during_reuse_check_is_not_logged(
    services: ServiceContainer,
    tokens: Tokens,
    user: UserDocument,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await refreshed(services, (await refreshed(services, tokens.refresh)).refresh)
    presented = SessionRepository.find_by_token

    async def overtaken(
        repository: SessionRepository, found: RefreshToken
    ) -> SessionDocument | None:
        session = await presented(repository, found)
        await end_all(services, user)
        return session

    monkeypatch.setattr(SessionRepository, "find_by_token", overtaken)

    assert await refusal(services, tokens.refresh) == "TOKEN_REVOKED"
    assert "refresh_token_reused" not in caplog.text
