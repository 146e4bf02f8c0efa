"""The servers that are measured, each set up as a careful user of its documentation does.

None logs requests. All that are measured by logins hash with bcrypt at the same cost.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
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


def _rest(path: str, **body: str) -> Request:
    return Request("POST", path, JSON, json.dumps(body))


def _get(path: str, token: str, expected: str) -> Request:
    return Request("GET", path, {"Authorization": f"Bearer {token}"}, "", expected)


def _welcome(token: str, greeting: str = WELCOME) -> Request:
    return graphql("{ welcome }", token, greeting)


def _viewer(token: str) -> Request:
    return graphql("{ viewer { email } }", token, EMAIL)


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


def _express_register(email: str) -> Request:
    names = {"first_name": "Ada", "last_name": "Lovelace"}
    return _rest("/register", **names, email=email, password=PASSWORD)


def _fastapi_login(email: str) -> Request:
    # The form of OAuth 2.0, which calls an e-mail a user name.
    body = urlencode({"username": email, "password": PASSWORD})
    return Request("POST", "/auth/jwt/login", FORM, body)


def _parse(request: Request, token: str = "") -> Request:
    headers = {**request.headers, "X-Parse-Application-Id": "benchmark"}
    return replace(request, headers=headers | ({"X-Parse-Session-Token": token} if token else {}))


def _parse_mutation(name: str, **values: object) -> Request:
    field = f"{name}(input: $input) {{ viewer {{ sessionToken }} }}"
    input_type = f"{name[0].upper()}{name[1:]}Input"
    return _parse(graphql(f"mutation ($input: {input_type}!) {{ {field} }}", input=values))


def _parse_register(email: str) -> Request:
    fields = {"username": email, "email": email, "password": PASSWORD}
    return _parse_mutation("signUp", fields=fields)


def _better_auth(action: str, email: str) -> Request:
    names = {"name": "Ada Lovelace"} if action == "sign-up" else {}
    return _rest(f"/api/auth/{action}/email", **names, email=email, password=PASSWORD)


def _node(script: str, **environment: str) -> dict[str, Any]:
    command = ["node", str(HERE / "node" / script)]
    return {"command": command, "environment": {"NODE_ENV": "production", **environment}}


def _uvicorn(app: str, python: Path = Path(sys.executable)) -> list[str]:
    command = [str(python), "-m", "uvicorn", f"{app}:app", "--app-dir", str(HERE)]
    options = ["--loop", "uvloop", "--http", "httptools"]
    options += ["--no-access-log", "--log-level", "warning"]
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
    viewer=_viewer,
    login=our_login,
    register=our_register,
)
_EXPRESS: dict[str, Any] = {
    "welcome": lambda token: Request("GET", "/welcome", {"x-access-token": token}, "", WELCOME),
    "login": lambda email: _rest("/login", email=email, password=PASSWORD),
    "register": _express_register,
}
EXPRESS = Peer("Express", **_node("express.js"), **_EXPRESS)
TUTORIAL = Peer("Express of the tutorial", **_node("express.js", BCRYPT="bcryptjs"), **_EXPRESS)
APOLLO_SERVER = Peer(
    "Apollo Server 5", **_node("apollo.js"), welcome=_welcome, login=_login, register=_register
)
_STRAWBERRY: dict[str, Any] = {
    "command": _uvicorn("stock_strawberry"),
    # It escapes what is not ASCII.
    "welcome": partial(_welcome, greeting=r"Welcome \ud83d\ude4c"),
}
STOCK_STRAWBERRY = Peer("stock Strawberry", **_STRAWBERRY)
CACHED_STRAWBERRY = Peer("Strawberry with caches", **_STRAWBERRY, environment={"CACHES": "on"})
FASTAPI_USERS = Peer(
    name="FastAPI Users",
    command=_uvicorn("fastapi_users_app", FASTAPI_USERS_PYTHON),
    viewer=partial(_get, "/viewer", expected=EMAIL),
    login=_fastapi_login,
    register=lambda email: _rest("/auth/register", email=email, password=PASSWORD),
    token_field="access_token",  # noqa: S106 - a name
)
PARSE_SERVER = Peer(
    name="Parse Server",
    **_node("parse_server.js"),
    viewer=lambda token: _parse(graphql("{ viewer { user { email } } }", expected=EMAIL), token),
    login=lambda email: _parse_mutation("logIn", username=email, password=PASSWORD),
    register=_parse_register,
    token_field="sessionToken",  # noqa: S106 - a name
)
BETTER_AUTH = Peer(
    name="Better Auth",
    **_node("better_auth.js"),
    viewer=partial(_get, "/api/auth/get-session", expected=EMAIL),
    login=partial(_better_auth, "sign-in"),
    register=partial(_better_auth, "sign-up"),
)
BARE_STARLETTE = Peer("bare Starlette", _uvicorn("bare_starlette"), _welcome)
WITH_BCRYPT = (GRAPHQL_AUTH, EXPRESS, TUTORIAL, APOLLO_SERVER, FASTAPI_USERS)
WITH_LOGINS = (*WITH_BCRYPT, PARSE_SERVER, BETTER_AUTH)
PEERS = (*WITH_LOGINS, STOCK_STRAWBERRY, CACHED_STRAWBERRY, BARE_STARLETTE)
# The tutorial's library for passwords makes no difference to a greeting.
WITH_WELCOME = tuple(p for p in PEERS if p.welcome is not not_offered and p is not TUTORIAL)
WITH_VIEWER = tuple(p for p in PEERS if p.viewer is not not_offered)
