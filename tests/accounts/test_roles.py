"""Roles, and what happens to tokens when they change."""

import asyncio
from contextlib import suppress
from typing import Any

import jwt
import pytest

from graphql_auth.accounts.admin import UserAdmin
from graphql_auth.accounts.gate import SignedIn
from graphql_auth.errors import InvalidCredentials, StartError, Unauthenticated, Unavailable
from graphql_auth.roles import MAX_ROLES
from graphql_auth.services import ServiceContainer
from graphql_auth.sessions.document import SessionDocument
from graphql_auth.sessions.repository import SessionRepository
from graphql_auth.sessions.service import Tokens
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository
from tests.accounts.signed_in import EMAIL, Database, log_in, refresh, refusal

pytestmark = pytest.mark.anyio


def roles_in(services: ServiceContainer, tokens: Tokens) -> tuple[str, ...]:
    return services.sessions.authenticate(tokens.access.value).roles


async def stored_roles(database: Database) -> object:
    user = await database["users"].find_one()
    return user and user.get("roles")


async def test_role_counts_from_the_next_refresh_until_it_is_revoked(
    services: ServiceContainer, admin: UserAdmin, ada: SignedIn
) -> None:
    await admin.grant(await admin.find(EMAIL), "editor")
    await admin.grant(await admin.find(EMAIL), "admin")
    assert roles_in(services, ada.tokens) == ()

    fresh = await refresh(services, ada.tokens)
    assert roles_in(services, fresh) == roles_in(services, await log_in(services))
    assert roles_in(services, fresh) == ("admin", "editor")

    await admin.revoke(await admin.find(EMAIL), "admin")
    assert await refusal(services, fresh) == await refusal(services, ada.tokens) == "TOKEN_REVOKED"
    with pytest.raises(Unauthenticated):
        await refresh(services, fresh)
    assert roles_in(services, await log_in(services)) == ("editor",)


async def test_both_are_idempotent(
    services: ServiceContainer, admin: UserAdmin, ada: SignedIn, database: Database
) -> None:
    assert ada.user.roles == []
    for _ in range(2):
        await admin.grant(await admin.find(EMAIL), "admin")
        assert await stored_roles(database) == ["admin"]
    for _ in range(2):
        tokens = await log_in(services)
        await admin.revoke(await admin.find(EMAIL), "admin")
        assert await stored_roles(database) == []
        assert await refusal(services, tokens) == "TOKEN_REVOKED"


