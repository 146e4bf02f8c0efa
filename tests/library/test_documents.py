from contextlib import AsyncExitStack
from typing import Annotated, Any, ClassVar

import pytest
from beanie import Document, Indexed, init_beanie
from pymongo import ASCENDING, IndexModel

from graphql_auth import (
    GraphQLAuth,
    Settings,
    UserDocument,
)
from graphql_auth.errors import StartError
from tests.client import code, registration
from tests.library import shop
from tests.library.caller import Database, running

pytestmark = pytest.mark.anyio


class OwnSettings(UserDocument):
    badge: str | None = None

    class Settings:
        indexes: ClassVar = [IndexModel([("badge", ASCENDING)], name="badge_1", sparse=True)]


class OwnCollection(UserDocument):
    class Settings:
        name = "members"


@pytest.mark.parametrize(
    ("document", "collection", "indexes"),
    [
        (OwnSettings, "users", {"_id_", "email_1", "badge_1"}),
        (OwnCollection, "members", {"_id_", "email_1"}),
    ],
)
async def test_document_with_other_settings_keeps_the_unique_index(
    settings: Settings,
    database: Database,
    document: type[UserDocument],
    collection: str,
    indexes: set[str],
) -> None:
    async with running(GraphQLAuth(settings=settings, user_document=document)) as caller:
        person = registration()
        answers = [
            await caller.ask(
                "mutation($i: RegisterInput!) { register(input: $i) { token } }", i=person
            )
            for _ in range(2)
        ]
        found = await (await database[collection].list_indexes()).to_list()

    assert code(answers[1]) == "EMAIL_TAKEN"
    assert await database[collection].count_documents({}) == 1
    assert {index["name"] for index in found} == indexes


class Ticket(Document):
    number: Annotated[int, Indexed(unique=True)]
    title: str = ""
    text: str = ""

    class Settings:
        name = "tickets"
        indexes: ClassVar[list[Any]] = [
            IndexModel([("text", "text")]),
            IndexModel("title", unique=True, collation={"locale": "en", "strength": 2}),
        ]


async def test_document_of_an_application_has_all_its_indexes(
    settings: Settings, database: Database
) -> None:
    # The second start finds the indexes of the first.
    for _ in range(2):
        async with running(GraphQLAuth(settings=settings, documents=[Ticket])):
            found = await database["tickets"].index_information()

    assert {name: bool(index.get("unique")) for name, index in found.items()} == {
        "_id_": False,
        "number_1": True,
        "text_text": False,
        "title_1": True,
    }


class Note(Document):
    text: str = ""


class Pinned(Note):
    """An abstract base without Settings, and a document without Settings of its own."""


@pytest.mark.parametrize("documents", [[Note], [Pinned], [Note, Pinned]])
async def test_document_without_settings_is_stored_under_its_name(
    settings: Settings, database: Database, documents: list[type[Document]]
) -> None:
    async with running(GraphQLAuth(settings=settings, documents=documents)):
        for document in documents:
            await document().insert()
            assert await database[document.__name__].count_documents({}) == 1


async def test_index_that_duplicates_prevent_stops_the_start(
    settings: Settings, database: Database
) -> None:
    await database["tickets"].insert_many([{"number": 1}, {"number": 1}])
    with pytest.raises(StartError, match=r"^MongoDB refuses a command on "):
        async with running(GraphQLAuth(settings=settings, documents=[Ticket])):
            raise AssertionError


async def test_application_runs_on_when_another_one_does_not_start(
    settings: Settings, database: Database
) -> None:
    await database["tickets"].insert_many([{"number": 1}, {"number": 1}])
    async with running(shop.create_auth(settings=settings)) as caller:
        with pytest.raises(StartError, match=r"^MongoDB refuses a command on "):
            async with running(GraphQLAuth(settings=settings, documents=[Ticket])):
                raise AssertionError
        assert await caller.register()


async def test_second_database_in_a_process_is_refused(settings: Settings) -> None:
    other = f"{settings.mongo_uri.get_secret_value()}_2" if settings.mongo_uri else ""
    elsewhere = Settings.model_validate(settings.model_dump() | {"mongo_uri": other})
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(running(GraphQLAuth(settings=settings)))
        for other_users in (
            GraphQLAuth(settings=elsewhere),
            GraphQLAuth(settings=settings, user_document=OwnCollection),
        ):
            with pytest.raises(StartError, match=r"^MONGO_URI: .* share a database, .*\.$"):
                await stack.enter_async_context(running(other_users))


class HostDocument(Document):
    text: str


async def test_document_of_the_host_on_another_database_is_not_touched(
    settings: Settings, database: Database
) -> None:
    host = database.client["host"]
    await init_beanie(database=host, document_models=[HostDocument])
    async with running(GraphQLAuth(settings=settings)):
        assert HostDocument.get_pymongo_collection().database.name == "host"
    await database.client.drop_database("host")


def test_second_document_of_users_is_refused() -> None:
    with pytest.raises(StartError, match=r"^documents: only user_document can be"):
        GraphQLAuth(documents=[OwnCollection])


class Special(shop.Order):
    class Settings:
        name = "special_orders"


class Numbered(UserDocument):
    number: int = 1

    class Settings:
        indexes: ClassVar = [IndexModel([("number", ASCENDING)], name="number_1", unique=True)]


async def test_documents_of_an_application_have_a_collection_each(settings: Settings) -> None:
    auth = GraphQLAuth(documents=[shop.Order, Special], settings=settings)
    async with running(auth):
        await Special(user_id="", text="").insert()
        assert await shop.Order.count() == 0


async def test_unique_index_on_numbers_is_not_created_beside_duplicates(
    settings: Settings, database: Database
) -> None:
    await database["users"].insert_many([{"number": 1}, {"number": 1}])
    with pytest.raises(StartError, match=r"have the same number, .* unique: 1 \(2\)\."):
        async with running(GraphQLAuth(user_document=Numbered, settings=settings)):
            pass
