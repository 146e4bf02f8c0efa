import asyncio
from datetime import UTC, datetime
from typing import Any

import bcrypt
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.accounts.admin import UserAdmin
from graphql_auth.accounts.service import AccountService
from graphql_auth.accounts.validation import Registration
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import (
    BadInput,
    EmailTaken,
    EmailUnconfirmed,
    InvalidCredentials,
    NotAvailable,
)
from graphql_auth.services import ServiceContainer
from graphql_auth.sessions.service import Tokens
from graphql_auth.settings import EmailConfirmation
from graphql_auth.users.document import UserDocument
from tests.services import NewServices

pytestmark = pytest.mark.anyio

HERE = ClientInfo("192.0.2.1", "a test")
LONG_AGO = datetime.fromtimestamp(0, UTC)
Database = AsyncDatabase[dict[str, Any]]


def ada(email: str = "ada@example.com", password: str = "correct horse") -> Registration:
    return Registration(" Ada ", " Lovelace ", email, password)


async def test_registered_user_is_signed_in_and_can_log_in(
    service: AccountService, services: ServiceContainer
) -> None:
    registered = await service.register(ada(" Ada@Example.COM "), HERE)
    logged_in = await service.login("ADA@EXAMPLE.com", "correct horse", HERE)

    assert registered.user == logged_in.user
    assert registered.user.email == "ada@example.com"
    assert (registered.user.first_name, registered.user.last_name) == ("Ada", "Lovelace")
    for signed_in in (registered, logged_in):
        principal = services.sessions.authenticate(signed_in.tokens.access.value)
        assert principal.subject == str(registered.user.id)
        assert await services.rotation.load_user(principal.subject) == registered.user


@pytest.mark.parametrize(
    ("registered", "again"),
    [
        ("ada@example.com", "ADA@example.com"),
        ("jos\u00e9@example.com", "jose\u0301@example.com"),
        ("ada@b\u00fccher.example.com", "ada@xn--bcher-kva.example.com"),
    ],
)
async def test_all_forms_of_an_email_are_one_account(
    service: AccountService, registered: str, again: str
) -> None:
    first = await service.register(ada(registered), HERE)

    with pytest.raises(EmailTaken):
        await service.register(ada(again), HERE)
    assert (await service.login(again, "correct horse", HERE)).user == first.user


async def test_concurrent_registrations_of_one_email_create_one_user(
    service: AccountService, database: Database
) -> None:
    outcomes = await asyncio.gather(
        *(service.register(ada(), HERE) for _ in range(50)), return_exceptions=True
    )

    assert sum(isinstance(outcome, EmailTaken) for outcome in outcomes) == 49
    assert await database["users"].count_documents({}) == 1


async def test_unknown_email_and_wrong_password_are_the_same_error(
    service: AccountService,
) -> None:
    await service.register(ada(), HERE)

    for email, password in (("ada@example.com", "wrong"), ("bob@example.com", "correct horse")):
        with pytest.raises(InvalidCredentials) as refused:
            await service.login(email, password, HERE)
        assert refused.value.extensions == {}


async def test_password_is_not_trimmed(service: AccountService) -> None:
    await service.register(ada(password=" correct horse "), HERE)

    with pytest.raises(InvalidCredentials):
        await service.login("ada@example.com", "correct horse", HERE)
    await service.login("ada@example.com", " correct horse ", HERE)


async def test_login_requires_both_fields(service: AccountService) -> None:
    with pytest.raises(BadInput) as refused:
        await service.login(" ", "", HERE)

    assert [fault.field for fault in refused.value.fields] == ["email", "password"]


async def test_user_of_the_original_logs_in_and_gets_a_new_hash(
    service: AccountService, database: Database
) -> None:
    old = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4, b"2a")).decode()
    await database["users"].insert_one(
        {"first_name": None, "email": "ada@example.com", "password": old, "__v": 0, "token": "x"}
    )

    with pytest.raises(InvalidCredentials):
        await service.login("ada@example.com", "wrong", HERE)
    signed_in = await service.login("Ada@example.com", "correct horse", HERE)

    document = await database["users"].find_one({"email": "ada@example.com"})
    assert document is not None
    assert document["password"].startswith("$bcrypt-sha256$")
    assert (document["__v"], document["token"]) == (0, "x")
    assert (signed_in.user.first_name, signed_in.user.last_name) == ("", "")
    await service.login("ada@example.com", "correct horse", HERE)
    assert await database["users"].find_one({"email": "ada@example.com"}) == document


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("admin", "Admin"),
        ("jose\u0301@example.com", "jos\u00e9@example.com"),
        ("ada@xn--bcher-kva.example.com", "ada@B\u00fccher.example.com"),
    ],
)
async def test_email_in_a_form_of_the_original_is_found(
    service: AccountService, database: Database, stored: str, typed: str
) -> None:
    old = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)).decode()
    await database["users"].insert_one({"email": stored, "password": old})

    assert (await service.login(typed, "correct horse", HERE)).user.email == stored
    if "@" in typed:
        with pytest.raises(EmailTaken):
            await service.register(ada(typed), HERE)


