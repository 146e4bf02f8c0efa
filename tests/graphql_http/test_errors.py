import logging
from datetime import UTC, datetime
from typing import Any, NoReturn

import httpx
import pytest
import strawberry
from graphql import GraphQLError
from starlette.types import ASGIApp
from strawberry.dataloader import DataLoader
from strawberry.permission import BasePermission

from graphql_auth.errors import ApplicationError, BadInput, FieldError, FieldReason, Unavailable
from graphql_auth.graphql_http.endpoint import EndpointConfig, GraphQLEndpoint
from graphql_auth.graphql_http.middleware import SecurityHeadersMiddleware
from graphql_auth.tokens.access_tokens import Principal
from tests.client import LOGIN, VIEWER, WELCOME, extensions
from tests.services import endpoint_for

pytestmark = pytest.mark.anyio

SECRET = "hunter2hunter2"


class Gone(Exception):
    """The cause of an outage, which no other test has: a cause is logged once in ten seconds."""


class Failing:
    """A service in which everything goes wrong in one way."""

    def __init__(self, error: Exception, *, already_at_the_token: bool = False) -> None:
        self.error = error
        self.already_at_the_token = already_at_the_token

    def authenticate(self, _token: str) -> Principal:
        if self.already_at_the_token:
            raise self.error
        return Principal("65f000000000000000000001", "id")

    def check(self, _principal: Principal) -> None:
        """Let everybody pass."""

    async def login(self, *_: object) -> NoReturn:
        raise self.error

    async def load_user(self, _user_id: str) -> NoReturn:
        raise self.error


async def ask(service: Failing, query: str, **variables: Any) -> httpx.Response:
    return await post(endpoint_for(service), query, **variables)


async def post(endpoint: ASGIApp, query: str, **variables: Any) -> httpx.Response:
    transport = httpx.ASGITransport(endpoint)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers={"Authorization": "Bearer x"},
        )


async def test_unexpected_error_is_masked_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = Failing(LookupError(SECRET))

    response = await ask(service, LOGIN, input={"email": "a", "password": SECRET})

    told = extensions(response.json())
    assert len(told["requestId"]) == 16
    assert told["code"] == "INTERNAL_SERVER_ERROR"
    assert SECRET not in response.text
    assert "LookupError" not in response.text
    (record,) = caplog.records
    assert "builtins.LookupError at " in record.getMessage()
    assert SECRET not in caplog.text


async def test_unexpected_error_before_execution_is_masked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    response = await ask(Failing(LookupError(SECRET), already_at_the_token=True), VIEWER)

    assert response.status_code == 500
    told = extensions(response.json())
    assert told["code"] == "INTERNAL_SERVER_ERROR"
    assert len(caplog.records) == 1
    assert SECRET not in caplog.text + response.text


async def test_unavailable_logs_its_cause(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outage = Unavailable()
    outage.__cause__ = Gone(SECRET)

    for _ in range(2):
        response = await ask(Failing(outage), VIEWER)

        told = extensions(response.json())
        assert told.keys() == {"code", "requestId"}
        assert told["code"] == "SERVICE_UNAVAILABLE"
        assert SECRET not in caplog.text + response.text
    assert caplog.text.count(".Gone") == 1


async def test_token_that_cannot_be_checked_stops_only_guarded_fields() -> None:
    unchecked = Failing(Unavailable(), already_at_the_token=True)

    guarded = extensions((await ask(unchecked, WELCOME)).json())
    public = (await ask(unchecked, "{ __typename }")).json()

    assert (guarded["code"], guarded["retryAfter"]) == ("SERVICE_UNAVAILABLE", 1)
    assert public == {"data": {"__typename": "Query"}}


async def test_unavailable_without_a_cause_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)

    response = await ask(Failing(Unavailable(7)), LOGIN, input={"email": "a", "password": "b"})

    told = extensions(response.json())
    assert told["code"] == "SERVICE_UNAVAILABLE"
    assert told["retryAfter"] == 7
    assert "request" not in caplog.text.partition("HTTP Request")[0]


