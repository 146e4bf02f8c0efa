import logging
from typing import Any, NoReturn

import httpx
import pytest

from graphql_auth.errors import ApplicationError, BadInput, FieldError, FieldReason, Unavailable
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

    async def __call__(self, _user_id: str) -> NoReturn:
        raise self.error


async def ask(service: Failing, query: str, **variables: Any) -> httpx.Response:
    endpoint = endpoint_for(service)
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


async def test_unavailable_with_retry_after_is_not_logged(
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