async def test_interrupted_revocation_is_completed_by_the_next(
    services: ServiceContainer,
    admin: UserAdmin,
    ada: SignedIn,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await admin.grant(await admin.find(EMAIL), "admin")
    tokens = await refresh(services, ada.tokens)

    async def crash(*_: object) -> None:
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(SessionRepository, "end_all", crash)
        with pytest.raises(Unavailable):
            await admin.revoke(await admin.find(EMAIL), "admin")
    assert await stored_roles(database) == []
    assert roles_in(services, tokens) == ("admin",)

    await admin.revoke(await admin.find(EMAIL), "admin")
    assert await refusal(services, tokens) == "TOKEN_REVOKED"


async def test_token_of_a_refresh_that_read_the_user_before_the_revocation_is_refused(
    services: ServiceContainer,
    admin: UserAdmin,
    ada: SignedIn,
    users: UserRepository,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await admin.grant(await admin.find(EMAIL), "admin")
    rotate, has_rotated = SessionRepository.rotate, asyncio.Event()

    async def rotate_and_tell(*arguments: Any) -> SessionDocument | None:
        session = await rotate(*arguments)
        has_rotated.set()
        return session

    async def load_slowly(user_id: str) -> UserDocument | None:
        user = await users.get(user_id)
        await has_rotated.wait()
        await admin.revoke(await admin.find(EMAIL), "admin")
        return user

    monkeypatch.setattr(SessionRepository, "rotate", rotate_and_tell)
    monkeypatch.setattr(services.rotation, "load_user", load_slowly)
    tokens = await refresh(services, ada.tokens)

    claims = jwt.decode(tokens.access.value, options={"verify_signature": False})
    assert claims["roles"] == ["admin"]
    assert await refusal(services, tokens) == "TOKEN_REVOKED"


async def test_login_that_read_the_user_before_the_revocation_gets_no_session(
    services: ServiceContainer,
    admin: UserAdmin,
    ada: SignedIn,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await admin.grant(await admin.find(EMAIL), "admin")
    start = services.sessions.begin

    async def overtaken(user: UserDocument, *arguments: Any) -> Tokens:
        await admin.revoke(await admin.find(EMAIL), "admin")
        return await start(user, *arguments)

    monkeypatch.setattr(services.sessions, "begin", overtaken)
    with pytest.raises(InvalidCredentials):
        await log_in(services)

    assert await refusal(services, ada.tokens) == "TOKEN_REVOKED"
    assert await database["graphql_auth_sessions"].count_documents({"ended_at": None}) == 0


async def test_no_token_of_many_refreshes_and_logins_survives_a_revocation(
    services: ServiceContainer, admin: UserAdmin, ada: SignedIn
) -> None:
    await admin.grant(await admin.find(EMAIL), "admin")
    issued: list[Tokens] = []

    async def keep(issuing: Any) -> None:
        with suppress(Unauthenticated, InvalidCredentials):
            issued.append(await issuing)

    async with asyncio.TaskGroup() as tasks:
        for number in range(40):
            tasks.create_task(keep(refresh(services, ada.tokens)))
            tasks.create_task(keep(log_in(services)))
            if number == 20:
                tasks.create_task(admin.revoke(await admin.find(EMAIL), "admin"))

    await services.sessions.revocations.poll()
    for tokens in issued:
        try:
            assert roles_in(services, tokens) == ()
        except Unauthenticated as refused:
            assert refused.reason == "TOKEN_REVOKED"  # noqa: PT017 - either is right


async def test_user_has_at_most_32_roles(
    admin: UserAdmin, ada: SignedIn, database: Database
) -> None:
    assert ada.user.id
    user = await admin.find(EMAIL)
    granted = await asyncio.gather(
        *(admin.grant(user, f"r{number}") for number in range(MAX_ROLES + 8)),
        return_exceptions=True,
    )

    assert sum("cannot get a further role" in str(error) for error in granted) == 8
    stored: Any = await stored_roles(database)
    assert len(stored) == MAX_ROLES
    await admin.grant(await admin.find(EMAIL), stored[0])
    await admin.revoke(await admin.find(EMAIL), stored[0])
    await admin.grant(await admin.find(EMAIL), "one-more")


@pytest.mark.parametrize("foreign", ["admin", None, 7, {"admin": 1}, [7], ["admin", None], [["a"]]])
async def test_field_of_another_program_is_not_changed(
    admin: UserAdmin, ada: SignedIn, database: Database, foreign: object
) -> None:
    assert ada.user.id
    await database["users"].update_one({}, {"$set": {"roles": foreign}})

    with pytest.raises(StartError, match="cannot get a further role"):
        await admin.grant(await admin.find(EMAIL), "editor")
    await admin.revoke(await admin.find(EMAIL), "editor")

    assert await stored_roles(database) == foreign


async def test_other_texts_of_a_list_are_kept(
    admin: UserAdmin, ada: SignedIn, database: Database
) -> None:
    assert ada.user.id
    await database["users"].update_one({}, {"$set": {"roles": ["Site Owner", "admin"]}})

    await admin.grant(await admin.find(EMAIL), "editor")
    await admin.revoke(await admin.find(EMAIL), "admin")

    assert await stored_roles(database) == ["Site Owner", "editor"]


async def test_role_of_a_user_of_the_original_is_added(
    admin: UserAdmin, ada: SignedIn, database: Database
) -> None:
    """Without roles there is no such field, as other programs expect it."""
    user = await database["users"].find_one()
    assert user
    assert "roles" not in user

    await admin.grant(await admin.find(EMAIL), "admin")

    assert await database["users"].find_one() == user | {"roles": ["admin"]}
    assert ada.user.roles == []