async def test_bad_input_lists_fields_and_limits() -> None:
    missing = FieldError("firstName", FieldReason.REQUIRED, "This field is required.")
    long = FieldError("email", FieldReason.TOO_LONG, "Use at most 320 characters.", 320)

    response = await ask(Failing(BadInput((missing, long))), VIEWER)

    assert extensions(response.json())["fields"] == [
        {"field": "firstName", "reason": "REQUIRED", "message": "This field is required."},
        {
            "field": "email",
            "reason": "TOO_LONG",
            "message": "Use at most 320 characters.",
            "limit": 320,
        },
    ]


async def test_application_error_reaches_the_client() -> None:
    full = ApplicationError("The notebook is full.", code="NOTEBOOK_FULL", most=2)

    (error,) = (await ask(Failing(full), VIEWER)).json()["errors"]

    assert error["message"] == "The notebook is full."
    assert error["extensions"] == {"code": "NOTEBOOK_FULL", "most": 2}


def test_extension_of_application_error_cannot_be_named_code() -> None:
    other: dict[str, Any] = {"code": "OTHER"}

    with pytest.raises(TypeError, match="code"):
        ApplicationError("The notebook is full.", code="NOTEBOOK_FULL", **other)


class IsGuest(BasePermission):
    message = "Only for guests."

    def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:  # noqa: ARG002
        return False


class IsPayer(IsGuest):
    error_extensions = {"code": "PAYMENT_REQUIRED"}  # noqa: RUF012 - as Strawberry has it


@strawberry.interface
class Animal:
    name: str


async def load_nothing(keys: list[int]) -> list[GraphQLError]:
    return [GraphQLError("There is no such page.") for _ in keys]


@strawberry.type
class BookQuery:
    """Fields of an application that fail."""

    @strawberry.field
    def coded(self) -> int | None:
        extensions = {"code": "BOOK_CLOSED", "message": "until", "retryAfter": "tomorrow"}
        raise GraphQLError("The book is closed.", extensions=extensions)

    @strawberry.field
    def located(self) -> int | None:
        raise GraphQLError("Gone.", path=["elsewhere"], extensions={"code": "GONE"})

    @strawberry.field
    def chained(self) -> int | None:
        cause = LookupError(SECRET)
        raise GraphQLError("Gone.", original_error=cause, extensions={"code": "GONE"})

    @strawberry.field
    async def uncoded(self) -> int | None:
        raise GraphQLError("There is no such page.", extensions={"code": None, "page": 7})

    @strawberry.field
    def returned(self) -> int | None:
        return GraphQLError("There is no such page.")  # type: ignore[return-value]

    @strawberry.field
    def loaded(self) -> int | None:
        return DataLoader(load_nothing).load(1)  # type: ignore[return-value]

    @strawberry.field(permission_classes=[IsGuest])  # type: ignore[untyped-decorator]
    def guarded(self) -> int | None:
        return 1

    @strawberry.field(permission_classes=[IsPayer])  # type: ignore[untyped-decorator]
    def paid(self) -> int | None:
        return 1

    @strawberry.field
    def page(self, id: strawberry.relay.GlobalID | None = None, number: int = 1) -> int | None:  # noqa: A002
        raise LookupError(f"{SECRET} {id} {number}")

    @strawberry.field
    def too_large(self) -> int | None:
        return 666_666_666_666_666

    @strawberry.field
    def unknown_type(self) -> Animal | None:
        return 666_666_666_666_666  # type: ignore[return-value]

    @strawberry.field
    def unencodable(self) -> int | None:
        raise ApplicationError("No.", code="NO", at=datetime.now(UTC))

    @strawberry.field
    def infinite(self) -> int | None:
        raise ApplicationError("No.", code="NO", most=float("inf"))


