"""Documents of other programs: any value in any field, and never an error of the server."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import bcrypt
import pytest
from bson import (
    Binary,
    Code,
    DatetimeMS,
    Decimal128,
    Int64,
    MaxKey,
    MinKey,
    ObjectId,
    Regex,
    Timestamp,
    decode,
    encode,
)
from bson.errors import InvalidBSON, InvalidDocument
from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import WriteError

from graphql_auth.accounts.validation import Registration
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import EmailTaken, InvalidCredentials
from graphql_auth.services import ServiceContainer

pytestmark = pytest.mark.anyio

HERE = ClientInfo("192.0.2.1", "a test")
Database = AsyncDatabase[dict[str, Any]]
EMAIL = "ada@example.com"
PASSWORD = "correct horse"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
# new Date(8.64e15), as programs in JavaScript write "never".
NEVER = DatetimeMS(8_640_000_000_000_000)
VALUES: list[Any] = [
    *(None, "", " ", "x", "no", "false", "2020-01-01", "\0", "\u202e", "x" * 100_000),
    *(0, 1, -1, 7, 2**31 - 2, 2**31, 2**62, 2**63 - 1, -(2**63), Int64(3)),
    *(0.0, 3.0, 3.5, float("nan"), float("inf"), Decimal128("0"), Decimal128("1e6000")),
    *(True, False, [], [1], [[]], ["x"], [EMAIL], [HASH], [None], {}, {"at": 1}, {"$gt": ""}),
    *(b"", HASH.encode(), Binary(uuid4().bytes, 4), Binary(b"x", 3), Regex("a", "i"), Code("x")),
    *(datetime(2020, 1, 1, tzinfo=UTC), NEVER, DatetimeMS(-(2**62)), Timestamp(1, 1)),
    *(ObjectId(), MinKey(), MaxKey(), {"$ref": "users", "$id": 1}),
]
FIELDS = ("password_changes", "first_name", "last_name", "roles", "createdAt", "revision_id")
IS_FALSE: tuple[Any, ...] = (None, "", 0, False, [], {}, b"", "no", "false")


def document(email: str = EMAIL, **changes: object) -> dict[str, Any]:
    names = {"first_name": "Ada", "last_name": "L", "__v": 0}
    return names | {"email": email, "password": HASH} | changes


async def log_in(services: ServiceContainer, email: str = EMAIL, password: str = PASSWORD) -> bool:
    try:
        signed_in = await services.accounts.login(email, password, HERE)
    except InvalidCredentials:
        return False
    assert signed_in.user.email == email
    return True


async def use(services: ServiceContainer, email: str, password: str) -> str:
    """Do everything that a signed-in user can do; return the new password."""
    signed_in = await services.accounts.login(email, password, HERE)
    principal = services.sessions.authenticate(signed_in.tokens.access.value)
    user = await services.rotation.load_user(principal.subject)
    assert user
    assert user.email == email
    refreshed, tokens = await services.rotation.refresh(signed_in.tokens.refresh, HERE)
    assert refreshed == user
    principal = services.sessions.authenticate(tokens.access.value)
    new = f"{password} staple"
    changed = await services.password_change.change(principal, password, new, HERE)
    assert await services.rotation.load_user(principal.subject) == changed.user
    return new


async def test_values_of_another_program_are_no_error(
    services: ServiceContainer, database: Database
) -> None:
    emails = [f"{number}@example.com" for number in range(len(VALUES))]
    await database["users"].insert_many(
        [
            document(email, **dict.fromkeys(FIELDS, value))
            for email, value in zip(emails, VALUES, strict=True)
        ]
    )

    for email in emails:
        new = await use(services, email, PASSWORD)
        assert await log_in(services, email, new)


async def test_any_value_but_those_for_false_disables(
    services: ServiceContainer, database: Database
) -> None:
    for number, value in enumerate(VALUES):
        email = f"{number}@example.com"
        await database["users"].insert_one(document(email, disabled=value))
        assert await log_in(services, email) == (value in IS_FALSE)


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        (["editor", "admin", "admin"], ["admin", "editor"]),
        (["r" * 64, "r" * 65, "", "Admin", "\u00e9diteur", "a b", "admin\n"], ["r" * 64]),
        ([f"r{number:04}" for number in range(10_000)], [f"r{number:04}" for number in range(32)]),
        (["admin", 7], []),
        (["admin", None], []),
        ([["admin"]], []),
        ("admin", []),
        ({"0": "admin"}, []),
        ([ObjectId()], []),
    ],
)
async def test_roles_are_those_of_a_list_of_texts_which_tokens_can_name(
    services: ServiceContainer, database: Database, stored: object, read: list[str]
) -> None:
    await database["users"].insert_one(document(roles=stored))

    signed_in = await services.accounts.login(EMAIL, PASSWORD, HERE)

    assert signed_in.user.roles == read
    principal = services.sessions.authenticate(signed_in.tokens.access.value)
    assert principal.roles == tuple(read)


async def test_user_with_another_id_than_an_object_id_is_not_served(
    services: ServiceContainer, database: Database
) -> None:
    number = 0
    for value in VALUES:
        email = f"{number}@example.com"
        try:
            await database["users"].insert_one(document(email, _id=value))
        except (WriteError, InvalidDocument):
            # MongoDB takes no array, no expression and no number twice.
            continue
        number += 1
        assert await log_in(services, email) == isinstance(value, ObjectId)
        with pytest.raises(EmailTaken):
            await services.accounts.register(Registration("B", "B", email, "battery staple"), HERE)
        await database["graphql_auth_attempts"].delete_many({})
    assert number > 30


async def test_text_with_the_digits_of_an_id_is_not_that_id(
    services: ServiceContainer, database: Database
) -> None:
    """Its tokens would be those of the other user."""
    victim = ObjectId()
    await database["users"].insert_many(
        [document("victim@example.com", _id=victim), document(_id=str(victim))]
    )

    assert not await log_in(services)
    assert await log_in(services, "victim@example.com")


async def test_user_without_hash_is_unknown(services: ServiceContainer, database: Database) -> None:
    await database["users"].insert_many(
        [document(f"{number}@example.com", password=value) for number, value in enumerate(VALUES)]
    )

    for number in range(len(VALUES)):
        assert not await log_in(services, f"{number}@example.com")


async def test_user_without_e_mail_is_unknown(
    services: ServiceContainer, database: Database
) -> None:
    for value in VALUES:
        await database["users"].delete_many({})
        await database["users"].insert_one(document(email=value))
        assert not await log_in(services)
        await database["graphql_auth_attempts"].delete_many({})


@pytest.mark.parametrize("field", ["first_name", "password", "email", "other"])
async def test_invalid_utf_8_is_no_error(
    services: ServiceContainer, database: Database, field: str
) -> None:
    values = {"_id": ObjectId(), **document(), field: "\u00e9\u00e9"}
    invalid = encode(values).replace("\u00e9\u00e9".encode(), b"\xff" * 4)
    with pytest.raises(InvalidBSON):
        decode(invalid)
    await database["users"].insert_one(RawBSONDocument(invalid))

    assert await log_in(services) == (field in {"first_name", "other"})


async def test_user_whom_a_validator_refuses_logs_in(
    services: ServiceContainer, database: Database
) -> None:
    """A validator that was added later refuses each update of an older document."""
    await database["users"].insert_one(document(first_name=None))
    rule = {"first_name": {"$type": "string"}}
    await database.command("collMod", "users", validator=rule)

    assert await log_in(services)

    user = await database["users"].find_one()
    assert user
    assert user["password"] == HASH
