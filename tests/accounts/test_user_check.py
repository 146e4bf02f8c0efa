from contextlib import suppress
from typing import Any

import pytest
from bson import ObjectId
from bson.errors import InvalidDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import WriteError

from graphql_auth.accounts import user_check
from graphql_auth.accounts.user_check import Reason, UnusableUser, UserCheck
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import BadInput, InvalidCredentials
from graphql_auth.passwords.hasher import PasswordHasher
from graphql_auth.services import ServiceContainer
from graphql_auth.users import scan
from graphql_auth.users.document import UserDocument
from graphql_auth.users.scan import UserScan
from tests.accounts.test_foreign_documents import HASH, PASSWORD, VALUES, document

pytestmark = pytest.mark.anyio

Database = AsyncDatabase[dict[str, Any]]
OURS = PasswordHasher(4).hash(PASSWORD)
EMAILS = [
    *("good@example.com", "a+b.c'd@sub.example.co", "plain text", "a b@example.com", "#@!", "~"),
    *("Ada@example.com", "ada@EXAMPLE.com", " b@example.com", "c@example.com\n", "\u00a0d", "\t"),
    # Twins, the first of which is served; and two, of which none is.
    *("twin@example.com", "Twin@example.com", "TWIN@example.com", "Two@x.example", "TWO@x.example"),
    *("jos\u00e9@example.com", "jose\u0301@example.com", "n\u0303@example.com", "JOS\u00c9@x.com"),
    *("u@b\u00fccher.example", "u@xn--bcher-kva.example", "v@xn--bcher-kva.example", "w@xn--a.com"),
    *("v@B\u00dcCHER.example", "x@\uff45xample.com", "\u0130@example.com", "\u00e9e\u0301@x.com"),
    *("vic\u00adtim@example.com", "a@exam\u00adple.com", "a\0b", "a\nb", "z" * 320, "z" * 321, ""),
    *("\u017fam@example.com", "a@example.com.", "xn--a", "A" * 321 + "@example.com"),
]
HASHES = [
    *(OURS, HASH.replace("2b", "2a", 1), HASH.replace("2b", "2y", 1), HASH.replace("2b", "2x", 1)),
    *(f" {HASH}", f"{HASH} ", f"{HASH}\n", f"{{bcrypt}}{HASH}", f"bcrypt${HASH}", HASH[:-1], "x"),
    *(f"{OURS}\n", OURS.replace("v=2", "v=3"), OURS.replace("r=4", "r=31"), PASSWORD, "$2b$04$"),
    *(HASH.replace("$04$", "$17$"), HASH.replace("$04$", "$03$"), HASH.replace("$04$", "$4$")),
]


async def find(database: Database) -> list[UnusableUser]:
    assert database.name
    return [user async for user in UserCheck(UserScan(), PasswordHasher(4)).find()]


async def can_log_in(services: ServiceContainer, user: dict[str, Any]) -> bool:
    try:
        signed_in = await services.accounts.login(
            str(user.get("email")), PASSWORD, ClientInfo(None, None)
        )
    except (BadInput, InvalidCredentials):
        return False
    return bool(signed_in.user.id == user["_id"])


async def test_exactly_those_who_cannot_log_in_are_found(
    services: ServiceContainer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "BATCH", 7)
    users = UserDocument.get_pymongo_collection()
    for number, email in enumerate(EMAILS):
        await users.insert_one(document(email, password=OURS if number % 2 else HASH))
    for number, value in enumerate([*HASHES, *VALUES]):
        await users.insert_one(document(f"hash{number}@example.com", password=value))
    for number, value in enumerate([*VALUES, [True]]):
        await users.insert_one(document(f"disabled{number}@example.com", disabled=value))
        for field in ("email", "_id"):
            other = document(f"id{number}@example.com") | {field: value}
            # MongoDB does not take all of them.
            with suppress(WriteError, InvalidDocument):
                await users.insert_one(other)
    found = {repr(user.id): user for user in await find(database)}

    wrong = []
    async for user in users.find():
        await database["graphql_auth_attempts"].delete_many({})
        if user.get("disabled") is not True:
            is_found = repr(user["_id"]) in found
            if is_found == await can_log_in(services, user):
                wrong.append((user, found.get(repr(user["_id"]))))
    assert wrong == []
    assert len(found) > 100


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"_id": "x"}, Reason.FOREIGN_ID),
        ({"_id": 7}, Reason.FOREIGN_ID),
        ({"email": None}, Reason.NO_EMAIL),
        ({"email": ["ada@example.com"]}, Reason.NO_EMAIL),
        ({"email": "a\nb"}, Reason.INVALID_EMAIL),
        ({"email": " ada@example.com"}, Reason.BLANKS),
        ({"email": "Ada@example.com"}, Reason.UPPER_CASE),
        ({"email": "ada@\uff45xample.com"}, Reason.OTHER_FORM),
        ({"password": None}, Reason.NO_HASH),
        ({"password": "md5"}, Reason.FOREIGN_HASH),
        ({"password": HASH.encode()}, Reason.FOREIGN_HASH),
        ({"disabled": "yes"}, Reason.DISABLED),
    ],
)
@pytest.mark.usefixtures("services")
async def test_reason_is_named(database: Database, changes: dict[str, Any], reason: Reason) -> None:
    await database["users"].insert_one(document() | changes)

    (user,) = await find(database)

    assert user.reasons == [reason]
    is_repairable = reason in {Reason.BLANKS, Reason.UPPER_CASE, Reason.OTHER_FORM}
    assert user.new_email == ("ada@example.com" if is_repairable else None)


