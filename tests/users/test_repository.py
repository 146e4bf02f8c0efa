import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import pytest
from bson import ObjectId
from pydantic import BeforeValidator, Field

from graphql_auth.embedded_mongo.data_directory import lock_data_directory
from graphql_auth.embedded_mongo.mongod import run_mongod
from graphql_auth.errors import BadInput, EmailTaken, FieldReason, Unavailable
from graphql_auth.mongo import client as mongo
from graphql_auth.mongo.client import connect
from graphql_auth.mongo.collections import Database
from graphql_auth.mongo.index_monitor import IndexMonitor
from graphql_auth.services import DOCUMENTS
from graphql_auth.users.document import UserDocument
from graphql_auth.users.repository import UserRepository

pytestmark = pytest.mark.anyio

JOSE, JOSE_IN_NFD = "jos\u00e9@example.com", "jose\u0301@example.com"


@pytest.fixture
async def stored(database_uri: str) -> AsyncIterator[Database]:
    async with connect(database_uri, DOCUMENTS) as database:
        yield database


@pytest.fixture
def users(stored: Database) -> UserRepository:  # noqa: ARG001 - it is connected
    return UserRepository(IndexMonitor(DOCUMENTS))


def ada(**changes: str) -> UserDocument:
    return UserDocument(
        **{"first_name": "Ada", "last_name": "L", "email": "ada@example.com", "password": "hash"}
        | changes
    )


@pytest.mark.usefixtures("stored")
async def test_document_is_never_written_as_a_whole() -> None:
    for write in (ada().save, ada().replace):
        with pytest.raises(TypeError, match=r"await user\.set\(\{UserDocument\.field: value\}\)"):
            await write()


async def test_user_is_stored_with_field_names_of_the_original(
    users: UserRepository, stored: Database
) -> None:
    user = await users.add(ada())

    assert await stored["users"].find_one() == {
        "_id": user.id,
        "first_name": "Ada",
        "last_name": "L",
        "email": "ada@example.com",
        "password": "hash",
        "password_changes": 0,
        "disabled": False,
    }


async def test_stored_email_is_taken(users: UserRepository) -> None:
    await users.add(ada())

    with pytest.raises(EmailTaken):
        await users.add(ada(first_name="Bob"))


async def test_first_stored_spelling_finds_the_user(users: UserRepository) -> None:
    assert await users.find_by_email(JOSE) is None

    for spelling in (JOSE_IN_NFD, JOSE):
        await users.add(ada(email=spelling))
        user = await users.find_by_email(JOSE)
        assert user is not None
        assert user.email == spelling


async def test_user_is_found_by_id(users: UserRepository) -> None:
    user = await users.add(ada())

    found = await users.get(str(user.id))
    assert found is not None
    assert found.email == "ada@example.com"
    assert await users.get(str(ObjectId())) is None


async def test_documents_of_the_original_are_read(users: UserRepository, stored: Database) -> None:
    await stored["users"].insert_many(
        [
            {"email": "null", "first_name": None, "password": None, "__v": 0, "token": "eyJ"},
            {"email": "odd", "first_name": 7, "last_name": ["x"], "password": {"a": 1}},
        ]
    )

    for email in ("null", "odd"):
        user = await users.find_by_email(email)
        assert user is not None
        assert (user.first_name, user.last_name, user.password) == ("", "", "")
        assert user.created_at == user.id.generation_time  # type: ignore[union-attr]


async def test_upgraded_hash_changes_no_other_field(
    users: UserRepository, stored: Database
) -> None:
    await stored["users"].insert_one({"email": "a", "password": "old", "__v": 0, "token": "eyJ"})
    user = await users.find_by_email("a")
    assert user is not None

    await users.upgrade_password(user, "new")

    document = await stored["users"].find_one({}, {"_id": 0})
    assert document == {"email": "a", "password": "new", "__v": 0, "token": "eyJ"}


async def test_upgrade_does_not_undo_a_password_change(
    users: UserRepository, stored: Database
) -> None:
    user = await users.add(ada(password="old"))
    await stored["users"].update_one({}, {"$set": {"password": "changed"}})

    await users.upgrade_password(user, "new")

    document = await stored["users"].find_one()
    assert document is not None
    assert document["password"] == "changed"


def test_user_repr_hides_the_hash() -> None:
    assert "hunter2" not in repr(UserDocument.model_construct(password="hunter2"))


async def test_lost_database_is_unavailable_until_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mongo, "COMMAND_TIMEOUT", 0.5)
    # A short path, at which both of them can have their socket.
    with TemporaryDirectory(dir="/tmp") as short, lock_data_directory(Path(short)) as data:
        with run_mongod(data) as mongod:
            mongod.wait_until_ready()
            connection = connect(mongod.uri, DOCUMENTS)
            await connection.__aenter__()
            users = UserRepository(IndexMonitor(DOCUMENTS))
            await users.add(ada())
            os.kill(mongod.process.pid, signal.SIGKILL)
            assert mongod.wait_for_exit()
        for attempt in (
            users.find_by_email("ada@example.com"),
            users.get(str(ObjectId())),
            users.add(ada(email="bob@example.com")),
            users.upgrade_password(ada(), "new"),
        ):
            with pytest.raises(Unavailable):
                await attempt
        with run_mongod(data) as mongod:
            mongod.wait_until_ready()
            assert await users.find_by_email("ada@example.com") is not None
            await connection.__aexit__(None, None, None)


