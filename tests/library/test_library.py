import asyncio
from collections.abc import Callable
from datetime import date
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from graphql_auth import (
    ApplicationError,
    GraphQLAuth,
    Query,
    Schema,
    Settings,
)
from graphql_auth.errors import StartError
from graphql_auth.graphql_http.limits import Limits
from tests.client import code, extensions, registration
from tests.library import shop
from tests.library.caller import REGISTER, Database, running
from tests.mail.app import MailMutation
from tests.mail.mailbox import Mailbox

pytestmark = pytest.mark.anyio


async def test_fields_of_an_application_are_beside_ours(settings: Settings) -> None:
    async with running(shop.create_auth(settings=settings)) as caller:
        token = await caller.register()
        ordered = await caller.ask('mutation { order(text: "tea") }', token)
        mine = await caller.ask("{ viewer { nickname email orders } greeting welcome }", token)
        anonymous = await caller.ask("{ greeting }")

    assert ordered == {"data": {"order": 1}}
    assert mine["data"]["viewer"] | {"email": ""} == {
        "nickname": "ada",
        "email": "",
        "orders": ["tea"],
    }
    assert mine["data"]["greeting"] == "en ada"
    assert extensions(anonymous)["reason"] == "TOKEN_MISSING"


async def test_user_who_was_deleted_meanwhile_has_no_account(
    settings: Settings, database: Database
) -> None:
    async with running(shop.create_auth(settings=settings)) as caller:
        token = await caller.register()
        await database["users"].delete_many({})
        answer = await caller.ask("{ greeting }", token)

    assert extensions(answer)["reason"] == "TOKEN_REVOKED"


async def test_error_of_an_application_keeps_its_code(settings: Settings) -> None:
    async with running(shop.create_auth(settings=settings)) as caller:
        refused = await caller.ask(REGISTER, i=registration(nickname="admin"))

    assert extensions(refused) == {"code": "NAME_RESERVED", "most": 2}


async def test_limits_hold_for_fields_of_an_application(settings: Settings) -> None:
    async with running(shop.create_auth(settings=settings, limits=Limits(aliases=1))) as caller:
        refused = await caller.ask("{ a: welcome b: welcome }")

    assert extensions(refused) == {"code": "QUERY_TOO_COMPLEX", "limit": "aliases", "allowed": 1}


async def test_extensions_of_strawberry_run(settings: Settings) -> None:
    auth = shop.create_auth(settings=settings, extensions=[shop.Counting])
    async with running(auth) as caller:
        first = await caller.ask("{ __typename }")
        invalid = await caller.ask("{ nothing }")
        denied = await caller.ask("{ welcome }")

    assert first == {"data": {"__typename": "Query"}, "extensions": {"operations": 1}}
    assert code(invalid) == "GRAPHQL_VALIDATION_FAILED"
    assert extensions(denied)["reason"] == "TOKEN_MISSING"
    assert denied["extensions"] == {"operations": 2}


async def test_second_event_loop_in_a_process_is_refused(settings: Settings) -> None:
    auth = GraphQLAuth(settings=settings)

    async def start() -> None:
        async with auth.lifespan():
            """It stops again."""

    async with running(auth) as caller:
        with pytest.raises(StartError, match=r"^MONGO_URI: .* share .* event loop\.$"):
            await asyncio.to_thread(asyncio.run, start())
        assert await caller.ask("{ __typename }") == {"data": {"__typename": "Query"}}
    await asyncio.to_thread(asyncio.run, start())


async def test_application_without_other_routes(settings: Settings) -> None:
    auth = GraphQLAuth(settings=settings, path="/api/v1")
    async with running(auth, auth.app(), "/api/v1") as caller:
        assert (await caller.ask("{ __typename }"))["data"] == {"__typename": "Query"}
        home = await caller.http.get("http://test/", headers={"Accept": "text/html"})
        other = await caller.http.get("http://test/graphql")

    assert (home.status_code, home.headers["location"]) == (307, "api/v1")
    assert (other.status_code, code(other.json())) == (404, "BAD_REQUEST")
    assert "/api/v1" in other.json()["errors"][0]["message"]


async def test_application_can_start_again(settings: Settings) -> None:
    auth = shop.create_auth(settings=settings)
    for _ in range(2):
        async with running(auth) as caller:
            assert (await caller.ask("{ __typename }"))["data"] == {"__typename": "Query"}