@pytest.mark.usefixtures("services")
async def test_all_reasons_of_a_user_are_named(database: Database) -> None:
    await database["users"].insert_many(
        [document(), {"_id": 1, "email": "Ada@example.com", "disabled": "yes"}]
    )

    (user,) = await find(database)

    assert user.reasons == [
        *(Reason.FOREIGN_ID, Reason.UPPER_CASE, Reason.TAKEN, Reason.NO_HASH, Reason.DISABLED)
    ]


@pytest.mark.usefixtures("services")
async def test_users_without_an_email_are_no_duplicates(database: Database) -> None:
    await database["users"].drop_indexes()
    await database["users"].insert_many([document(email) for email in ("", "", " ", " ")])

    assert [user.reasons for user in await find(database)] == [[Reason.NO_EMAIL]] * 4


@pytest.mark.usefixtures("services")
async def test_every_duplicate_is_found_once(database: Database) -> None:
    await database["users"].drop_index("email_1")
    users = [document(), document(password=None), document(), document("bob@example.com")]
    await database["users"].insert_many(users)

    found = await find(database)

    assert sorted(user.id for user in found) == sorted(user["_id"] for user in users[:3])  # type: ignore[type-var]
    assert {tuple(user.reasons) for user in found} == {(Reason.TAKEN,)}


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize(
    "stored",
    [
        ["ada@example.com", "Ada@example.com"],
        ["Ada@example.com", "ADA@example.com"],
        ["ada@example.com ", "Ada@example.com"],
        ["jos\u00e9@example.com", "Jose\u0301@example.com"],
        ["jose\u0301@example.com", "JOS\u00c9@example.com"],
        ["u@xn--bcher-kva.example", "U@b\u00fccher.example"],
    ],
)
async def test_no_email_is_repaired_that_another_user_has(
    database: Database, stored: list[str]
) -> None:
    await database["users"].insert_many(map(document, stored))

    found = await find(database)

    assert found
    for user in found:
        assert user.new_email is None
        assert Reason.TAKEN in user.reasons


@pytest.mark.usefixtures("services")
async def test_start_counts_users_by_their_first_reason(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await database["users"].insert_many(
        [
            document(),
            *(document(str(number), _id=number) for number in range(3)),
            document("Bob@example.com", password=None),
        ]
    )

    await UserCheck(UserScan(), PasswordHasher(4)).log_count()

    (message,) = caplog.messages
    assert message == (
        "users who cannot log in: 4, _id is not an ObjectId: 3, upper case in the e-mail: 1;"
        " to list them: graphql-auth users check"
    )


@pytest.mark.usefixtures("services")
async def test_start_logs_nothing_when_all_users_can_log_in(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await database["users"].insert_one(document(_id=ObjectId()))

    await UserCheck(UserScan(), PasswordHasher(4)).log_count()

    assert caplog.messages == []


@pytest.mark.usefixtures("services")
async def test_count_at_the_start_ends_after_its_time(
    database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_check, "SECONDS_AT_START", 1e-6)
    await database["users"].insert_one(document("Ada@example.com"))

    await UserCheck(UserScan(), PasswordHasher(4)).log_count()

    (message,) = caplog.messages
    assert ", as far as MongoDB answers within 0 s;" in message
