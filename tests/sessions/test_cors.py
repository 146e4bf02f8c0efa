import pytest

from tests.client import WELCOME, Client, code
from tests.conftest import Start
from tests.process import ServerProcess

FRONTEND = "http://localhost:5173"


@pytest.fixture(scope="module")
def open_server(start_shared: Start) -> ServerProcess:
    return start_shared(ALLOWED_ORIGINS=FRONTEND)


def preflight(
    client: Client, origin: str, method: str = "POST", headers: str = "authorization,content-type"
) -> dict[str, str]:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
        "Access-Control-Request-Private-Network": "true",
    }
    response = client.http.options(client.url, headers=asked)
    # Browsers report another status, and not which header is missing.
    assert response.status_code == (200 if "vary" in response.headers else 405)
    return dict(response.headers)


def test_allowed_origin_may_send_credentials(open_server: ServerProcess) -> None:
    with Client(open_server.url) as client:
        allowed = preflight(client, FRONTEND)
        answer = client.http.post(
            client.url, json={"query": WELCOME}, headers={"Origin": FRONTEND}
        ).headers

    assert allowed["access-control-allow-origin"] == FRONTEND
    assert allowed["access-control-allow-credentials"] == "true"
    assert allowed["access-control-max-age"] == "3600"
    assert "authorization" in allowed["access-control-allow-headers"].lower()
    assert answer["access-control-allow-origin"] == FRONTEND
    assert "origin" in answer["vary"].lower()


@pytest.mark.parametrize(
    "headers",
    [
        *("content-type", "authorization,x-access-token", "baggage,content-type,sentry-trace"),
        *("apollographql-client-name,apollographql-client-version", "traceparent,tracestate"),
        *("x-apollo-operation-name,apollo-require-preflight", "x-something-else"),
    ],
)
def test_allowed_origin_may_send_any_header(open_server: ServerProcess, headers: str) -> None:
    with Client(open_server.url) as client:
        allowed = preflight(client, FRONTEND, headers=headers)

    assert allowed["access-control-allow-headers"] == headers
    assert allowed["access-control-allow-private-network"] == "true"


def test_preflight_of_another_method_names_allowed_ones(open_server: ServerProcess) -> None:
    with Client(open_server.url) as client:
        refused = preflight(client, FRONTEND, "PUT")

    assert refused["access-control-allow-origin"] == FRONTEND
    assert refused["access-control-allow-methods"] == "GET, POST"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", f"{FRONTEND}.evil.example", "http://localhost:5174"]
)
def test_other_origin_is_not_allowed(open_server: ServerProcess, origin: str) -> None:
    with Client(open_server.url) as client:
        refused = preflight(client, origin)
        answer = client.http.post(
            client.url, json={"query": WELCOME}, headers={"Origin": origin}
        ).headers

    for headers in (refused, answer):
        assert "access-control-allow-origin" not in headers
        assert "origin" in headers["vary"].lower()


def test_request_without_origin_is_answered(open_server: ServerProcess) -> None:
    with Client(open_server.url) as client:
        answer = client.http.post(client.url, json={"query": WELCOME})

    assert code(answer.json()) == "UNAUTHENTICATED"
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "Origin"


def test_no_origin_is_allowed_by_default(client: Client) -> None:
    headers = preflight(client, FRONTEND)

    assert not [name for name in headers if name.startswith("access-control")]
