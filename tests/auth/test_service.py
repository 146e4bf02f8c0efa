import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import bcrypt
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from graphql_auth.auth.hashing import HashQueue
from graphql_auth.auth.passwords import Passwords
from graphql_auth.auth.service import AuthService, Registration
from graphql_auth.auth.tokens import AccessTokens
from graphql_auth.errors import BadInput, EmailTaken, InvalidCredentials, Unauthenticated
from graphql_auth.storage.mongo import connected
from graphql_auth.storage.users import Users

pytestmark = pytest.mark.anyio

Database = AsyncDatabase[dict[str, Any]]


@pytest.fixture
async def service(database_uri: str) -> AsyncIterator[AuthService]:
    queue = HashQueue(threads=2)
    tokens = AccessTokens("k" * 32, timedelta(hours=1))
    async with connected(database_uri):
        yield AuthService(Users(), Passwords(4), queue, tokens)
    queue.close()


def ada(email: str = "ada@example.com", password: str = "correct horse") -> Registration:
    return Registration(" Ada ", " Lovelace ", email, password)


async def test_who_registers_is_signed_in_and_can_log_in(service: AuthService) -> None:
    registered = await service.register(ada(" Ada@Example.COM "))
    logged_in = await service.login("ADA@EXAMPLE.com", "correct horse")

    assert registered.account == logged_in.account
    assert registered.account.email == "ada@example.com"
    assert (registered.account.first_name, registered.account.last_name) == ("Ada", "Lovelace")
    for signed_in in (registered, logged_in):
        principal = service.authenticate(signed_in.token.value)
        assert principal.subject == registered.account.id
        assert await service.account(principal) == registered.account


@pytest.mark.parametrize(
    ("registered", "again"),
    [
        ("ada@example.com", "ADA@example.com"),
        ("jos\u00e9@example.com", "jose\u0301@example.com"),
        ("ada@b\u00fccher.example.com", "ada@xn--bcher-kva.example.com"),
    ],
)
async def test_every_form_of_an_address_is_one_account(
    service: AuthService, registered: str, again: str
) -> None:
    first = await service.register(ada(registered))

    with pytest.raises(EmailTaken):
        await service.register(ada(again))
    assert (await service.login(again, "correct horse")).account == first.account


async def test_fifty_at_once_for_one_address_make_one_user(
    service: AuthService, database: Database
) -> None:
    outcomes = await asyncio.gather(
        *(service.register(ada()) for _ in range(50)), return_exceptions=True
    )

    assert sum(isinstance(outcome, EmailTaken) for outcome in outcomes) == 49
    assert await database["users"].count_documents({}) == 1


async def test_an_unknown_address_and_a_wrong_password_are_the_same(service: AuthService) -> None:
    await service.register(ada())

    for email, password in (("ada@example.com", "wrong"), ("bob@example.com", "correct horse")):
        with pytest.raises(InvalidCredentials) as refused:
            await service.login(email, password)
        assert refused.value.args == ()


async def test_a_password_counts_to_the_last_space(service: AuthService) -> None:
    await service.register(ada(password=" correct horse "))

    with pytest.raises(InvalidCredentials):
        await service.login("ada@example.com", "correct horse")
    await service.login("ada@example.com", " correct horse ")


async def test_login_needs_both_fields(service: AuthService) -> None:
    with pytest.raises(BadInput) as refused:
        await service.login(" ", "")

    assert [fault.field for fault in refused.value.faults] == ["email", "password"]


async def test_a_user_of_the_original_logs_in_and_the_hash_is_upgraded_then(
    service: AuthService, database: Database
) -> None:
    old = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4, b"2a")).decode()
    await database["users"].insert_one(
        {"first_name": None, "email": "ada@example.com", "password": old, "__v": 0, "token": "x"}
    )

    with pytest.raises(InvalidCredentials):
        await service.login("ada@example.com", "wrong")
    signed_in = await service.login("Ada@example.com", "correct horse")

    document = await database["users"].find_one({"email": "ada@example.com"})
    assert document is not None
    assert document["password"].startswith("$bcrypt-sha256$")
    assert (document["__v"], document["token"]) == (0, "x")
    assert (signed_in.account.first_name, signed_in.account.last_name) == ("", "")
    await service.login("ada@example.com", "correct horse")
    assert await database["users"].find_one({"email": "ada@example.com"}) == document


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("admin", "Admin"),
        ("jose\u0301@example.com", "jos\u00e9@example.com"),
        ("ada@xn--bcher-kva.example.com", "ada@B\u00fccher.example.com"),
    ],
)
async def test_an_address_that_only_the_original_stored_in_its_form_is_found(
    service: AuthService, database: Database, stored: str, typed: str
) -> None:
    old = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)).decode()
    await database["users"].insert_one({"email": stored, "password": old})

    assert (await service.login(typed, "correct horse")).account.email == stored
    if "@" in typed:
        with pytest.raises(EmailTaken):
            await service.register(ada(typed))


@pytest.mark.parametrize("stored", [None, 7, "", "plaintext", "$2a$10$cut", "$2b$31$" + "." * 53])
async def test_a_malformed_stored_hash_lets_nobody_in(
    service: AuthService, database: Database, stored: object
) -> None:
    await database["users"].insert_one({"email": "ada@example.com", "password": stored})

    with pytest.raises(InvalidCredentials):
        await service.login("ada@example.com", "plaintext")


async def test_an_account_that_is_gone_is_nobody(service: AuthService, database: Database) -> None:
    signed_in = await service.register(ada())
    await database["users"].delete_many({})

    assert await service.account(service.authenticate(signed_in.token.value)) is None


async def test_a_token_of_another_server_speaks_for_nobody(service: AuthService) -> None:
    stranger = AccessTokens("K" * 32, timedelta(hours=1)).issue("65f000000000000000000001")

    with pytest.raises(Unauthenticated):
        service.authenticate(stranger.value)


def test_a_typed_password_shows_in_no_repr() -> None:
    assert "hunter2" not in repr(ada(password="hunter2"))
