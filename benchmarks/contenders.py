"""The servers that are measured: graphql-auth, its peers, and a floor.

Each peer is set up the way its own documentation shows, for production, at equal cost of a hash.
None of them logs requests, as graphql-auth does not.

Run, to see whether each of them does what is measured: .venv/bin/python -m benchmarks.contenders
"""

import json
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt

from benchmarks.peers.contender import Contender, Request
from benchmarks.peers.installation import FASTAPI_USERS, PEERS, install

__all__ = ["CONTENDERS", "Contender", "Request", "install", "token_signed_by"]

WELCOME = "{ welcome }"
LOGIN = "mutation ($input: LoginInput!) { login(input: $input) { token user { id } } }"
REGISTER = "mutation ($input: RegisterInput!) { register(input: $input) { token user { id } } }"
# graphql-auth gives out a refresh token besides.
OUR_LOGIN = LOGIN.replace("token", "token refreshToken")
OUR_REGISTER = REGISTER.replace("token", "token refreshToken")
OUR_REFRESH = (
    "mutation ($input: RefreshTokenInput!)"
    " { refreshToken(input: $input) { token refreshToken user { id } } }"
)
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SECONDS_TO_LIVE = 2 * 3600


def token_signed_by(key: str) -> str:
    """Return an access token for those contenders that give out none themselves."""
    now = int(time.time())
    claims = {"sub": "0" * 24, "iat": now, "exp": now + SECONDS_TO_LIVE}
    return jwt.encode(claims, key, "HS256")


def _graphql(query: str, variables: dict[str, Any], headers: dict[str, str]) -> Request:
    body = {"query": query} | ({"variables": variables} if variables else {})
    return Request("POST", "/graphql", JSON | headers, json.dumps(body))


def _welcome(token: str) -> Request:
    return _graphql(WELCOME, {}, {"Authorization": f"Bearer {token}"})


def _login(email: str, password: str) -> Request:
    return _graphql(LOGIN, {"input": {"email": email, "password": password}}, {})


def _register(email: str, password: str) -> Request:
    return _graphql(REGISTER, {"input": _graphql_user(email, password)}, {})


def _our_login(email: str, password: str) -> Request:
    return _graphql(OUR_LOGIN, {"input": {"email": email, "password": password}}, {})


def _our_register(email: str, password: str) -> Request:
    return _graphql(OUR_REGISTER, {"input": _graphql_user(email, password)}, {})


def _our_refresh(refresh_token: str) -> Request:
    return _graphql(OUR_REFRESH, {"input": {"refreshToken": refresh_token}}, {})


def _graphql_user(email: str, password: str) -> dict[str, str]:
    return {"firstName": "Ada", "lastName": "Lovelace", "email": email, "password": password}


def _payload(answer: Any) -> Any:  # noqa: ANN401 - JSON
    """Return what the one mutation of the document gave."""
    (payload,) = answer["data"].values()
    return payload


def _express_welcome(token: str) -> Request:
    return Request("GET", "/welcome", {"x-access-token": token}, "")


def _express_login(email: str, password: str) -> Request:
    return Request("POST", "/login", JSON, json.dumps({"email": email, "password": password}))


def _express_register(email: str, password: str) -> Request:
    names = {"first_name": "Ada", "last_name": "Lovelace"}
    body = json.dumps(names | {"email": email, "password": password})
    return Request("POST", "/register", JSON, body)


def _fastapi_welcome(token: str) -> Request:
    return Request("GET", "/welcome", {"Authorization": f"Bearer {token}"}, "")


def _fastapi_login(email: str, password: str) -> Request:
    # The form of OAuth 2.0, which calls an e-mail address a user name.
    body = urlencode({"username": email, "password": password})
    return Request("POST", "/auth/jwt/login", FORM, body)


def _fastapi_register(email: str, password: str) -> Request:
    body = json.dumps({"email": email, "password": password})
    return Request("POST", "/auth/register", JSON, body)


