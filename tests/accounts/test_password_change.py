import asyncio

import bcrypt
import pytest

from graphql_auth.accounts.gate import SignedIn
from graphql_auth.errors import BadInput, DatabaseUnavailable, InvalidCredentials, Unauthenticated
from graphql_auth.services import ServiceContainer
from graphql_auth.tokens.access_tokens import Principal
from tests.accounts.signed_in import EMAIL, HERE, PASSWORD, Database

pytestmark = pytest.mark.anyio


async def test_password_change_ends_other_sessions_and_refresh_tokens(
    services: ServiceContainer, ada: SignedIn, principal: Principal
) -> None:
    other = await services.accounts.login(EMAIL, PASSWORD, HERE)

    fresh = await services.password_change.change(principal, PASSWORD, "battery staple", HERE)

    with pytest.raises(Unauthenticated, check=lambda error: error.reason == "TOKEN_REVOKED"):
        services.sessions.authenticate(other.tokens.access.value)
    for old, reason in ((other, "TOKEN_REVOKED"), (ada, "TOKEN_INVALID")):
        with pytest.raises(Unauthenticated) as refused:
            await services.rotation.refresh(old.tokens.refresh, HERE)
        assert refused.value.reason == reason
    assert services.sessions.authenticate(fresh.tokens.access.value) == principal
    user, _ = await services.rotation.refresh(fresh.tokens.refresh, HERE)
    assert user == fresh.user
    with pytest.raises(InvalidCredentials):
        await services.accounts.login(EMAIL, PASSWORD, HERE)
    await services.accounts.login(EMAIL, "battery staple", HERE)


async def test_validator_that_refuses_the_user_is_logged_with_its_collection(
    services: ServiceContainer,
    principal: Principal,
    database: Database,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The start finds no validator that is added later."""
    await database.command("collMod", "users", validator={"tenant": {"$exists": True}})

    with pytest.raises(DatabaseUnavailable):
        await services.password_change.change(principal, PASSWORD, "battery staple", HERE)

    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert line.getMessage() == (
        "MongoDB refuses a command (WriteError, DocumentValidationFailure)"
        f" in {database.name}.users"
    )
    await services.accounts.login(EMAIL, PASSWORD, HERE)


async def test_new_tokens_have_the_roles_of_the_user(
    services: ServiceContainer, ada: SignedIn, principal: Principal, database: Database
) -> None:
    await database["users"].update_one({}, {"$set": {"roles": ["admin"]}})

    fresh = await services.password_change.change(principal, PASSWORD, "battery staple", HERE)

    roles = services.sessions.authenticate(fresh.tokens.access.value).roles
    assert roles == tuple(fresh.user.roles) == ("admin",)
    assert ada.user.roles == []


async def test_user_of_the_original_can_change_the_password(
    services: ServiceContainer, database: Database
) -> None:
    old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4, b"2a")).decode()
    await database["users"].insert_one({"email": EMAIL, "password": old})
    logged_in = await services.accounts.login(EMAIL, PASSWORD, HERE)
    principal = services.sessions.authenticate(logged_in.tokens.access.value)

    await services.password_change.change(principal, PASSWORD, "battery staple", HERE)

    await services.accounts.login(EMAIL, "battery staple", HERE)


async def test_password_change_needs_the_current_password(
    services: ServiceContainer, principal: Principal
) -> None:
    with pytest.raises(InvalidCredentials, match=r"^The current password is wrong\.$"):
        await services.password_change.change(principal, "wrong", "battery staple", HERE)
    with pytest.raises(BadInput) as refused:
        await services.password_change.change(principal, "", " ", HERE)

    assert [fault.field for fault in refused.value.fields] == ["currentPassword", "newPassword"]
    await services.accounts.login(EMAIL, PASSWORD, HERE)


async def test_one_of_several_concurrent_password_changes_wins(
    services: ServiceContainer, principal: Principal
) -> None:
    changes = (
        services.password_change.change(principal, PASSWORD, f"new one {number}", HERE)
        for number in range(5)
    )
    outcomes = await asyncio.gather(*changes, return_exceptions=True)

    assert sum(isinstance(outcome, SignedIn) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, InvalidCredentials) for outcome in outcomes) == 4


async def test_password_of_deleted_user_is_not_changed(
    services: ServiceContainer, principal: Principal, database: Database
) -> None:
    await database["users"].drop()

    with pytest.raises(Unauthenticated):
        await services.password_change.change(principal, PASSWORD, "battery staple", HERE)


@pytest.mark.parametrize("disabled", [True, 1, "yes"])
async def test_user_who_was_disabled_by_hand_gets_no_new_tokens(
    services: ServiceContainer, principal: Principal, database: Database, disabled: object
) -> None:
    await database["users"].update_one({}, {"$set": {"disabled": disabled}})

    with pytest.raises(Unauthenticated, check=lambda error: error.reason == "TOKEN_REVOKED"):
        await services.password_change.change(principal, PASSWORD, "battery staple", HERE)

    user = await database["users"].find_one()
    assert user is not None
    assert user["password_changes"] == 0


async def test_session_that_ended_meanwhile_gets_no_new_tokens(
    services: ServiceContainer, principal: Principal
) -> None:
    await services.sessions.end(principal.subject, principal.session_id)

    with pytest.raises(Unauthenticated, check=lambda error: error.reason == "TOKEN_REVOKED"):
        await services.password_change.change(principal, PASSWORD, "battery staple", HERE)
