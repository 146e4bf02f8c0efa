"""`@auth.claims`: what an application adds to access tokens."""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from pydantic import PrivateAttr

from graphql_auth import ApplicationError, GraphQLAuth, Settings, UserDocument
from graphql_auth.errors import StartError
from graphql_auth.hooks import MAX_CLAIMS_BYTES, RESERVED_CLAIMS, AddClaims, Hooks
from graphql_auth.sessions.refresh_tokens import RefreshToken
from tests.client import REGISTER, code, registration
from tests.library.caller import Caller, Database, running

pytestmark = pytest.mark.anyio

HASURA = "https://hasura.io/jwt/claims"
SECRET = "hunter2hunter2"
LOGIN = "mutation($i: LoginInput!) { done: login(input: $i) { token refreshToken } }"
REFRESH = (
    "mutation($i: RefreshTokenInput!) { done: refreshToken(input: $i) { token refreshToken } }"
)
CHANGE = "mutation($i: ChangePasswordInput!) { done: changePassword(input: $i) { token } }"


def claims_of(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


async def sign_up(caller: Caller, **changes: Any) -> dict[str, Any]:
    return await caller.ask(REGISTER, input=registration(**changes))


def hasura(user: UserDocument) -> dict[str, Any]:
    return {
        HASURA: {
            "x-hasura-default-role": "user",
            "x-hasura-allowed-roles": ["user", *user.roles],
            "x-hasura-user-id": str(user.id),
        }
    }


async def later(user: UserDocument) -> dict[str, Any]:
    await asyncio.sleep(0)
    return hasura(user)


@pytest.mark.parametrize("function", [hasura, later])
async def test_every_token_has_the_claims(
    settings: Settings, function: Callable[[UserDocument], Any]
) -> None:
    auth = GraphQLAuth(settings=settings)
    assert auth.claims(function) is function
    person = registration()
    signing_in = {"email": person["email"], "password": person["password"]}
    async with running(auth) as caller:
        first = (await caller.ask(REGISTER, input=person))["data"]["register"]["token"]
        login = (await caller.ask(LOGIN, i=signing_in))["data"]["done"]
        refresh = (await caller.ask(REFRESH, i={"refreshToken": login["refreshToken"]}))["data"]
        change = {"currentPassword": person["password"], "newPassword": "another good one"}
        changed = (await caller.ask(CHANGE, refresh["done"]["token"], i=change))["data"]
        tokens = [first, login["token"], refresh["done"]["token"], changed["done"]["token"]]
        answers = [await caller.ask("{ welcome }", token) for token in tokens[-1:]]

    for token in tokens:
        claims = claims_of(token)
        assert claims[HASURA]["x-hasura-user-id"] == claims["sub"]
    assert all(answer["data"] for answer in answers)


async def test_function_of_claims_cannot_change_the_user(
    settings: Settings, database: Database
) -> None:
    auth = GraphQLAuth(settings=settings)

    @auth.claims
    def change(user: UserDocument) -> dict[str, Any]:
        user.roles.append("admin")
        user.disabled = True
        user.first_name = "Eve"
        return {"all_roles": user.roles}

    person = registration()
    async with running(auth) as caller:
        payload = (await caller.ask(REGISTER, input=person))["data"]["register"]
        signing_in = {"email": person["email"], "password": person["password"]}
        login = (await caller.ask(LOGIN, i=signing_in))["data"]["done"]
        refresh = {"refreshToken": login["refreshToken"]}
        refreshed = (await caller.ask(REFRESH, i=refresh))["data"]["done"]
        stored = await database["users"].find_one({})

    for token in (payload["token"], login["token"], refreshed["token"]):
        claims = claims_of(token)
        assert (claims["all_roles"], claims.get("roles", [])) == (["admin"], [])
    assert stored
    assert (stored["first_name"], stored["disabled"], "roles" in stored) == ("Ada", False, False)


def broken(_: UserDocument) -> dict[str, Any]:
    raise ValueError(SECRET)


async def broken_later(_: UserDocument) -> dict[str, Any]:
    raise ValueError(SECRET)


def ending(_: UserDocument) -> dict[str, Any]:
    raise SystemExit(SECRET)


async def interrupted(_: UserDocument) -> dict[str, Any]:
    raise KeyboardInterrupt(SECRET)


def returning(value: object) -> AddClaims:
    return lambda _: value


BAD: dict[str, tuple[AddClaims, str]] = {
    "raises": (broken, "ValueError"),
    "raises later": (broken_later, "ValueError"),
    "exits": (ending, "SystemExit"),
    "is interrupted": (interrupted, "KeyboardInterrupt"),
    "None": (returning(None), "a dict"),
    "names": (returning({1: "x"}), "a dict"),
    "bytes": (returning({"x": SECRET.encode()}), "not JSON"),
    "1 twice": (returning({"x": {1: "a", "1": "b"}}), "not JSON"),
    "true twice": (returning({"x": [{True: "a", "true": "b"}]}), "not JSON"),
    "null twice": (returning({"x": {None: "a", "null": "b"}}), "not JSON"),
    "1.5 twice": (returning({"x": {1.5: "a", "1.5": "b"}}), "not JSON"),
    "a set": (returning({"x": {"a"}}), "not JSON"),
    "NaN": (returning({"x": float("nan")}), "not JSON"),
    "size": (returning({"x": "x" * MAX_CLAIMS_BYTES}), "are more than 1000"),
    **{name: (returning({name: 1}), f"reserved: {name}") for name in sorted(RESERVED_CLAIMS)},
}


@pytest.mark.parametrize("kind", BAD)
async def test_wrong_claims_are_an_internal_error_with_one_line(
    kind: str, settings: Settings, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    function, said = BAD[kind]
    auth = GraphQLAuth(settings=settings)
    auth.claims(function)
    async with running(auth) as caller:
        answer = await sign_up(caller)
        sessions = await database["graphql_auth_sessions"].count_documents({})

    assert code(answer) == "INTERNAL_SERVER_ERROR"
    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert line.message.startswith("@auth.claims failed, so there is no access token: ")
    assert said in line.message
    assert SECRET not in caplog.text
    assert sessions == 0


class WithLock(UserDocument):
    """It has an attribute that cannot be copied."""

    _lock: Any = PrivateAttr(default_factory=threading.Lock)


async def test_token_has_the_claims_as_they_were_returned() -> None:
    """An application can return one dict for everybody, and fill it again meanwhile."""
    hooks, shared = Hooks(), {HASURA: {"x-hasura-user-id": "ada"}}
    hooks.add_claims = returning(shared)

    claims = await hooks.claims(WithLock.model_construct())
    shared[HASURA]["x-hasura-user-id"] = "eve"

    assert claims == {HASURA: {"x-hasura-user-id": "ada"}}


async def test_error_of_the_application_reaches_the_client(settings: Settings) -> None:
    auth = GraphQLAuth(settings=settings)

    @auth.claims
    def refuse(_: UserDocument) -> dict[str, Any]:
        raise ApplicationError("The tenant is suspended.", code="TENANT_SUSPENDED")

    async with running(auth) as caller:
        assert code(await sign_up(caller)) == "TENANT_SUSPENDED"


async def test_failed_claims_leave_password_and_refresh_token_as_they_were(
    settings: Settings,
) -> None:
    # Without grace, a token that was exchanged once would end the session.
    auth = GraphQLAuth(settings=settings.model_copy(update={"refresh_grace": timedelta()}))
    is_broken = False

    @auth.claims
    def sometimes(user: UserDocument) -> dict[str, Any]:
        return broken(user) if is_broken else {}

    person = registration()
    async with running(auth) as caller:
        await caller.ask(REGISTER, input=person)
        signing_in = {"email": person["email"], "password": person["password"]}
        login = (await caller.ask(LOGIN, i=signing_in))["data"]["done"]
        refresh = {"refreshToken": login["refreshToken"]}
        change = {"currentPassword": person["password"], "newPassword": "another good one"}
        is_broken = True
        assert code(await caller.ask(REFRESH, i=refresh)) == "INTERNAL_SERVER_ERROR"
        assert code(await caller.ask(CHANGE, login["token"], i=change)) == "INTERNAL_SERVER_ERROR"
        ids = (claims_of(login["token"])[name] for name in ("sub", "sid"))
        unknown = {"refreshToken": RefreshToken.first(*ids).encode()}
        assert code(await caller.ask(REFRESH, i=unknown)) == "UNAUTHENTICATED"

        is_broken = False
        assert (await caller.ask(REFRESH, i=refresh))["data"]
        assert (await caller.ask(LOGIN, i=signing_in))["data"]


async def test_deleted_user_is_not_asked_for_claims(settings: Settings, database: Database) -> None:
    auth = GraphQLAuth(settings=settings)
    seen = []

    @auth.claims
    def see(user: UserDocument) -> dict[str, Any]:
        seen.append(user)
        return {}

    async with running(auth) as caller:
        person = registration()
        await caller.ask(REGISTER, input=person)
        signing_in = {"email": person["email"], "password": person["password"]}
        login = (await caller.ask(LOGIN, i=signing_in))["data"]["done"]
        await database["users"].delete_many({})
        answer = await caller.ask(REFRESH, i={"refreshToken": login["refreshToken"]})

    assert code(answer) == "UNAUTHENTICATED"
    assert len(seen) == 2


def test_there_is_one_function_of_claims() -> None:
    auth = GraphQLAuth()
    auth.claims(hasura)

    with pytest.raises(StartError, match="another function"):
        auth.claims(later)


def test_function_of_claims_gets_the_user() -> None:
    def without_user() -> dict[str, Any]:
        return {}

    with pytest.raises(TypeError):
        GraphQLAuth().claims(without_user)  # type: ignore[arg-type]