@pytest.mark.parametrize("stored", [None, 7, "", "plaintext", "$2a$10$cut", "$2b$31$" + "." * 53])
async def test_malformed_stored_hash_matches_no_password(
    service: AccountService, database: Database, stored: object
) -> None:
    await database["users"].insert_one({"email": "ada@example.com", "password": stored})

    with pytest.raises(InvalidCredentials):
        await service.login("ada@example.com", "plaintext", HERE)


async def test_deleted_user_is_not_found(
    service: AccountService, services: ServiceContainer, database: Database
) -> None:
    signed_in = await service.register(ada(), HERE)
    await database["users"].delete_many({})

    assert await services.rotation.load_user(str(signed_in.user.id)) is None


async def test_disabled_user_gets_the_error_of_a_wrong_password(
    service: AccountService, database: Database
) -> None:
    await service.register(ada(), HERE)
    await database["users"].update_one({}, {"$set": {"disabled": True}})

    with pytest.raises(InvalidCredentials):
        await service.login("ada@example.com", "correct horse", HERE)

    # There is not even a session that was ended at once, which would take its time.
    assert await database["graphql_auth_sessions"].count_documents({}) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"$set": {"disabled": True}},
        {"$inc": {"password_changes": 1}},
        {"$pull": {"roles": "admin"}},
        None,
    ],
)
async def test_user_who_changes_during_a_login_gets_no_session(
    services: ServiceContainer,
    database: Database,
    change: dict[str, Any] | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    user = (await services.accounts.register(ada(), HERE)).user
    await database["users"].update_one({}, {"$set": {"roles": ["admin", "editor"]}})
    start = services.sessions.begin

    async def overtaken(user: UserDocument, *arguments: Any) -> Tokens:
        await (database["users"].update_one({}, change) if change else database["users"].drop())
        return await start(user, *arguments)

    monkeypatch.setattr(services.sessions, "begin", overtaken)
    caplog.set_level("INFO")
    with pytest.raises(InvalidCredentials):
        await services.accounts.login("ada@example.com", "correct horse", HERE)

    # That of the registration, unless the user is deleted.
    live = await database["graphql_auth_sessions"].count_documents({"ended_at": None})
    assert live == bool(change)
    assert f"login outcome=failure user={user.id}" in caplog.text


async def test_user_who_gets_a_role_during_a_login_has_it_after_a_refresh(
    services: ServiceContainer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await services.accounts.register(ada(), HERE)
    start = services.sessions.begin

    async def overtaken(user: UserDocument, *arguments: Any) -> Tokens:
        await database["users"].update_one({}, {"$set": {"roles": ["admin"]}})
        return await start(user, *arguments)

    monkeypatch.setattr(services.sessions, "begin", overtaken)
    tokens = (await services.accounts.login("ada@example.com", "correct horse", HERE)).tokens
    assert services.sessions.authenticate(tokens.access.value).roles == ()

    _, tokens = await services.rotation.refresh(tokens.refresh, HERE)
    assert services.sessions.authenticate(tokens.access.value).roles == ("admin",)


def test_registration_repr_hides_the_password() -> None:
    assert "hunter2" not in repr(ada(password="hunter2"))


async def test_required_confirmation_without_mail_is_left_to_the_operator(
    new_services: NewServices, admin: UserAdmin
) -> None:
    services = await new_services(email_confirmation=EmailConfirmation.REQUIRED)
    with pytest.raises(EmailUnconfirmed):
        await services.accounts.register(ada(), HERE)

    await admin.confirm(await admin.find("ada@example.com"))

    await services.accounts.login("ada@example.com", "correct horse", HERE)


async def test_flows_that_need_mail_are_not_available_without(
    services: ServiceContainer,
) -> None:
    signed_in = await services.accounts.register(ada(), HERE)
    principal = services.sessions.authenticate(signed_in.tokens.access.value)

    for refused in (
        services.sign_up.request(ada(), HERE),
        services.password_reset.request("ada@example.com", HERE),
        services.email_change.request_confirmation(principal, HERE),
        services.email_change.request_change(principal, "correct horse", "b@c.example", HERE),
        services.sign_in_link.request("ada@example.com", HERE),
    ):
        with pytest.raises(NotAvailable) as error:
            await refused
        assert error.value.extensions == {"setting": "SMTP_URL"}
    assert not services.features.mail
