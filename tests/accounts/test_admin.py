"""What an operator does with users, and what is completed after a crash of the command."""

import asyncio
from typing import Any

import pytest

from graphql_auth.accounts.admin import UserAdmin
from graphql_auth.accounts.change_log import ChangeLog
from graphql_auth.accounts.gate import SignedIn
from graphql_auth.errors import (
    ApplicationError,
    EmailTaken,
    InvalidCredentials,
    LinkExpired,
    StartError,
    Unauthenticated,
)
from graphql_auth.services import ServiceContainer
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.tokens.one_time import Purpose
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository
from tests.accounts.overdue import Steps, complete_overdue, crash_at, crashes
from tests.accounts.signed_in import EMAIL, HERE, PASSWORD, Database, log_in, refresh, refusal
from tests.accounts.with_mail.links import NEW_PASSWORD
from tests.services import Clock

pytestmark = pytest.mark.anyio

OVERTAKEN = rf"^{EMAIL} was changed or deleted at the same time, so nothing is done\. "


async def test_deletion_leaves_no_trace(
    services: ServiceContainer, admin: UserAdmin, ada: SignedIn, database: Database
) -> None:
    await services.password_change.links.create(Purpose.RESET_PASSWORD, EMAIL, user_id=ada.user.id)

    await admin.delete(await admin.find(EMAIL))

    for name in await database.list_collection_names():
        for document in await database[name].find().to_list():
            assert str(ada.user.id) not in repr(document)
            assert str(HERE.user_agent) not in repr(document)
    assert await refusal(services, ada.tokens) == "TOKEN_REVOKED"


