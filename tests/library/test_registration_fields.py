"""The fields that an application adds to the input of a registration."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import strawberry
from beanie import DecimalAnnotation
from pydantic import BaseModel, Field

from graphql_auth import AuthPayload, GraphQLAuth, Info, Mutation, RegisterInput, UserDocument
from graphql_auth.settings import Settings
from tests.client import code, extensions, reasons, registration
from tests.library.caller import Caller, Database, running

pytestmark = pytest.mark.anyio

REGISTER = "mutation($i: FieldsInput!) { register(input: $i) { token } }"


class Address(BaseModel):
    street: str = Field("", max_length=50)
    flat: str = "1"


class Fields(UserDocument):
    nick_name: str = "nobody"
    motto: str | None = Field(None, min_length=2, max_length=5)
    note: str | None = None
    born: date | None = None
    last_seen: datetime | None = None
    wage: DecimalAnnotation = Decimal(1)
    address: Address = Address()
    addresses: list[Address] = Field([])


@strawberry.input
class AddressInput:
    street: str
    flat: str | None = strawberry.UNSET


@strawberry.input
class FieldsInput(RegisterInput):
    nick_name: str | None = strawberry.UNSET
    motto: str | None = strawberry.UNSET
    note: str | None = strawberry.UNSET
    born: date | None = strawberry.UNSET
    last_seen: datetime | None = strawberry.UNSET
    wage: Decimal | None = strawberry.UNSET
    address: AddressInput | None = strawberry.UNSET
    addresses: list[AddressInput] | None = strawberry.UNSET
    captcha: str | None = strawberry.UNSET


@strawberry.type
class FieldsMutation(Mutation):
    @strawberry.mutation
    async def register(self, info: Info, input: FieldsInput) -> AuthPayload:  # noqa: A002
        payload: AuthPayload = await Mutation.register(self, info, input)
        return payload


@pytest.fixture
async def caller(settings: Settings) -> AsyncIterator[Caller]:
    auth = GraphQLAuth(mutation=FieldsMutation, user_document=Fields, settings=settings)
    async with running(auth) as caller:
        yield caller


async def register(caller: Caller, **fields: Any) -> dict[str, Any]:
    # json.dumps escapes a lone surrogate, which httpx itself could not send.
    body = json.dumps({"query": REGISTER, "variables": {"i": registration(**fields)}})
    headers = {"Content-Type": "application/json"}
    answer = await caller.http.post(caller.path, content=body, headers=headers)
    return dict(answer.json())


@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        ({}, {}),
        ({"captcha": "\ud800"}, {}),
        ({"note": None}, {}),
        (
            {"nickName": "ada", "born": "1815-12-10", "lastSeen": "1852-11-27T00:00:00Z"},
            {
                "nick_name": "ada",
                "born": date(1815, 12, 10),
                "last_seen": datetime(1852, 11, 27, tzinfo=UTC),
            },
        ),
        (
            {
                "address": {"street": "St James's Square"},
                "addresses": [{"street": "A", "flat": "2"}, {"street": "B"}],
            },
            {
                "address": Address(street="St James's Square"),
                "addresses": [Address(street="A", flat="2"), Address(street="B")],
            },
        ),
    ],
)
async def test_field_is_stored_or_has_its_default(
    caller: Caller, fields: dict[str, Any], stored: dict[str, Any]
) -> None:
    answer = await register(caller, **fields)
    user = await Fields.find_one()

    assert "errors" not in answer
    assert user
    defaults = Fields.model_construct()
    expected = {name: getattr(defaults, name) for name in FIELDS} | stored
    assert {name: getattr(user, name) for name in FIELDS} == expected


FIELDS = Fields.model_fields.keys() - UserDocument.model_fields.keys()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nickName", None),
        ("nickName", "secret\ud800"),
        ("addresses", [{"street": "secret"}, {"street": "secret\udfff"}]),
        ("lastSeen", "0001-01-01T00:00:00+05:00"),
        ("lastSeen", "9999-12-31T23:59:59-05:00"),
        ("wage", "1." + 40 * "1"),
    ],
)
async def test_value_that_cannot_be_stored_is_named(
    caller: Caller, database: Database, field: str, value: object
) -> None:
    answer = await register(caller, note="a note", captcha="\ud800", **{field: value})

    (refused,) = extensions(answer)["fields"]
    assert (refused["field"], refused["reason"]) == (field, "WRONG_TYPE")
    assert "secret" not in str(answer)
    assert await database["users"].count_documents({}) == 0


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("motto", "secret", ("TOO_LONG", "Use at most 5 characters.", 5)),
        ("motto", "s", ("TOO_SHORT", "Use at least 2 characters.", 2)),
        ("address", {"street": 51 * "s"}, ("WRONG_TYPE", "This value is not allowed.", None)),
    ],
)
async def test_length_that_the_document_refuses_is_named(
    caller: Caller, field: str, value: object, error: tuple[object, ...]
) -> None:
    answer = await register(caller, **{field: value})

    (refused,) = extensions(answer)["fields"]
    assert refused["field"] == field
    assert (refused["reason"], refused["message"], refused.get("limit")) == error


async def test_taken_values_cannot_be_listed_without_end(
    settings: Settings, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "graphql_auth.security")
    limited = settings.model_copy(update={"max_failures_per_address": 3})
    auth = GraphQLAuth(mutation=FieldsMutation, user_document=Fields, settings=limited)
    async with running(auth) as caller:
        await database["users"].create_index("nick_name", unique=True)
        first = await register(caller)
        refused = [await register(caller) for _ in range(5)]
        free = await register(caller, nickName="free")

    assert "errors" not in first
    assert [code(answer) for answer in refused] == ["BAD_USER_INPUT"] * 3 + [
        "TOO_MANY_ATTEMPTS"
    ] * 2
    assert reasons(refused[0]) == {"nickName": "TAKEN"}
    # It does not tell whether the next one is taken.
    assert code(free) == "TOO_MANY_ATTEMPTS"
    outcomes = re.findall("register outcome=(\\w+)", caplog.text)
    assert outcomes == ["success"] + ["failure"] * 3 + ["throttled"] * 3