@pytest.mark.parametrize("is_same", [True, False])
async def test_application_runs_on_when_another_one_of_its_database_ends(
    settings: Settings, *, is_same: bool
) -> None:
    first = shop.create_auth(settings=settings)
    second = first if is_same else GraphQLAuth(settings=settings)
    async with running(first) as caller:
        async with running(second):
            assert (await caller.ask("{ viewer { nickname } }", await caller.register()))["data"]
        token = await caller.register()
        assert await caller.ask('mutation { order(text: "tea") }', token) == {"data": {"order": 1}}


async def test_context_function_gets_the_application_of_the_host(settings: Settings) -> None:
    app = FastAPI()
    app.state.language = "en"
    auth = shop.create_auth(
        lambda request: {"language": request.app.state.language}, settings=settings
    )
    auth.mount(app)
    async with running(auth, app) as caller:
        answer = await caller.ask("{ greeting }", await caller.register())

    assert answer == {"data": {"greeting": "en ada"}}


def refuse(_request: object) -> dict[str, str]:
    raise ApplicationError("Closed.", code="CLOSED", until=date(2026, 12, 1))


async def test_error_of_the_context_function_without_json_has_a_code(settings: Settings) -> None:
    async with running(shop.create_auth(refuse, settings=settings)) as caller:
        answer = await caller.ask("{ greeting }")

    assert code(answer) == "INTERNAL_SERVER_ERROR"


class Later:
    async def __call__(self, _request: object) -> None:
        """Return nothing."""


@pytest.mark.parametrize("create", [Later().__call__, Later()])
def test_context_function_is_not_async(create: Callable[[Request], Any]) -> None:
    with pytest.raises(TypeError, match="not async"):
        GraphQLAuth(context=create)


@pytest.mark.parametrize("path", ["", "/", "graphql", "/graphql/", "//graphql", "/{name}", "/\n"])
def test_path_without_the_form_of_a_path_is_refused(path: str) -> None:
    with pytest.raises(StartError, match=r"^path .* is not of the form /api/graphql"):
        GraphQLAuth(path=path)


def test_error_of_an_application_can_have_a_message_in_its_extensions() -> None:
    assert ApplicationError("No.", code="NO", message="Nein.").extensions == {"message": "Nein."}


async def test_request_without_the_lifespan_says_what_is_missing(settings: Settings) -> None:
    auth = GraphQLAuth(settings=settings)
    app = Starlette(routes=auth.routes)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        with pytest.raises(RuntimeError, match="lifespan"):
            await client.get("http://test/graphql")


def test_schema_is_of_the_class_of_the_application() -> None:
    class WithoutNode(Schema):
        def get_fields(self, type_definition: StrawberryObjectDefinition) -> list[StrawberryField]:
            fields = super().get_fields(type_definition)
            return [field for field in fields if field.python_name != "node"]

    with_it, without = GraphQLAuth(), GraphQLAuth(schema_class=WithoutNode)

    assert with_it.parts.schema.core.query_type
    assert "node" in with_it.parts.schema.core.query_type.fields
    assert without.parts.schema.core.query_type
    assert "node" not in without.parts.schema.core.query_type.fields


def test_query_keeps_the_name_that_clients_know() -> None:
    assert "type Query {" in str(GraphQLAuth(query=shop.ShopQuery).parts.schema)
    assert issubclass(shop.ShopQuery, Query)


async def test_mailer_of_an_application_sends_mail_while_it_runs(settings: Settings) -> None:
    mailbox = Mailbox()
    mail = {"mail_from": "no-reply@example.com", "app_url": "https://app.example.com"}
    settings = Settings.model_validate({**dict(settings), **mail})
    auth = GraphQLAuth(mutation=MailMutation, mailer=mailbox, settings=settings)
    async with running(auth) as caller:
        answer = await caller.ask('mutation { send(template: "email_changed", to: null) }')
        await caller.ask('mutation { send(template: "password_changed", to: "ada@example.com") }')
        async with asyncio.timeout(60):
            while not mailbox.messages:  # noqa: ASYNC110 - nothing sets an event
                await asyncio.sleep(0.01)

    assert answer == {"data": {"send": True}}
    assert [message["To"] for message in mailbox.messages] == ["ada@example.com"]


class Blocking:
    def send(self, message: EmailMessage) -> None:
        """It would send a mail, and the error after it would have the mail sent again."""


@pytest.mark.parametrize("mailer", [Blocking(), object(), print])
def test_mailer_has_an_async_method(mailer: Any) -> None:
    with pytest.raises(TypeError, match=r"async def send\(self, message\)"):
        GraphQLAuth(mailer=mailer)


async def test_application_with_a_mailer_needs_mail_from(settings: Settings) -> None:
    auth = GraphQLAuth(mailer=Mailbox(), settings=settings)

    with pytest.raises(StartError, match="Mail needs MAIL_FROM"):
        async with auth.lifespan():
            pass