async def test_get_many_is_one_query_and_keeps_the_order(
    users: UserRepository, stored: Database
) -> None:
    ids = [str((await users.add(ada(email=f"{number}@example.com"))).id) for number in range(20)]
    ids.reverse()
    await stored.command("profile", 2)

    found = await users.get_many([*ids, str(ObjectId())])

    assert [str(user.id) for user in found if isinstance(user, UserDocument)] == ids
    assert found[-1] is None
    await stored.command("profile", 0)
    # mongod makes reads of its own, and counts them as it counts ours.
    reads = {"op": "query", "ns": f"{stored.name}.users"}
    assert await stored["system.profile"].count_documents(reads) == 1


async def test_unique_index_of_the_operator_counts_too(
    users: UserRepository, stored: Database
) -> None:
    await stored["users"].create_index(
        "email", name="email_ci", unique=True, collation={"locale": "en", "strength": 2}
    )
    await stored["users"].insert_one({"email": "ADA@example.com"})

    with pytest.raises(EmailTaken):
        await users.add(ada())


async def test_user_is_not_stored_without_the_index(
    users: UserRepository, stored: Database
) -> None:
    await stored.drop_collection("users")

    for _ in range(2):
        with pytest.raises(Unavailable):
            await users.add(ada())

    assert await stored["users"].count_documents({}) == 0


async def test_no_email_can_be_checked_without_the_index(
    users: UserRepository, stored: Database
) -> None:
    await stored["users"].drop_index("email_1")

    with pytest.raises(Unavailable):
        await users.refuse_taken("ada@example.com")


async def test_duplicate_of_another_unique_index_is_no_taken_email(
    users: UserRepository, stored: Database
) -> None:
    await stored["users"].create_index("first_name", unique=True)
    await users.add(ada())

    with pytest.raises(Unavailable):
        await users.add(ada(email="bob@example.com"))


class Member(UserDocument):
    nick_name: str = ""


@pytest.mark.parametrize("nick_name", ["ada", "x"])
async def test_field_of_the_application_that_the_database_refuses_is_bad_input(
    stored: Database, nick_name: str
) -> None:
    schema = {"properties": {"nick_name": {"bsonType": "string", "minLength": 2}}}
    await stored.command("collMod", "users", validator={"$jsonSchema": schema})
    await stored["users"].create_index("nick_name", unique=True)
    users = UserRepository(IndexMonitor(DOCUMENTS), Member)
    await users.add(Member(email="ada@example.com", nick_name="ada"))

    with pytest.raises(BadInput) as refused:
        await users.add(Member(email="bob@example.com", nick_name=nick_name))

    reason = FieldReason.TAKEN if nick_name == "ada" else FieldReason.WRONG_TYPE
    assert [(one.field, one.reason) for one in refused.value.fields] == [("nickName", reason)]


async def test_values_of_other_programs_are_read(users: UserRepository, stored: Database) -> None:
    odd, null = ObjectId(), ObjectId()
    await stored["users"].insert_many(
        [
            {"_id": odd, "email": "odd@example.com", "disabled": "perhaps"},
            {"_id": null, "email": "null@example.com", "disabled": None, "password_changes": None},
        ]
    )
    owner = await users.add(ada())

    found = await users.get_many([str(one) for one in (owner.id, odd, null)])

    read = [one for one in found if isinstance(one, UserDocument)]
    assert [(user.id, user.disabled, user.password_changes) for user in read] == [
        (owner.id, False, 0),
        (odd, True, 0),
        (null, False, 0),
    ]


class Restricted(UserDocument):
    code: str = Field("", max_length=5)
    number: Annotated[int, BeforeValidator(lambda value: value.bit_length())] = 0


@pytest.mark.parametrize("refused", [{"code": "too long"}, {"number": "no number"}])
async def test_user_whom_the_document_refuses_is_no_error_for_others(
    stored: Database, refused: dict[str, str]
) -> None:
    users = UserRepository(IndexMonitor(DOCUMENTS), Restricted)
    broken, whole = ObjectId(), ObjectId()
    await stored["users"].insert_many(
        [
            {"_id": broken, "email": JOSE_IN_NFD, **refused},
            {"_id": whole, "email": JOSE},
            {"email": "bob@example.com", **refused},
        ]
    )

    first, second = await users.get_many([str(broken), str(whole)])
    found = await users.find_by_email(JOSE)

    assert isinstance(first, Exception)
    assert isinstance(second, UserDocument)
    assert found is not None
    assert second.id == found.id == whole
    for attempt in (users.get(str(broken)), users.find_by_email("bob@example.com")):
        with pytest.raises(type(first)):
            await attempt


async def test_email_in_an_array_finds_nobody(users: UserRepository, stored: Database) -> None:
    await stored["users"].insert_one({"email": ["ada@example.com"]})

    assert await users.find_by_email("ada@example.com") is None
