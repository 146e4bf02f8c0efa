"""The servers that are measured, each set up as a careful user of its documentation does.

None logs requests. All that are measured by logins hash with bcrypt at the same cost.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.http_client import Request, WrongAnswer

HERE = Path(__file__).parent
JSON = {"Content-Type": "application/json"}
PASSWORD = "correct-horse-battery-staple"  # noqa: S105 - of test accounts
WELCOME = "Welcome 🙌"
OUR_FIELDS = "token refreshToken user { id }"
# Of the user whose token is used.
EMAIL = "user0@example.com"


def not_offered(_argument: str) -> Request:
    raise WrongAnswer("it does not offer this")


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that can be measured.

    ``command`` starts it. ``welcome`` and ``viewer`` take an access token: a guarded read without
    the database, and one of it. ``login`` and ``register`` take an e-mail.
    """

    name: str
    command: list[str]
    welcome: Callable[[str], Request] = not_offered
    viewer: Callable[[str], Request] = not_offered
    login: Callable[[str], Request] = not_offered
    register: Callable[[str], Request] = not_offered
    environment: Mapping[str, str] = field(default_factory=dict)
    token_field: str = "token"  # noqa: S105 - a name

    @property
    def guarded(self) -> Callable[[str], Request]:
        return self.viewer if self.welcome is not_offered else self.welcome


def graphql(query: str, token: str = "", expected: str = '"data"', **variables: object) -> Request:
    headers = JSON | ({"Authorization": f"Bearer {token}"} if token else {})
    body = {"query": query} | ({"variables": variables} if variables else {})
    return Request("POST", "/graphql", headers, json.dumps(body), expected)


def _rest(path: str, email: str, **names: str) -> Request:
    body = {"email": email, "password": PASSWORD, **names}
    return Request("POST", path, JSON, json.dumps(body))


def _get(path: str, token: str, expected: str) -> Request:
    return Request("GET", path, {"Authorization": f"Bearer {token}"}, "", expected)


def _welcome(token: str, greeting: str = WELCOME) -> Request:
    return graphql("{ welcome }", token, greeting)


def _viewer(token: str) -> Request:
    return graphql("{ viewer { email } }", token, EMAIL)


def _mutation(name: str, fields: str, /, **values: object) -> Request:
    input_type = f"{name[0].upper()}{name[1:]}Input"
    field = f"{name}(input: $input) {{ {fields} }}"
    return graphql(f"mutation ($input: {input_type}!) {{ {field} }}", input=values)


def _login(email: str, fields: str = "token user { id }") -> Request:
    return _mutation("login", fields, email=email, password=PASSWORD)


def _register(email: str, fields: str = "token user { id }") -> Request:
    names = {"firstName": "Ada", "lastName": "Lovelace"}
    return _mutation("register", fields, **names, email=email, password=PASSWORD)


def our_refresh(refresh_token: str) -> Request:
    return _mutation("refreshToken", OUR_FIELDS, refreshToken=refresh_token)


def _fastapi_login(email: str) -> Request:
    # The form of OAuth 2.0, which calls an e-mail a user name.
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode({"username": email, "password": PASSWORD})
    return Request("POST", "/auth/jwt/login", headers, body)


def _parse(request: Request, token: str = "") -> Request:
    headers = {**request.headers, "X-Parse-Application-Id": "benchmark"}
    return replace(request, headers=headers | ({"X-Parse-Session-Token": token} if token else {}))


def _parse_mutation(name: str, **values: object) -> Request:
    return _parse(_mutation(name, "viewer { sessionToken }", **values))


def _node(script: str) -> list[str]:
    return ["node", str(HERE / "node" / script)]


def _uvicorn(app: str, python: Path = Path(sys.executable)) -> list[str]:
    command = [str(python), "-m", "uvicorn", f"benchmarks.peers.{app}:app"]
    command += ["--app-dir", str(HERE.parent.parent)]
    command += ["--loop", "uvloop", "--http", "httptools"]
    return [*command, "--no-access-log", "--log-level", "warning"]


GRAPHQL_AUTH = Peer(
    name="graphql-auth",
    command=[str(Path(sys.executable).parent / "graphql-auth"), "serve"],
    # All load comes from one IP address.
    environment=dict.fromkeys(
        ("MAX_FAILURES_PER_ADDRESS", "MAX_REGISTRATIONS_PER_ADDRESS"), "1000000"
    ),
    welcome=_welcome,
    viewer=_viewer,
    # It issues refresh tokens too.
    login=partial(_login, fields=OUR_FIELDS),
    register=partial(_register, fields=OUR_FIELDS),
)
EXPRESS = Peer(
    name="Express",
    command=_node("express.js"),
    welcome=lambda token: Request("GET", "/welcome", {"x-access-token": token}, "", WELCOME),
    login=partial(_rest, "/login"),
    register=partial(_rest, "/register", first_name="Ada", last_name="Lovelace"),
)
TUTORIAL = replace(EXPRESS, name="Express of the tutorial", environment={"BCRYPT": "bcryptjs"})
APOLLO_SERVER = Peer(
    "Apollo Server 5", _node("apollo.js"), welcome=_welcome, login=_login, register=_register
)
STOCK_STRAWBERRY = Peer(
    name="stock Strawberry",
    command=_uvicorn("stock_strawberry"),
    # It escapes what is not ASCII.
    welcome=partial(_welcome, greeting=r"Welcome \ud83d\ude4c"),
)
CACHED_STRAWBERRY = replace(
    STOCK_STRAWBERRY, name="Strawberry with caches", environment={"CACHES": "on"}
)
FASTAPI_USERS = Peer(
    name="FastAPI Users",
    command=_uvicorn("fastapi_users_app", HERE.parent / ".environments/fastapi_users/bin/python"),
    viewer=partial(_get, "/viewer", expected=EMAIL),
    login=_fastapi_login,
    register=partial(_rest, "/auth/register"),
    token_field="access_token",  # noqa: S106 - a name
)
PARSE_SERVER = Peer(
    name="Parse Server",
    command=_node("parse_server.js"),
    viewer=lambda token: _parse(graphql("{ viewer { user { email } } }", expected=EMAIL), token),
    login=lambda email: _parse_mutation("logIn", username=email, password=PASSWORD),
    register=lambda email: _parse_mutation(
        "signUp", fields={"username": email, "email": email, "password": PASSWORD}
    ),
    token_field="sessionToken",  # noqa: S106 - a name
)
BETTER_AUTH = Peer(
    name="Better Auth",
    command=_node("better_auth.js"),
    viewer=partial(_get, "/api/auth/get-session", expected=EMAIL),
    login=partial(_rest, "/api/auth/sign-in/email"),
    register=partial(_rest, "/api/auth/sign-up/email", name="Ada Lovelace"),
)
BARE_STARLETTE = Peer("bare Starlette", _uvicorn("bare_starlette"), _welcome)
WITH_BCRYPT = (GRAPHQL_AUTH, EXPRESS, TUTORIAL, APOLLO_SERVER, FASTAPI_USERS)
WITH_LOGINS = (*WITH_BCRYPT, PARSE_SERVER, BETTER_AUTH)
PEERS = (*WITH_LOGINS, STOCK_STRAWBERRY, CACHED_STRAWBERRY, BARE_STARLETTE)
# The tutorial's library for passwords makes no difference to a greeting.
WITH_WELCOME = tuple(p for p in PEERS if p.welcome is not not_offered and p is not TUTORIAL)
WITH_VIEWER = tuple(p for p in PEERS if p.viewer is not not_offered)
