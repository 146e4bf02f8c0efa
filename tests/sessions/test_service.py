import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.accounts.service import AccountService
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import Unauthenticated, Unavailable
from graphql_auth.mongo.index_monitor import IndexMonitor
from graphql_auth.services import DOCUMENTS, ServiceContainer
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.sessions.service import Tokens
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository
from tests.services import Clock, NewServices
from tests.sessions.conftest import HERE, end_all, lives, parse, refreshed, refusal

pytestmark = pytest.mark.anyio

Database = AsyncDatabase[dict[str, Any]]

DAY = 24 * 3600


async def test_unused_session_expires(
    services: ServiceContainer, tokens: Tokens, clock: Clock
) -> None:
    clock.time += 30 * DAY - 1
    fresh = await refreshed(services, tokens.refresh)
    clock.time += 30 * DAY + 1

    assert await refusal(services, fresh.refresh) == "TOKEN_EXPIRED"


async def test_used_session_expires_at_session_ttl(
    services: ServiceContainer, tokens: Tokens, clock: Clock
) -> None:
    end = clock.time + 90 * DAY
    for _ in range(4):
        clock.time += 20 * DAY
        tokens = await refreshed(services, tokens.refresh)
    assert tokens.refresh_lifetime.total_seconds() == end - clock.time

    clock.time = end - 60
    tokens = await refreshed(services, tokens.refresh)
    assert tokens.access.expires_at.timestamp() == end
    clock.time = end
    assert await refusal(services, tokens.refresh) == "TOKEN_EXPIRED"


async def test_idle_ttl_cannot_exceed_session_ttl(
    new_services: NewServices, user: UserDocument
) -> None:
    services = await new_services(session_idle_ttl=timedelta(days=2), session_ttl=timedelta(days=1))

    begun = await services.sessions.begin(user, HERE)

    assert begun.refresh_lifetime.total_seconds() == DAY


async def test_50_concurrent_logins_start_50_sessions(
    service: AccountService, services: ServiceContainer, user: UserDocument
) -> None:
    answers = await asyncio.gather(
        *(service.login("ada@example.com", "correct horse", HERE) for _ in range(50))
    )

    live = await services.sessions.list_for_user(str(user.id), before=None, limit=100)
    assert (
        len({one.tokens.session_id for one in answers} & {str(session.id) for session in live})
        == 50
    )
    assert len(live) == 51
    for one in answers:
        assert lives(services, await refreshed(services, one.tokens.refresh))


async def test_ended_session_is_refused_at_once(
    services: ServiceContainer, tokens: Tokens, user: UserDocument
) -> None:
    other = await services.sessions.begin(user, HERE)
    # Its token is remembered from now on.
    assert lives(services, tokens)

    assert await services.sessions.end(str(user.id), tokens.session_id) is True

    assert not lives(services, tokens)
    assert await refusal(services, tokens.refresh) == "TOKEN_REVOKED"
    assert lives(services, other)
    assert await services.sessions.end(str(user.id), tokens.session_id) is False


async def test_new_tokens_of_an_ended_session_are_over(
    services: ServiceContainer, tokens: Tokens, user: UserDocument
) -> None:
    await services.sessions.end(str(user.id), tokens.session_id)

    new = await services.sessions.renew(user, tokens.session_id)

    with pytest.raises(Unauthenticated):
        services.sessions.access_tokens.verify(new.access.value)
    assert await refusal(services, new.refresh) == "TOKEN_INVALID"


async def test_revoke_ends_own_sessions_only(services: ServiceContainer, tokens: Tokens) -> None:
    assert await services.sessions.end(str(ObjectId()), tokens.session_id) is False
    assert lives(services, tokens)


async def test_logout_by_token_ends_session(services: ServiceContainer, tokens: Tokens) -> None:
    stranger = replace(parse(tokens.refresh), family=b"f" * 16).encode()

    for other in (stranger, "garbled"):
        await services.sessions.logout_by_token(other, HERE)
        assert lives(services, tokens)
    for _ in range(2):
        await services.sessions.logout_by_token(tokens.refresh, HERE)
        assert not lives(services, tokens)


async def test_end_others_ends_sessions_with_old_password(
    services: ServiceContainer, tokens: Tokens, user: UserDocument
) -> None:
    others = [await services.sessions.begin(user, HERE) for _ in range(3)]
    user.password_changes += 1
    later = await services.sessions.begin(user, HERE)

    await services.sessions.end_others(user, tokens.session_id)
    expected = [True, True, False, False, False]
    assert [lives(services, one) for one in (tokens, later, *others)] == expected

    await end_all(services, user)
    assert not lives(services, tokens)


async def test_session_stores_last_client(
    services: ServiceContainer, tokens: Tokens, user: UserDocument, clock: Clock
) -> None:
    clock.time += 60
    await services.rotation.refresh(
        tokens.refresh, ClientInfo("2001:db8::1", "$where: " + "x" * 1000)
    )

    found = await services.sessions.get(str(user.id), tokens.session_id)

    assert found is not None
    assert found.ip_address == "2001:db8::1"
    assert found.user_agent == ("$where: " + "x" * 1000)[:400]
    assert found.last_used_at.timestamp() == clock.time