def _graphql_auth_serve(workers: int) -> list[str]:
    return [str(Path(sys.executable).parent / "graphql-auth"), "serve", "--workers", str(workers)]


def _node(peer: str, workers: int) -> list[str]:
    # env and sh become what they start, so that the process that is seen is the server.
    return ["env", f"WORKERS={workers}", "node", str(PEERS / peer / "server.js")]


def _uvicorn(python: Path, app: str, workers: int) -> list[str]:
    command = [str(python), "-m", "uvicorn", f"{app}:app", "--app-dir", str(PEERS)]
    settings = ["--workers", str(workers), "--no-access-log", "--log-level", "warning"]
    return ["sh", "-c", 'exec "$@" --port "$PORT"', "sh", *command, *settings]


GRAPHQL_AUTH = Contender(
    name="graphql-auth",
    command=_graphql_auth_serve,
    # All load comes from one address.
    environment={
        "MAX_FAILURES_PER_ADDRESS": "1000000",
        "MAX_REGISTRATIONS_PER_ADDRESS": "1000000",
    },
    welcome=_welcome,
    login=_our_login,
    register=_our_register,
    refresh=_our_refresh,
    token_in=lambda answer: str(_payload(answer)["token"]),
    refresh_token_in=lambda answer: str(_payload(answer)["refreshToken"]),
    welcomed='{"welcome":"Welcome 🙌"}',
)

EXPRESS = Contender(
    name="Express original",
    command=lambda workers: _node("express", workers),
    environment={"NODE_ENV": "production"},
    welcome=_express_welcome,
    login=_express_login,
    register=_express_register,
    refresh=None,
    token_in=lambda answer: str(answer["token"]),
    refresh_token_in=None,
    welcomed="Welcome 🙌",
)

APOLLO_SERVER = Contender(
    name="Apollo Server 5",
    command=lambda workers: _node("apollo_server", workers),
    environment={"NODE_ENV": "production"},
    welcome=_welcome,
    login=_login,
    register=_register,
    refresh=None,
    token_in=lambda answer: str(_payload(answer)["token"]),
    refresh_token_in=None,
    welcomed='{"welcome":"Welcome 🙌"}',
)

STOCK_STRAWBERRY = Contender(
    name="stock Strawberry",
    command=lambda workers: _uvicorn(Path(sys.executable), "stock_strawberry", workers),
    environment={},
    welcome=_welcome,
    login=_login,
    register=_register,
    refresh=None,
    token_in=lambda answer: str(_payload(answer)["token"]),
    refresh_token_in=None,
    # It writes JSON in ASCII.
    welcomed=r'{"welcome":"Welcome \ud83d\ude4c"}',
)

FASTAPI = Contender(
    name="FastAPI Users",
    command=lambda workers: _uvicorn(
        FASTAPI_USERS / "bin" / "python", "fastapi_users_app", workers
    ),
    environment={},
    welcome=_fastapi_welcome,
    login=_fastapi_login,
    register=_fastapi_register,
    refresh=None,
    token_in=lambda answer: str(answer["access_token"]),
    refresh_token_in=None,
    welcomed="Welcome 🙌",
)

BARE_STARLETTE = Contender(
    name="bare Starlette",
    command=lambda workers: _uvicorn(Path(sys.executable), "bare_starlette", workers),
    environment={},
    welcome=_welcome,
    login=None,
    register=None,
    refresh=None,
    token_in=lambda answer: str(answer["token"]),
    refresh_token_in=None,
    welcomed='{"welcome":"Welcome 🙌"}',
)

CONTENDERS: tuple[Contender, ...] = (
    GRAPHQL_AUTH,
    EXPRESS,
    APOLLO_SERVER,
    STOCK_STRAWBERRY,
    FASTAPI,
    BARE_STARLETTE,
)

if __name__ == "__main__":
    from benchmarks.peers.self_check import check

    install()
    check(CONTENDERS, token_signed_by)
