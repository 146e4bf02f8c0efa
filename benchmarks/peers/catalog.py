"""The servers that are measured. Each is set up as its own documentation shows for production.

All hash passwords with bcrypt at the same cost, and none logs requests.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks.http_client import Request, WrongAnswer

HERE = Path(__file__).parent
FASTAPI_USERS_PYTHON = HERE.parent / ".environments" / "fastapi_users" / "bin" / "python"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PASSWORD = "correct-horse-battery-staple"  # noqa: S105 - of test accounts
WELCOME = "Welcome 🙌"


def not_offered(_argument: str) -> Request:
    raise WrongAnswer("it does not offer this")


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that can be measured.

    ``command`` starts it; ``welcome`` takes an access token, ``login`` and ``register`` an e-mail.
    """

    name: str
    command: list[str]
    welcome: Callable[[str], Request]
    login: Callable[[str], Request] = not_offered
    register: Callable[[str], Request] = not_offered
    environment: Mapping[str, str] = field(default_factory=dict)
    token_field: str = "token"  # noqa: S105 - a name


def graphql(query: str, token: str = "", expected: str = '"data"', **variables: object) -> Request:
    headers = JSON | ({"Authorization": f"Bearer {token}"} if token else {})
    body = {"query": query} | ({"variables": variables} if variables else {})
    return Request("POST", "/graphql", headers, json.dumps(body), expected)


def _rest(path: str, **body: str) -> Request:
    return Request("POST", path, JSON, json.dumps(body))


def _welcome(token: str) -> Request:
    return graphql("{ welcome }", token, WELCOME)


def _mutation(name: str, fields: str, **values: str) -> Request:
    input_type = f"{name[0].upper()}{name[1:]}Input"
    field = f"{name}(input: $input) {{ {fields} user {{ id }} }}"
    return graphql(f"mutation ($input: {input_type}!) {{ {field} }}", input=values)


def _login(email: str, fields: str = "token") -> Request:
    return _mutation("login", fields, email=email, password=PASSWORD)


def _register(email: str, fields: str = "token") -> Request:
    names = {"firstName": "Ada", "lastName": "Lovelace"}
    return _mutation("register", fields, **names, email=email, password=PASSWORD)


# graphql-auth issues refresh tokens too.
our_login = partial(_login, fields="token refreshToken")
our_register = partial(_register, fields="token refreshToken")


def our_refresh(refresh_token: str) -> Request:
    return _mutation("refreshToken", "token refreshToken", refreshToken=refresh_token)


def our_reset_request(email: str) -> Request:
    request = "requestPasswordReset(input: $input) { email }"
    query = f"mutation ($input: RequestPasswordResetInput!) {{ {request} }}"
    return graphql(query, input={"email": email})


def our_sign_up(email: str) -> Request:
    values = {"firstName": "Ada", "lastName": "Lovelace", "email": email, "password": PASSWORD}
    query = "mutation ($input: SignUpInput!) { signUp(input: $input) { email } }"
    return graphql(query, input=values)


def _express_register(email: str) -> Request:
    names = {"first_name": "Ada", "last_name": "Lovelace"}
    return _rest("/register", **names, email=email, password=PASSWORD)


def _fastapi_welcome(token: str) -> Request:
    return Request("GET", "/welcome", {"Authorization": f"Bearer {token}"}, "", WELCOME)


def _fastapi_login(email: str) -> Request:
    # The form of OAuth 2.0, which calls an e-mail a user name.
    body = urlencode({"username": email, "password": PASSWORD})
    return Request("POST", "/auth/jwt/login", FORM, body)


def _node(script: str) -> dict[str, Any]:
    command = ["node", str(HERE / "node" / script)]
    return {"command": command, "environment": {"NODE_ENV": "production"}}


def _uvicorn(app: str, python: Path = Path(sys.executable)) -> list[str]:
    command = [str(python), "-m", "uvicorn", f"{app}:app", "--app-dir", str(HERE)]
    options = ["--no-access-log", "--log-level", "warning"]
    # The shell passes the port on, and becomes uvicorn.
    return ["sh", "-c", 'exec "$@" --port "$PORT"', "sh", *command, *options]


GRAPHQL_AUTH = Peer(
    name="graphql-auth",
    command=[str(Path(sys.executable).parent / "graphql-auth"), "serve"],
    # All load comes from one IP address.
    environment=dict.fromkeys(
        ("MAX_FAILURES_PER_ADDRESS", "MAX_REGISTRATIONS_PER_ADDRESS"), "1000000"
    ),
    welcome=_welcome,
    login=our_login,
    register=our_register,
)
EXPRESS = Peer(
    name="Express original",
    **_node("express.js"),
    welcome=lambda token: Request("GET", "/welcome", {"x-access-token": token}, "", WELCOME),
    login=lambda email: _rest("/login", email=email, password=PASSWORD),
    register=_express_register,
)
APOLLO_SERVER = Peer(
    "Apollo Server 5", **_node("apollo.js"), welcome=_welcome, login=_login, register=_register
)
STOCK_STRAWBERRY = Peer(
    name="stock Strawberry",
    command=_uvicorn("stock_strawberry"),
    # It escapes what is not ASCII.
    welcome=lambda token: graphql("{ welcome }", token, r"Welcome \ud83d\ude4c"),
    login=_login,
    register=_register,
)
FASTAPI_USERS = Peer(
    name="FastAPI Users",
    command=_uvicorn("fastapi_users_app", FASTAPI_USERS_PYTHON),
    welcome=_fastapi_welcome,
    login=_fastapi_login,
    register=lambda email: _rest("/auth/register", email=email, password=PASSWORD),
    token_field="access_token",  # noqa: S106 - a name
)
BARE_STARLETTE = Peer("bare Starlette", _uvicorn("bare_starlette"), _welcome)
WITH_LOGINS = (GRAPHQL_AUTH, EXPRESS, APOLLO_SERVER, STOCK_STRAWBERRY, FASTAPI_USERS)
PEERS = (*WITH_LOGINS, BARE_STARLETTE)