async def test_list_for_user_returns_latest_first(
    services: ServiceContainer, tokens: Tokens, user: UserDocument, clock: Clock
) -> None:
    later = [await services.sessions.begin(user, HERE) for _ in range(2)]
    await services.sessions.end(str(user.id), later[0].session_id)

    listed = [
        str(one.id)
        for one in await services.sessions.list_for_user(str(user.id), before=None, limit=2)
    ]
    assert listed == [later[1].session_id, tokens.session_id]
    earlier = await services.sessions.list_for_user(str(user.id), before=tokens.session_id, limit=2)
    assert len(earlier) == 1
    assert await services.sessions.get(str(user.id), later[0].session_id) is None
    clock.time += 30 * DAY
    assert await services.sessions.list_for_user(str(user.id), before=None, limit=2) == []
    assert await services.sessions.get(str(user.id), tokens.session_id) is None


@pytest.fixture
async def few(new_services: NewServices) -> ServiceContainer:
    return await new_services(max_sessions_per_user=3)


async def test_login_beyond_limit_evicts_least_recently_used_session(
    few: ServiceContainer, user: UserDocument, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await end_all(few, user)
    caplog.set_level(logging.INFO)
    begun = []
    for _ in range(3):
        clock.time += 60
        begun.append(await few.sessions.begin(user, HERE))
    clock.time += 60
    used = await refreshed(few, begun[0].refresh)
    assert "session_evicted" not in caplog.text

    clock.time += 60
    newest = await few.sessions.begin(user, HERE)

    assert [lives(few, one) for one in (used, *begun[1:], newest)] == [True, False, True, True]
    assert caplog.text.count("session_evicted outcome=session_ended") == 1
    assert await refusal(few, begun[1].refresh) == "TOKEN_REVOKED"


async def test_50_concurrent_logins_keep_session_limit(
    few: ServiceContainer, user: UserDocument, database: Database
) -> None:
    begun = await asyncio.gather(*(few.sessions.begin(user, HERE) for _ in range(50)))

    assert await database["graphql_auth_sessions"].count_documents({"ended_at": None}) == 3
    assert sum(lives(few, one) for one in begun) == 3


async def test_limit_ignores_other_users_and_ended_sessions(
    few: ServiceContainer, user: UserDocument
) -> None:
    other = await UserRepository(IndexMonitor(DOCUMENTS)).add(UserDocument(email="bob@example.com"))
    of_other = [await few.sessions.begin(other, HERE) for _ in range(3)]
    for _ in range(3):
        await few.sessions.end(str(user.id), (await few.sessions.begin(user, HERE)).session_id)

    mine = [await few.sessions.begin(user, HERE) for _ in range(3)]

    assert all(lives(few, one) for one in (*of_other, *mine))


async def test_no_limit_evicts_nothing(new_services: NewServices, user: UserDocument) -> None:
    endless = await new_services(max_sessions_per_user=None)

    begun = [await endless.sessions.begin(user, HERE) for _ in range(105)]

    assert all(lives(endless, one) for one in begun)


async def test_eviction_of_thousands_of_sessions(
    services: ServiceContainer, tokens: Tokens, user: UserDocument, database: Database
) -> None:
    stored = await database["graphql_auth_sessions"].find_one({"_id": ObjectId(tokens.session_id)})
    assert stored is not None
    await database["graphql_auth_sessions"].insert_many(
        stored | {"_id": ObjectId()} for _ in range(2_500)
    )

    newest = await services.sessions.begin(user, HERE)

    assert lives(services, newest)
    assert await database["graphql_auth_sessions"].count_documents({"ended_at": None}) == 100
    await end_all(services, user)
    assert await database["graphql_auth_sessions"].count_documents({"ended_at": None}) == 0
    assert await database["graphql_auth_revocations"].count_documents({}) == 2_503


async def test_session_times_are_by_shared_clock(
    services: ServiceContainer, tokens: Tokens, user: UserDocument, clock: Clock
) -> None:
    session = await services.sessions.get(str(user.id), tokens.session_id)

    assert session is not None
    moment = datetime.fromtimestamp(clock.time, UTC)
    assert session.created_at == session.last_used_at == moment
    assert user.created_at == moment


async def test_failed_logout_everywhere_can_be_repeated(
    services: ServiceContainer, tokens: Tokens, user: UserDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [await services.sessions.begin(user, HERE) for _ in range(3)]
    principal = services.sessions.authenticate(tokens.access.value)
    end_all = SessionRepository.end_all

    async def fail(*arguments: Any, **named: Any) -> NoReturn:
        await end_all(*arguments, **named)
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(SessionRepository, "end_all", fail)
        with pytest.raises(Unavailable):
            await services.sessions.logout_everywhere(principal, HERE)

    assert lives(services, tokens)
    await services.sessions.logout_everywhere(principal, HERE)
    assert not lives(services, tokens)
    assert {await refusal(services, one.refresh) for one in others} == {"TOKEN_REVOKED"}