@pytest.fixture
def book() -> ASGIApp:
    schema = strawberry.Schema(BookQuery)._schema  # noqa: SLF001
    endpoint = GraphQLEndpoint(schema, lambda *_: None, EndpointConfig(), None)
    return SecurityHeadersMiddleware(endpoint)


async def test_graphql_error_of_a_resolver_keeps_message_and_extensions(
    book: ASGIApp, caplog: pytest.LogCaptureFixture
) -> None:
    response = await post(book, "{ coded located chained }")

    coded, located, chained = response.json()["errors"]
    assert coded["message"] == "The book is closed."
    assert coded["extensions"] == {
        "code": "BOOK_CLOSED",
        "message": "until",
        "retryAfter": "tomorrow",
    }
    assert coded["path"] == ["coded"]
    assert "Retry-After" not in response.headers
    for error in (located, chained):
        assert (error["message"], error["extensions"]) == ("Gone.", {"code": "GONE"})
    assert response.json()["data"] == {"coded": None, "located": None, "chained": None}
    assert caplog.records == []
    assert SECRET not in response.text


@pytest.mark.parametrize("field", ["uncoded", "returned", "loaded"])
async def test_graphql_error_without_a_code_is_told_and_logged(
    book: ASGIApp, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = await post(book, f"{{ {field} }}")

    (error,) = response.json()["errors"]
    assert error["message"] == "There is no such page."
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert error["extensions"]["requestId"] == response.headers["X-Request-Id"]
    assert error["extensions"].get("page") == (7 if field == "uncoded" else None)
    (record,) = caplog.records
    assert record.getMessage().startswith("failed without a code: graphql.")


async def test_permission_class_of_an_application_forbids(
    book: ASGIApp, caplog: pytest.LogCaptureFixture
) -> None:
    guarded, paid = (await post(book, "{ guarded paid }")).json()["errors"]

    assert guarded["message"] == paid["message"] == "Only for guests."
    assert guarded["extensions"] == {"code": "FORBIDDEN"}
    assert paid["extensions"] == {"code": "PAYMENT_REQUIRED"}
    assert caplog.records == []


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("query ($n: Int = 1) { page(number: $n) }", {"n": None}),
        ('{ page(id: "hunter2hunter2") }', {}),
        ("query ($b: Boolean = true) { coded @skip(if: $b) }", {"b": None}),
    ],
)
async def test_invalid_argument_of_an_application_is_a_validation_error(
    book: ASGIApp, query: str, variables: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    response = await post(book, query, **variables)

    assert extensions(response.json()) == {"code": "GRAPHQL_VALIDATION_FAILED"}
    assert SECRET not in response.text
    assert caplog.records == []


async def test_invalid_global_id_of_a_variable_is_named(book: ASGIApp) -> None:
    query = "query ($id: ID!) { page(id: $id) }"

    (error,) = (await post(book, query, id=SECRET)).json()["errors"]

    assert error["message"] == "Value cannot represent a GlobalID."
    assert error["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}


@pytest.mark.parametrize("field", ["page", "tooLarge", "unknownType { name }"])
async def test_bug_of_a_resolver_is_masked_and_logged(
    book: ASGIApp, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = await post(book, f"{{ {field} }}")

    (error,) = response.json()["errors"]
    assert error["message"] == "Something went wrong on our side."
    assert error["extensions"].keys() == {"code", "requestId"}
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert len(caplog.records) == 1
    for secret in (SECRET, "666"):
        assert secret not in caplog.text + response.text


@pytest.mark.parametrize("field", ["unencodable", "infinite"])
async def test_extension_that_json_cannot_have_is_masked(
    book: ASGIApp, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = await post(book, f"{{ {field} }}")

    assert response.status_code == 500
    assert extensions(response.json())["code"] == "INTERNAL_SERVER_ERROR"
    assert len(caplog.records) == 1
