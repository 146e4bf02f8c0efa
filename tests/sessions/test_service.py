import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import pytest
from bson import ObjectId
from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.accounts.service import AccountService, Registration
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import TokenReason, Unauthenticated, Unavailable
from graphql_auth.mongo.heartbeat import Heartbeat
from graphql_auth.mongo.indexes import IndexMonitor
from graphql_auth.services import DOCUMENTS, ServiceContainer
from graphql_auth.sessions.document import SessionDocument
from graphql_auth.sessions.refresh_tokens import RefreshToken
from graphql_auth.sessions.repository import RefreshTokenDigests, SessionRepository
from graphql_auth.sessions.tokens import Tokens
from graphql_auth.tokens.access_tokens import AccessTokens, Principal
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository
from tests.services import SETTINGS, Clock, NewServices, pass_time

pytestmark = pytest.mark.anyio

Database = AsyncDatabase[dict[str, Any]]

HERE = ClientInfo("192.0.2.1", "a test")
GRACE = SETTINGS.refresh_grace.total_seconds()
DAY = 24 * 3600


@pytest.fixture
async def user(service: AccountService) -> UserDocument:
    ada = Registration("Ada", "Lovelace", "ada@example.com", "correct horse")
    account = (await service.register(ada, HERE)).account
    user = await UserRepository(IndexMonitor(DOCUMENTS)).with_id(account.id)
    assert user is not None
    return user


@pytest.fixture
async def tokens(services: ServiceContainer, user: UserDocument) -> Tokens:
    return await services.sessions.start(user, HERE)


def parse(text: str) -> RefreshToken:
    token = RefreshToken.parse(text)
    assert token is not None
    return token


async def refreshed(services: ServiceContainer, token: str) -> Tokens:
    return (await services.rotation.refresh(token, HERE))[1]


async def end_all(services: ServiceContainer, user: UserDocument) -> None:
    await services.sessions.logout_everywhere(Principal(str(user.id), str(ObjectId())), HERE)


async def refusal(services: ServiceContainer, token: str) -> str:
    with pytest.raises(Unauthenticated) as refused:
        await services.rotation.refresh(token, HERE)
    return refused.value.reason


def lives(services: ServiceContainer, tokens: Tokens) -> bool:
    """Whether the access token works; if not, because its session has ended."""
    try:
        return (
            services.authenticator.authenticate(tokens.access.value).session_id == tokens.session_id
        )
    except Unauthenticated as refused:
        return refused.reason is not TokenReason.TOKEN_REVOKED


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
    stored = await database["sessions"].find_one({"_id": ObjectId(tokens.session_id)})
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
    assert tokens.refresh_until.timestamp() == end

    clock.time = end - 60
    tokens = await refreshed(services, tokens.refresh)
    assert tokens.access.expires_at.timestamp() == end
    clock.time = end
    assert await refusal(services, tokens.refresh) == "TOKEN_EXPIRED"


async def test_idle_ttl_cannot_exceed_session_ttl(
    new_services: NewServices, user: UserDocument, clock: Clock
) -> None:
    services = await new_services(session_idle_ttl=timedelta(days=2), session_ttl=timedelta(days=1))

    begun = await services.sessions.start(user, HERE)

    assert begun.refresh_until.timestamp() == clock.time + DAY


async def test_50_concurrent_logins_start_50_sessions(
    service: AccountService, services: ServiceContainer, user: UserDocument
) -> None:
    answers = await asyncio.gather(
        *(service.login("ada@example.com", "correct horse", HERE) for _ in range(50))
    )

    live = await services.sessions.list_for_user(str(user.id), before=None, limit=100)
    assert len({one.tokens.session_id for one in answers} & {session.id for session in live}) == 50
    assert len(live) == 51
    for one in answers:
        assert lives(services, await refreshed(services, one.tokens.refresh))


def crash(*_: object) -> NoReturn:
    raise ConnectionAbortedError


async def crash_later(*_: object) -> NoReturn:
    crash()