async def test_user_who_changes_during_a_deletion_is_not_reported_as_deleted(
    admin: UserAdmin, ada: SignedIn, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = UserRepository.delete

    async def overtaken(users: UserRepository, user: UserDocument) -> bool:
        await database["users"].update_one({}, {"$inc": {"password_changes": 1}})
        return await delete(users, user)

    monkeypatch.setattr(UserRepository, "delete", overtaken)
    with pytest.raises(ApplicationError, match=OVERTAKEN):
        await admin.delete(await admin.find(EMAIL))

    assert await database["users"].count_documents({"_id": ada.user.id}) == 1


async def test_confirmation_keeps_its_time(
    services: ServiceContainer, admin: UserAdmin, ada: SignedIn, clock: Clock
) -> None:
    for _ in range(2):
        await admin.confirm(await admin.find(EMAIL.upper()))
        clock.time += 60

    user = await services.rotation.load_user(str(ada.user.id))
    assert user
    assert user.email_confirmed_at
    assert user.email_confirmed_at.timestamp() == clock.time - 120


async def test_reset_link_of_an_operator_sets_a_password(
    services: ServiceContainer, admin: UserAdmin, ada: SignedIn
) -> None:
    token = await admin.create_reset_link(await admin.find(EMAIL.upper()))
    assert token

    signed_in = await services.password_reset.reset(token, "battery staple", HERE)

    assert signed_in.user.id == ada.user.id


async def test_disabled_user_gets_no_link(admin: UserAdmin, ada: SignedIn) -> None:
    await admin.disable(await admin.find(ada.user.email))

    with pytest.raises(StartError, match=r"is disabled, so no link can be used"):
        await admin.create_reset_link(await admin.find(EMAIL))


async def test_confirmation_beside_a_change_of_the_user_is_repeated(
    admin: UserAdmin, ada: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def changed(*_: object, **__: object) -> None:
        """The user has another e-mail since the first read."""

    monkeypatch.setattr(UserRepository, "change", changed)

    with pytest.raises(ApplicationError, match=OVERTAKEN):
        await admin.confirm(await admin.find(ada.user.email))


async def test_password_of_an_operator_ends_sessions_device_tokens_and_links(
    services: ServiceContainer, admin: UserAdmin, ada: SignedIn
) -> None:
    link = await admin.create_reset_link(await admin.find(EMAIL))
    assert link

    await admin.set_password(await admin.find(EMAIL.upper()), NEW_PASSWORD)

    assert await refusal(services, ada.tokens) == "TOKEN_REVOKED"
    with pytest.raises(Unauthenticated):
        await refresh(services, ada.tokens)
    with pytest.raises(InvalidCredentials):
        await log_in(services)
    signed_in = await services.accounts.login(EMAIL, NEW_PASSWORD, HERE)
    assert services.accounts.device_tokens.verify(ada.device_token, signed_in.user) is None
    with pytest.raises(LinkExpired):
        await services.password_reset.reset(link, "a third one", HERE)
    # Nobody has shown that they read the mail.
    assert signed_in.user.email_confirmed_at is None


async def test_password_that_changes_meanwhile_is_kept(
    services: ServiceContainer,
    admin: UserAdmin,
    ada: SignedIn,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change = UserRepository.change

    async def overtaken(users: UserRepository, *arguments: Any, **named: Any) -> Any:
        await database["users"].update_one({}, {"$inc": {"password_changes": 1}})
        return await change(users, *arguments, **named)

    monkeypatch.setattr(UserRepository, "change", overtaken)
    with pytest.raises(ApplicationError, match=OVERTAKEN):
        await admin.set_password(await admin.find(EMAIL), NEW_PASSWORD)

    assert (await services.accounts.login(EMAIL, PASSWORD, HERE)).user.id == ada.user.id
    assert await database["graphql_auth_meta"].count_documents({"user_id": str(ada.user.id)}) == 0


PASSWORD_STEPS: Steps = [
    (ChangeLog, "add"),
    (UserRepository, "change"),
    (SessionRepository, "end_all"),
    (ChangeLog, "remove"),
]
DELETION_STEPS: Steps = [
    (ChangeLog, "add"),
    (UserRepository, "delete"),
    (SessionRepository, "erase"),
    (ChangeLog, "remove"),
]
# Of both, the change itself.
DONE = 2


@pytest.mark.parametrize("crash_point", crashes(PASSWORD_STEPS))
async def test_server_completes_a_password_after_a_crash_of_the_command(
    services: ServiceContainer,
    ada: SignedIn,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    crash_point: tuple[int, bool],
) -> None:
    steps_done = crash_at(monkeypatch, PASSWORD_STEPS, crash_point)
    with pytest.raises(ConnectionAbortedError):
        await services.admin.set_password(await services.admin.find(EMAIL), NEW_PASSWORD)

    await complete_overdue(services, database)

    if steps_done >= DONE:
        assert await refusal(services, ada.tokens) == "TOKEN_REVOKED"
        await services.accounts.login(EMAIL, NEW_PASSWORD, HERE)
    else:
        await refresh(services, ada.tokens)
        await log_in(services)


@pytest.mark.parametrize("crash_point", crashes(DELETION_STEPS))
async def test_server_completes_a_deletion_after_a_crash_of_the_command(
    services: ServiceContainer,
    ada: SignedIn,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    crash_point: tuple[int, bool],
) -> None:
    """The next try of the operator finds no user, and so could not complete it."""
    steps_done = crash_at(monkeypatch, DELETION_STEPS, crash_point)
    with pytest.raises(ConnectionAbortedError):
        await services.admin.delete(await services.admin.find(EMAIL))

    await complete_overdue(services, database)

    if steps_done >= DONE:
        assert await refusal(services, ada.tokens) == "TOKEN_REVOKED"
        for name in await database.list_collection_names():
            for document in await database[name].find().to_list():
                assert str(HERE.user_agent) not in repr(document)
    else:
        # The user is as before.
        await refresh(services, ada.tokens)
        await log_in(services)


async def test_sessions_of_a_user_are_all_listed(
    services: ServiceContainer, admin: UserAdmin, ada: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphql_auth.accounts.admin.BATCH", 2)
    ids = [ada.tokens.session_id, *[(await log_in(services)).session_id for _ in range(4)]]

    listed = [str(session.id) async for session in admin.list_sessions(ada.user)]

    assert sorted(listed) == sorted(ids)
    assert listed == sorted(ids, reverse=True)


async def test_one_of_20_concurrent_creations_succeeds(
    admin: UserAdmin, database: Database
) -> None:
    outcomes = await asyncio.gather(
        *(admin.create(EMAIL, "Ada", f"L{number}", PASSWORD) for number in range(20)),
        return_exceptions=True,
    )

    assert outcomes.count(EMAIL) == 1
    assert sum(isinstance(outcome, EmailTaken) for outcome in outcomes) == 19
    assert await database["users"].count_documents({}) == 1
