import dataclasses

import pytest

from graphql_auth.api.http import Policy
from graphql_auth.api.limits import Limits
from graphql_auth.app import create_app
from graphql_auth.settings import LIMITS, Settings
from tests.client import WELCOME, Client, code, extensions
from tests.conftest import Start
from tests.process import ServerProcess


@pytest.fixture(scope="module")
def strict(start_shared: Start) -> ServerProcess:
    """A server with every setting of the edge at an extreme."""
    return start_shared(
        TOKEN_SOURCES="query,body",
        INTROSPECTION="off",
        MAX_BODY_SIZE="2000",
        **dict.fromkeys(LIMITS, "1") | {"MAX_QUERY_TOKENS": "50", "MAX_QUERY_VARIABLES": "100"},
    )


def test_an_application_needs_a_database_and_a_key() -> None:
    with pytest.raises(ValueError, match="MONGO_URI and TOKEN_KEY"):
        create_app(Settings(mongo_uri=None, token_key=None))


PASSING = {
    "tokens": "{ viewer { " + "id " * 50 + "} }",
    "directives": "{ welcome @skip(if: true) @include(if: true) }",
    "depth": "{ viewer { id } }",
    "rootFields": "{ welcome viewer }",
}


def test_the_defaults_of_the_settings_are_those_of_the_parts() -> None:
    settings, limits, policy = Settings(), Limits(), Policy()

    for field in dataclasses.fields(Limits):
        assert getattr(settings, f"max_query_{field.name}") == getattr(limits, field.name)
    assert settings.token_sources == policy.token_sources
    assert settings.introspection == policy.introspection
    assert settings.max_body_size == policy.longest_body
    assert settings.request_read_timeout.total_seconds() == policy.seconds_to_read
    assert settings.request_timeout.total_seconds() == policy.seconds_to_answer
    assert settings.max_concurrent_requests == policy.concurrent


def test_every_setting_of_the_edge_has_its_effect(strict: ServerProcess) -> None:
    with Client(strict.url) as client:
        assert client.ask("{ __schema { description } }")["errors"]
        hinted = client.ask("{ welcom }")["errors"][0]["message"]
        assert "Did you mean" not in hinted

        long_body = client.http.post(client.url, json={"query": "{ welcome }", "x": "x" * 2000})
        assert long_body.status_code == 413

        assert code(client.ask(WELCOME, token="garbled")) == "UNAUTHENTICATED"
        assert extensions(client.ask(WELCOME, token="x"))["reason"] == "TOKEN_MISSING"
        by_query = client.http.post(
            client.url, params={"token": "x"}, json={"query": WELCOME, "token": "x"}
        )
        assert extensions(by_query.json())["reason"] == "TOKEN_INVALID"


@pytest.mark.parametrize("limit", PASSING)
def test_a_limit_that_is_set_is_the_one_that_is_told(strict: ServerProcess, limit: str) -> None:
    with Client(strict.url) as client:
        told = extensions(client.ask(PASSING[limit]))

    assert told["code"] == "QUERY_TOO_COMPLEX"
    assert told["limit"] == limit
    assert told["allowed"] == (50 if limit == "tokens" else 1)