@pytest.mark.parametrize(
    "crashing", [(UserRepository, "with_id", crash_later), (AccessTokens, "issue", crash)]
)
async def test_token_works_after_crash_during_rotation(
    services: ServiceContainer,
    tokens: Tokens,
    crashing: tuple[type, str, object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(*crashing)
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
        successor.authenticator.authenticate(tokens.access.value)


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

    # It may be the session that whoever changes the password is about to keep.
    assert lives(services, tokens)


async def test_shorter_token_ttl_keeps_older_tokens_revoked(
    tokens: Tokens, new_services: NewServices, database: Database
) -> None:
    shorter = await new_services(
        session_idle_ttl=timedelta(minutes=1), token_ttl=timedelta(minutes=1)
    )

    fresh = await refreshed(shorter, tokens.refresh)
    await shorter.rotation.refresh(tokens.refresh, HERE)
    assert fresh.access.expires_at < tokens.access.expires_at
    assert fresh.refresh_until >= tokens.access.expires_at
    await shorter.sessions.end(parse(tokens.refresh).user_id, tokens.session_id)

    stored = await database["sessions"].find_one({"_id": ObjectId(tokens.session_id)})
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


async def test_ended_session_is_refused_at_once(
    services: ServiceContainer, tokens: Tokens, user: UserDocument
) -> None:
    other = await services.sessions.start(user, HERE)
    # Its token is remembered from now on.
    assert lives(services, tokens)

    assert await services.sessions.end(str(user.id), tokens.session_id) is True

    assert not lives(services, tokens)
    assert await refusal(services, tokens.refresh) == "TOKEN_REVOKED"
    assert lives(services, other)
    assert await services.sessions.end(str(user.id), tokens.session_id) is False


async def test_renew_of_ended_session_is_refused(
    services: ServiceContainer, tokens: Tokens, user: UserDocument
) -> None:
    await services.sessions.end(str(user.id), tokens.session_id)

    with pytest.raises(Unauthenticated, check=lambda error: error.reason == "TOKEN_REVOKED"):
        await services.sessions.renew(user, tokens.session_id)


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
    others = [await services.sessions.start(user, HERE) for _ in range(3)]
    user.password_changes += 1
    later = await services.sessions.start(user, HERE)

    await services.sessions.end_others(user, tokens.session_id)
    expected = [True, True, False, False, False]
    assert [lives(services, one) for one in (tokens, later, *others)] == expected

    await end_all(services, user)
    assert not lives(services, tokens)


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
    later = [await services.sessions.start(user, HERE) for _ in range(2)]
    await services.sessions.end(str(user.id), later[0].session_id)

    listed = [
        one.id for one in await services.sessions.list_for_user(str(user.id), before=None, limit=2)
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
        begun.append(await few.sessions.start(user, HERE))
    clock.time += 60
    used = await refreshed(few, begun[0].refresh)
    assert "session_evicted" not in caplog.text

    clock.time += 60
    newest = await few.sessions.start(user, HERE)

    assert [lives(few, one) for one in (used, *begun[1:], newest)] == [True, False, True, True]
    assert caplog.text.count("session_evicted outcome=session_ended") == 1
    assert await refusal(few, begun[1].refresh) == "TOKEN_REVOKED"


async def test_50_concurrent_logins_keep_session_limit(
    few: ServiceContainer, user: UserDocument, database: Database
) -> None:
    begun = await asyncio.gather(*(few.sessions.start(user, HERE) for _ in range(50)))

    assert await database["sessions"].count_documents({"ended_at": None}) == 3
    assert sum(lives(few, one) for one in begun) == 3


async def test_limit_ignores_other_users_and_ended_sessions(
    few: ServiceContainer, user: UserDocument
) -> None:
    other = await UserRepository(IndexMonitor(DOCUMENTS)).add(UserDocument(email="bob@example.com"))
    of_other = [await few.sessions.start(other, HERE) for _ in range(3)]
    for _ in range(3):
        await few.sessions.end(str(user.id), (await few.sessions.start(user, HERE)).session_id)

    mine = [await few.sessions.start(user, HERE) for _ in range(3)]

    assert all(lives(few, one) for one in (*of_other, *mine))


async def test_no_limit_evicts_nothing(new_services: NewServices, user: UserDocument) -> None:
    endless = await new_services(max_sessions_per_user=None)

    begun = [await endless.sessions.start(user, HERE) for _ in range(105)]

    assert all(lives(endless, one) for one in begun)


async def test_eviction_of_thousands_of_sessions(
    services: ServiceContainer, tokens: Tokens, user: UserDocument, database: Database
) -> None:
    stored = await database["sessions"].find_one({"_id": ObjectId(tokens.session_id)})
    assert stored is not None
    await database["sessions"].insert_many(stored | {"_id": ObjectId()} for _ in range(2_500))

    newest = await services.sessions.start(user, HERE)

    assert lives(services, newest)
    assert await database["sessions"].count_documents({"ended_at": None}) == 100
    await end_all(services, user)
    assert await database["sessions"].count_documents({"ended_at": None}) == 0


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
    monkeypatch.setattr(services.rotation, "_heartbeat", outages)
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
        repository: SessionRepository, found: RefreshTokenDigests
    ) -> SessionDocument | None:
        nonlocal tries
        tries += 1
        session = await presented(repository, found)
        return session.model_copy(update={"current": bytes([tries])}) if session else None

    monkeypatch.setattr(SessionRepository, "find_by_token", changed_again)

    with pytest.raises(Unavailable):
        await services.rotation.refresh(tokens.refresh, HERE)
    assert tries < 10


async def test_session_times_are_by_shared_clock(
    services: ServiceContainer, tokens: Tokens, user: UserDocument, clock: Clock
) -> None:
    session = await services.sessions.get(str(user.id), tokens.session_id)

    assert session is not None
    moment = datetime.fromtimestamp(clock.time, UTC)
    assert session.created_at == session.last_used_at == moment
    assert user.created_at == moment


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
        repository: SessionRepository, found: RefreshTokenDigests
    ) -> SessionDocument | None:
        session = await presented(repository, found)
        await end_all(services, user)
        return session

    monkeypatch.setattr(SessionRepository, "find_by_token", overtaken)

    assert await refusal(services, tokens.refresh) == "TOKEN_REVOKED"
    assert "refresh_token_reused" not in caplog.text


async def test_failed_logout_everywhere_can_be_repeated(
    services: ServiceContainer, tokens: Tokens, user: UserDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [await services.sessions.start(user, HERE) for _ in range(3)]
    principal = services.authenticator.authenticate(tokens.access.value)
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
